package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"

	"troupe/storage"
)

// encoded is a batch as it goes out.
func encoded(lane Lane, frames ...*outFrame) []byte {
	b := &batch{frames: frames}
	var out []byte
	for _, p := range b.fill(lane) {
		out = append(out, p...)
	}
	return out
}

func message(head string, parts ...int) *outFrame {
	m := &Send{Kind: KindReplication, Head: []byte(head)}
	for i, n := range parts {
		m.Parts = append(m.Parts, Part{Bytes: bytes.Repeat([]byte{byte(i + 1)}, n)})
	}
	return &outFrame{typ: frameMessage, kind: m.Kind, bytes: m.Head, send: m}
}

// Frames of all sizes, whole and in pieces, come back as they were, in as few pieces as the copying of small ones allows.
func TestFrames(t *testing.T) {
	sizes := []int{0, 1, 100, copyBelow - 1, copyBelow, copyBelow + 1, 70_000}
	var list []*outFrame
	for _, a := range sizes {
		list = append(list, message("h", a), message("", a, a), &outFrame{typ: framePing, id: uint64(a)})
		for _, b := range sizes {
			list = append(list, message(string(bytes.Repeat([]byte("x"), b)), b, a, 3, b))
		}
	}
	all := encoded(Append, list...)
	want := 0
	for _, f := range list {
		want += f.size()
	}
	if len(all) != want {
		t.Fatalf("%d bytes, by their sizes %d", len(all), want)
	}
	for _, buffer := range []int{16, 4096, 1 << 20} {
		src := bufio.NewReaderSize(bytes.NewReader(all), buffer)
		r := &frameReader{lane: Append}
		var back []frame
		for len(back) < len(list) {
			fs, err := r.frames(src)
			if err != nil {
				t.Fatal(err)
			}
			back = append(back, fs...)
		}
		for i, f := range back {
			o := list[i]
			if f.typ != o.typ || f.kind != o.kind || f.id != o.id || !bytes.Equal(f.bytes, o.bytes) || f.size() != o.size() {
				t.Fatalf("frame %d: %+v", i, f.header)
			}
			if o.send != nil {
				for k, p := range o.send.Parts {
					if !bytes.Equal(f.slab.Batch(k), p.Bytes) {
						t.Fatalf("frame %d, part %d", i, k)
					}
				}
			}
			f.release()
		}
	}
}

func TestDamagedFrames(t *testing.T) {
	noSlabsLeft(t)
	good := encoded(Append, message("head", 3000, 50))
	for at := range good {
		for _, bit := range []byte{1, 0x80} {
			b := bytes.Clone(good)
			b[at] ^= bit
			if f, err := (&frameReader{lane: Append}).frame(bufio.NewReader(bytes.NewReader(b))); err == nil {
				t.Fatalf("byte %d changed, and nobody sees it: %+v", at, f.header)
			}
		}
	}
	for n := range good {
		if _, err := (&frameReader{lane: Append}).frame(bufio.NewReader(bytes.NewReader(good[:n]))); err == nil {
			t.Fatalf("cut at %d, and nobody sees it", n)
		}
	}
	second := encoded(Append, message("a"), message("b"))
	r := &frameReader{lane: Append}
	if _, err := r.frame(bufio.NewReader(bytes.NewReader(second[len(second)/2:]))); err == nil {
		t.Fatal("a frame is missing, and nobody sees it")
	}
}

// patient is a source that never ends and counts what is taken from it.
type patient struct{ n int }

func (p *patient) Read(b []byte) (int, error) {
	if p.n > 1<<20 {
		return 0, io.EOF
	}
	p.n += len(b)
	return len(b), nil
}

// What a header alone shows to be wrong is refused before anything is allocated or read for it.
func TestHugeFrames(t *testing.T) {
	f := func(lane Lane, change func(h *header)) {
		t.Helper()
		h := header{length: 10, typ: frameMessage, lane: lane, kind: KindRaft, head: 10}
		change(&h)
		var b [frameHeader]byte
		h.put(b[:])
		rest := &patient{}
		allocs := testing.AllocsPerRun(1, func() {
			rest.n = 0
			_, err := parseHeader(b[:], lane, 0)
			if err == nil {
				t.Errorf("taken: %+v", h)
			}
		})
		if _, err := (&frameReader{lane: lane}).frame(bufio.NewReaderSize(io.MultiReader(bytes.NewReader(b[:]), rest), 16)); err == nil || rest.n > 0 || allocs > 8 {
			t.Errorf("%v after %d bytes and %v allocations: %+v", err, rest.n, allocs, h)
		}
	}
	f(Control, func(h *header) { h.length, h.head = MaxControl+1, MaxControl+1 })
	f(Append, func(h *header) { h.length = MaxAppend + 1; h.parts = 1 })
	f(Bulk, func(h *header) { h.length = 1<<32 - 1; h.parts = 1 })
	f(Append, func(h *header) { h.parts = MaxParts + 1; h.length = MaxAppend })
	f(Append, func(h *header) { h.parts = 1<<32 - 1; h.length = 1<<32 - 1 })
	f(Append, func(h *header) { h.head = 1<<32 - 1 })
	f(Control, func(h *header) { h.parts = 1; h.length = 20 })
	f(Control, func(h *header) { h.head = 9 })
	f(Control, func(h *header) { h.lane = Bulk })
	f(Control, func(h *header) { h.typ = 0 })
	f(Control, func(h *header) { h.typ = frameTypes })
	f(Control, func(h *header) { h.typ = framePing })
	f(Append, func(h *header) { h.typ = frameAsk })
	f(Control, func(h *header) { h.number = 1 })
}

func FuzzFrames(f *testing.F) {
	f.Add(encoded(Append, message("head", 10, 0, 300), &outFrame{typ: framePing}), uint8(Append))
	f.Add(encoded(Control, &outFrame{typ: frameAsk, id: 7, bytes: []byte("question")}, &outFrame{typ: frameCredit, id: 1<<56 | 5}), uint8(Control))
	f.Fuzz(func(t *testing.T, b []byte, lane uint8) {
		live := storage.SlabsLive()
		// The checksum of the first frame is made right, so that what stands behind it is looked at.
		if len(b) >= frameHeader {
			b = bytes.Clone(b)
			end := min(FrameSize(b), len(b))
			binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[8:max(end, 8)], castagnoli))
		}
		r := &frameReader{lane: Lane(lane) % lanes}
		src := bufio.NewReaderSize(bytes.NewReader(b), 64)
		for {
			list, err := r.frames(src)
			for i := range list {
				x := &list[i]
				n := frameHeader + len(x.bytes)
				if x.slab != nil {
					for k := range x.slab.Len() {
						n += 4 + len(x.slab.Batch(k))
					}
				}
				if n != x.size() {
					t.Fatalf("frame of %d bytes that holds %d", x.size(), n)
				}
				x.release()
			}
			if err != nil {
				break
			}
		}
		if storage.SlabsLive() != live {
			t.Fatal("a slab was not given back")
		}
	})
}
