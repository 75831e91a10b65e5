package bootstrap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"troupe/actors/meta"
)

func TestCanonical(t *testing.T) {
	f := func(list, want string) {
		t.Helper()
		got, err := Canonical(strings.Fields(list))
		s := strings.Join(got, " ")
		if err != nil {
			s = err.Error()
		}
		if s != want && (err == nil || !strings.Contains(s, want)) {
			t.Errorf("got %s, want %s", s, want)
		}
	}
	f("", "")
	f("b:1 a:1", "a:1 b:1")
	f("a:10093 a:9093 A:9093", "a:9093 a:10093") // by number, names in lower case, each once
	f("[::1]:5", "[::1]:5")
	f("a", "want HOST:PORT")
	f("a:0", "is not a port")
	f("a:65536", "is not a port")
	f(":9093", "names no host")
	f("0.0.0.0:9093", "names no host")
	f("[::]:9093", "names no host")
	many := ""
	for i := range MaxSeeds + 1 {
		many += fmt.Sprintf("h%d:1 ", i)
	}
	f(many, "at most 32")
}

func store(n int) (s [16]byte) {
	if n != 0 {
		s[0], s[15] = byte(n), 7
	}
	return s
}

// seatsOf reads "ADDRESS=STORE", with * for the own one and ? for one that was not heard.
func seatsOf(text string) (list []seat) {
	for _, w := range strings.Fields(text) {
		a, s, _ := strings.Cut(w, "=")
		x := seat{address: a + ":1", self: s == "*", heard: s != "*" && s != "?"}
		if x.heard {
			var n int
			fmt.Sscan(s, &n)
			x.store = store(n)
		}
		list = append(list, x)
	}
	return list
}

// The founders are complete only when at every seed somebody was heard whose own question waits here, each for one seat only. All
// combinations for the two others of three: not heard, heard as 2 or as 3, and who asks.
func TestSeated(t *testing.T) {
	me := founder{store: store(1)}
	for _, second := range []string{"?", "1", "2", "3"} {
		for _, third := range []string{"?", "1", "2", "3"} {
			for asks := range 4 {
				var asking []founder
				for n := 2; n <= 3; n++ {
					if asks>>(n-2)&1 == 1 {
						asking = append(asking, founder{store: store(n)})
					}
				}
				here := func(s string) bool { return s == "2" && asks&1 == 1 || s == "3" && asks&2 == 2 }
				want := here(second) && here(third) && second != third
				all, missing := seated(seatsOf("a=* b="+second+" c="+third), me, asking)
				if got := len(missing) == 0; got != want {
					t.Errorf("b=%s c=%s asking %b: complete is %v, missing %v", second, third, asks, got, missing)
				}
				if want && (all[0].store != me.store || fmt.Sprint(all[1].store[0]) != second || fmt.Sprint(all[2].store[0]) != third) {
					t.Errorf("b=%s c=%s: %v is not in the order of the seats", second, third, all)
				}
			}
		}
	}
}

func TestRecord(t *testing.T) {
	f := func(ids string, want string) {
		t.Helper()
		var all []founder
		var seats []seat
		for i, w := range strings.Fields(ids) {
			var id int32
			fmt.Sscan(w, &id)
			all = append(all, founder{store(i + 1), statement{NodeID: id, Level: meta.MaxFeatureLevel}})
			seats = append(seats, seat{address: fmt.Sprintf("h%d:9093", i+1)})
		}
		r, err := record(seats, all, "clusterclusterclusterA", 1, nil)
		if err != nil {
			if err.Error() != want {
				t.Errorf("%s: %v", ids, err)
			}
			return
		}
		var got []string
		for i, n := range r.Founders {
			got = append(got, fmt.Sprint(n.ID))
			if n.StoreID != all[i].store || n.RaftID != meta.RaftIDOf(1, n.ID) || meta.PeerAddress(&n) != seats[i].address {
				t.Errorf("%s: founder %d is %+v", ids, i, n)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: node ids %s, want %s", ids, s, want)
		}
		if again, err := Decode(Encode(r)); err != nil || Encode(again) != Encode(r) {
			t.Errorf("%s: the record reads back as %+v, %v", ids, again, err)
		}
	}
	f("0", "1")
	f("0 0 0", "1 2 3")
	f("0 1 0", "2 1 3")
	f("0 0 1", "2 3 1")
	f("7 0 9", "7 2 9")
	f("2 0 0", "2 3 4")
	f("5 0 5", "h1:9093 and h3:9093 both want --node-id 5: give one of them another")
}

// The level of a new cluster is one that all its founders understand.
func TestRecordLevel(t *testing.T) {
	r, err := record(seatsOf("a=* b=2"), []founder{{store(1), statement{Level: 9}}, {store(2), statement{Level: 1}}}, "x", 1, nil)
	if err != nil || r.FeatureLevel != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestVoters(t *testing.T) {
	for n, want := range []int{0, 1, 1, 3, 3, 3} {
		r := &meta.InitCluster{}
		for i := range n {
			r.Founders = append(r.Founders, meta.Node{ID: int32(i + 1), RaftID: meta.RaftIDOf(1, int32(i+1))})
		}
		if n == 0 {
			continue
		}
		if v := Voters(r); len(v) != want || !slices.IsSorted(v) {
			t.Errorf("%d founders: voters %v, want %d", n, v, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := Alone("clusterclusterclusterA", 1, store(1), "a:1", "v", 1, nil)
	if r, err := Decode(""); r != nil || err != nil {
		t.Errorf("no record is %v, %v", r, err)
	}
	bad := func(what, s string) {
		if r, err := Decode(s); err == nil {
			t.Errorf("%s: taken as %+v", what, r)
		}
	}
	bad("half of one", Encode(good)[:20])
	bad("another command", string(meta.Encode(meta.Envelope{Cmd: meta.AddNode{StoreID: store(1), RequestedID: 1}})))
	twice := *good
	twice.Founders = append(twice.Founders, twice.Founders[0])
	bad("a founder twice", Encode(&twice))
	nobody := *good
	nobody.Founders = nil
	bad("no founder", Encode(&nobody))
}

// image is a cluster of good's founder, node 1, and of node 2 at b:1 with store 2.
func image(t *testing.T, r *meta.InitCluster) *meta.Image {
	img := meta.NewImage()
	for i, cmd := range []meta.Command{*r, meta.AddNode{StoreID: store(2), RequestedID: -1, Endpoints: []meta.Endpoint{endpoint("b:1")}}} {
		next, _, res := meta.Apply(img, uint64(i+2), meta.Envelope{Cmd: cmd})
		if res.Code != 0 {
			t.Fatal(res)
		}
		img = next
	}
	return img
}

// What a member says without a proposal: the record to those whom it names, and whom the cluster has not replaced since.
func TestOffer(t *testing.T) {
	r := Alone("clusterclusterclusterA", 1, store(1), "a:1", "v", 1, nil)
	img := image(t, r)
	anew, _, res := meta.Apply(img, 9, meta.Envelope{Cmd: meta.AddNode{StoreID: store(9), RequestedID: 1}})
	if res.Code != 0 {
		t.Fatal(res)
	}
	f := func(img *meta.Image, r *meta.InitCluster, s int, level uint32, want string) {
		t.Helper()
		got := "proposed"
		if x := offer(img, r, "encoded", store(s), statement{Level: level}); x != nil {
			got = x.State
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	empty := meta.NewImage()
	f(empty, r, 1, 1, stateFounded)
	f(empty, r, 2, 1, stateWaiting)
	f(empty, nil, 1, 1, stateWaiting)
	f(img, r, 1, 1, stateFounded)
	f(img, nil, 1, 1, "proposed") // this one joined later; AddNode knows the store
	f(img, r, 2, 1, "proposed")
	f(img, r, 3, 1, "proposed")
	f(img, r, 3, 0, stateRefused)
	f(anew, r, 1, 1, "proposed") // its node id went to another disk
}

// An image that is behind never tells a node that it was replaced: it would end for good.
func TestReplacedByImage(t *testing.T) {
	img := image(t, Alone("clusterclusterclusterA", 1, store(1), "a:1", "v", 1, nil))
	f := func(img *meta.Image, cluster string, node int32, generation uint32, want string) {
		t.Helper()
		if r := replaced(img, cluster, node, meta.RaftIDOf(generation, node)); r.State != want {
			t.Errorf("got %+v, want %s", r, want)
		}
	}
	const us = "clusterclusterclusterA"
	f(img, us, 1, 0, stateRefused)
	f(img, us, 1, 1, stateWaiting)
	f(img, us, 1, 2, stateWaiting) // it was given after what this image knows
	f(img, us, 3, 0, stateWaiting)
	f(img, "another", 1, 0, stateWaiting)
	f(meta.NewImage(), us, 1, 1, stateWaiting)
	gone, _, res := meta.Apply(img, 9, meta.Envelope{Cmd: meta.RemoveNode{NodeID: 2}})
	if res.Code != 0 {
		t.Fatal(res)
	}
	f(gone, us, 2, 0, stateRefused)
	f(gone, us, 2, 1, stateWaiting) // it was given after what this image knows
	f(gone, "another", 2, 0, stateWaiting)
	f(gone, us, 1, 1, stateWaiting)
}

func TestWanted(t *testing.T) {
	img := image(t, Alone("clusterclusterclusterA", 1, store(1), "a:1", "v", 1, nil))
	f := func(id int32, address string, want int32) {
		t.Helper()
		if got := wanted(img, statement{NodeID: id, Address: address}); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	f(0, "c:1", -1)
	f(0, "", -1)
	f(5, "c:1", 5)
	f(5, "b:1", 5)
	f(0, "b:1", 2) // back at its address, without its disk
	f(0, "a:1", 1)
}

func FuzzWire(f *testing.F) {
	f.Add(encode(statement{Seeds: []string{"a:1"}, Level: 1}))
	f.Add(encode(reply{State: stateAdded, ClusterID: "x", NodeID: 1, RaftID: 1<<32 | 1}))
	f.Add([]byte(Encode(Alone("clusterclusterclusterA", 1, store(1), "a:1", "v", 1, nil))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseStatement(b); err == nil && (s.Level == 0 || s.NodeID < 0) {
			t.Errorf("taken: %+v", s)
		}
		if r, err := parseReply(b); err == nil && r.State == stateAdded && (r.NodeID < 1 || uint32(r.RaftID) != uint32(r.NodeID)) {
			t.Errorf("taken: %+v", r)
		}
		if r, err := Decode(string(b)); err == nil && r != nil && len(Voters(r))%2 == 0 {
			t.Errorf("voters %v of %+v", Voters(r), r)
		}
	})
}
