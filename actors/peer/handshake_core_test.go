package peer

import (
	"bytes"
	"testing"
)

var (
	us   = Identity{ClusterID: testCluster, NodeID: 1, StoreID: storeOf(1), Incarnation: 3, Address: "127.0.0.1:9093"}
	them = Identity{ClusterID: testCluster, NodeID: 2, StoreID: storeOf(2), Incarnation: 5}
)

// shake lets two sides do a handshake; spoil may change what is on its way: step 0 and 1 are greetings, 2 and 3 what follows.
func shake(dialler, acceptor *handshake, spoil func(step int, b []byte) []byte) (derr, aerr error) {
	if spoil == nil {
		spoil = func(_ int, b []byte) []byte { return b }
	}
	write, _ := dialler.begin(bytes.Repeat([]byte{1}, 32))
	acceptor.begin(bytes.Repeat([]byte{2}, 32))
	for step := 0; ; step += 2 {
		back, _, err := acceptor.next(spoil(step, bytes.Clone(write)))
		aerr = err
		if back == nil {
			return derr, aerr
		}
		if write, _, derr = dialler.next(spoil(step+1, bytes.Clone(back))); derr != nil || write == nil {
			return derr, aerr
		}
	}
}

func pair(d, a Identity, lane Lane, ds, as string) (dialler, acceptor *handshake) {
	w := [lanes]uint32{0, 7, 8}
	return &handshake{dialler: true, me: hello{Identity: d, lane: lane, session: 77, last: 66, windows: w}, secret: []byte(ds), judge: d.judge},
		&handshake{me: hello{Identity: a, windows: w}, secret: []byte(as), judge: a.judge}
}

func TestHandshake(t *testing.T) {
	d, a := pair(us, them, Append, "s", "s")
	if derr, aerr := shake(d, a, nil); derr != nil || aerr != nil {
		t.Fatal(derr, aerr)
	}
	if d.them.Identity != them || a.them.Identity != us || a.them.lane != Append || a.them.session != 77 || a.them.last != 66 || a.them.windows != [lanes]uint32{0, 7, 8} {
		t.Fatalf("%+v\n%+v", d.them, a.them)
	}
}

func TestHandshakeRefuses(t *testing.T) {
	f := func(d, a Identity, lane Lane, ds, as, derr, aerr string) {
		t.Helper()
		dd, aa := pair(d, a, lane, ds, as)
		e1, e2 := shake(dd, aa, nil)
		text := func(err error) string {
			if err == nil {
				return ""
			}
			return err.Error()
		}
		if text(e1) != derr || text(e2) != aerr {
			t.Errorf("dialler %q, acceptor %q", text(e1), text(e2))
		}
		if ds != as && aa.them != (hello{}) {
			t.Errorf("the hello of somebody without the secret was read: %+v", aa.them)
		}
	}
	with := func(i Identity, change func(i *Identity)) Identity { change(&i); return i }
	other := with(them, func(i *Identity) { i.ClusterID = "bbbbbbbbbbbbbbbbbbbbbb" })
	nobody := with(them, func(i *Identity) { i.ClusterID, i.NodeID = "", 0 })
	twin := with(them, func(i *Identity) { i.NodeID = 1 })

	f(us, them, Control, "s", "t", "refused by them, unproven: the peer secrets differ", "refused: the peer secrets differ")
	f(us, them, Control, "", "t", "refused by them, unproven: the peer secrets differ", "refused: the peer secrets differ")
	f(us, them, Control, "s", "", "refused by them, unproven: the peer secrets differ", "refused: the peer secrets differ")
	f(us, other, Control, "", "", "refused: it belongs to another cluster (aaaaaaaaaaaaaaaaaaaaaa here, bbbbbbbbbbbbbbbbbbbbbb there)",
		"refused: it belongs to another cluster (bbbbbbbbbbbbbbbbbbbbbb here, aaaaaaaaaaaaaaaaaaaaaa there)")
	f(us, other, laneVisit, "", "", "refused: it belongs to another cluster (aaaaaaaaaaaaaaaaaaaaaa here, bbbbbbbbbbbbbbbbbbbbbb there)",
		"refused: it belongs to another cluster (bbbbbbbbbbbbbbbbbbbbbb here, aaaaaaaaaaaaaaaaaaaaaa there)")
	f(us, us, Control, "", "", "refused: it is this broker itself", "refused: it is this broker itself")
	f(us, us, laneVisit, "", "", "refused: it is this broker itself", "refused: it is this broker itself")
	f(us, nobody, Control, "", "", "refused: it has no cluster and node id yet", "refused: it has no cluster and node id yet")
	f(nobody, us, Bulk, "", "", "refused: it has no cluster and node id yet", "refused: it has no cluster and node id yet")
	f(nobody, us, laneVisit, "", "", "", "")
	f(us, twin, Control, "", "", "refused: it has the same node id, but another data directory (node 1)", "refused: it has the same node id, but another data directory (node 1)")
}

// Whatever is changed on the way, or repeated from an earlier handshake, or sent back: nobody is let in.
func TestHandshakeProof(t *testing.T) {
	var old [4][]byte
	d, a := pair(us, them, Control, "s", "s")
	shake(d, a, func(step int, b []byte) []byte { old[step] = bytes.Clone(b); return b })
	for step := range 4 {
		for at := range len(old[step]) {
			d, a := pair(us, them, Control, "s", "s")
			derr, aerr := shake(d, a, func(n int, b []byte) []byte {
				if n == step {
					b[at] ^= 1
				}
				return b
			})
			if derr == nil && aerr == nil {
				t.Fatalf("a change of byte %d of step %d went unnoticed", at, step)
			}
		}
	}
	// A listener repeats what an honest dialler said, against a fresh nonce.
	_, a = pair(us, them, Control, "s", "s")
	a.begin(bytes.Repeat([]byte{9}, 32))
	a.next(old[0])
	if _, _, err := a.next(old[2]); err == nil {
		t.Fatal("a repeated proof was taken")
	}
	// Somebody without the secret sends the dialler's own proof back.
	d, _ = pair(us, them, Control, "s", "s")
	mine, _ := d.begin(bytes.Repeat([]byte{1}, 32))
	step, _, _ := d.next(bytes.Clone(mine))
	if _, _, err := d.next(bytes.Clone(step)); err == nil {
		t.Fatal("a proof that was sent back was taken")
	}
}

func TestHandshakeStrangers(t *testing.T) {
	for _, say := range []string{"GET / HTTP/1.1\r\n", "\x16\x03\x01\x02\x00", "\x00\x00\x00\x20\x00\x12", "nonsense"} {
		_, a := pair(us, them, Control, "", "")
		a.begin(make([]byte, 32))
		b := make([]byte, greetingSize)
		copy(b, say)
		if write, _, err := a.next(b); err == nil || write != nil {
			t.Errorf("%q: answered %x, %v", say, write, err)
		}
	}
	d, a := pair(us, them, Control, "", "")
	derr, aerr := shake(d, a, func(step int, b []byte) []byte { b[11]++; return b })
	if aerr == nil || derr == nil {
		t.Errorf("another version: %v, %v", derr, aerr)
	}
}

func FuzzHandshake(f *testing.F) {
	d, a := pair(us, them, Control, "", "")
	var said [4][]byte
	shake(d, a, func(step int, b []byte) []byte { said[step] = bytes.Clone(b); return b })
	f.Add(said[0], said[2][33:], true)
	f.Add(said[1], said[3][33:], false)
	f.Fuzz(func(t *testing.T, first, second []byte, accept bool) {
		d, a := pair(us, them, Control, "", "")
		h := d
		if accept {
			h = a
		}
		h.begin(make([]byte, 32))
		fixed := func(b []byte, n int) []byte { return append(bytes.Clone(b), make([]byte, n)...)[:n] }
		if _, _, err := h.next(fixed(first, greetingSize)); err != nil {
			return
		}
		step := fixed(append(make([]byte, 33), second...), stepSize)
		copy(step, h.proof(!h.dialler, step[32:])) // as one who has the secret
		if _, _, err := h.next(step); err != nil {
			return
		}
		var again [helloSize]byte
		h.them.put(again[:])
		if back, err := parseHello(again[:]); err != nil || back != h.them {
			t.Fatalf("hello %+v comes back as %+v, %v", h.them, back, err)
		}
	})
}

// Another data directory under a node id is let in only if its runs come after all that the known one can have.
func TestTakes(t *testing.T) {
	known := Link{Node: 2, StoreID: storeOf(2), Before: 1<<40 - 1}
	f := func(m Link, store int, run uint64, want bool) {
		t.Helper()
		if got := m.takes(hello{Identity: Identity{NodeID: 2, StoreID: storeOf(int32(store)), Incarnation: run}}); got != want {
			t.Errorf("store %d, run %x: %v", store, run, got)
		}
	}
	f(known, 2, 7, true)
	f(known, 9, 7, false)       // an older one, or one that nobody took in
	f(known, 9, 1<<40-1, false) // however often it has started
	f(known, 9, 1<<40|1, true)
	f(Link{Node: 2, StoreID: storeOf(2)}, 9, 1<<40|1, false) // it is not known which runs come later
	f(Link{Node: 2}, 9, 1, true)
}
