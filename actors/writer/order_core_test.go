package writer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"troupe/storage"
)

// slabOf is a slab of n batches of one byte each.
func slabOf(n int) *storage.Slab {
	s := storage.NewSlab(n * (storage.SlabOverhead + 1))
	for range n {
		if _, ok := s.Add(1); !ok {
			panic("slab too small")
		}
	}
	return s
}

// frameOf parses "1:0-2 2:5" or, for a first append, "1!7": partition, base, last.
func frameOf(text string) *Frame {
	words := strings.Fields(text)
	f := &Frame{Slab: slabOf(len(words)), Items: make([]Item, len(words))}
	for k, w := range words {
		it := &f.Items[k]
		var part uint32
		var base, last int64
		sep := ":"
		if strings.Contains(w, "!") {
			sep, it.First = "!", true
		}
		if n, _ := fmt.Sscanf(w, "%d"+sep+"%d-%d", &part, &base, &last); n == 2 {
			last = base
		}
		it.Frame, it.At, it.PartID, it.Written = f, k, part, true
		it.Append = storage.Append{PartID: part, Base: base, Last: last, Slab: f.Slab, At: k}
	}
	return f
}

func show(set []*Frame) string {
	var out []string
	for _, f := range set {
		var items []string
		f.live(func(it *Item) bool {
			items = append(items, fmt.Sprintf("%d:%d", it.PartID, it.Append.Base))
			return true
		})
		out = append(out, "["+strings.Join(items, " ")+"]")
	}
	return strings.Join(out, "+")
}

// TestOrder: the frames of a line arrive one after the other; what passes at each arrival is the want, separated by "/".
func TestOrder(t *testing.T) {
	f := func(frames, want string) {
		t.Helper()
		o := newOrder()
		var got []string
		for text := range strings.SplitSeq(frames, "/") {
			var passed []string
			if part, ok := strings.CutPrefix(strings.TrimSpace(text), "leave "); ok {
				var id uint32
				fmt.Sscan(part, &id)
				o.leave(id, func(set []*Frame) { passed = append(passed, show(set)) })
			} else {
				o.add(frameOf(text), func(set []*Frame) { passed = append(passed, show(set)) })
			}
			got = append(got, strings.Join(passed, " "))
		}
		if g := strings.Join(got, " / "); g != want {
			t.Errorf("\n in   %s\n got  %s\n want %s", frames, g, want)
		}
	}
	f("1!0", "[1:0]")
	f("1!0 / 1:1 / 1:2", "[1:0] / [1:1] / [1:2]")
	f("1!0-4 / 1:5-9 / 1:10", "[1:0] / [1:5] / [1:10]")
	// A later frame waits for an earlier one.
	f("1!0 / 1:2 / 1:1", "[1:0] /  / [1:1] [1:2]")
	f("1:1 / 1!0", " / [1:0] [1:1]")
	f("1:3 / 1:2 / 1:1 / 1!0", " /  /  / [1:0] [1:1] [1:2] [1:3]")
	// Another partition's frames do not wait.
	f("1:1 / 2!0 / 2:1 / 1!0", " / [2:0] / [2:1] / [1:0] [1:1]")
	// One item of a frame holds the whole frame.
	f("1!0 2:1 / 1:1 / 2!0", " /  / [2:0] [1:0 2:1] [1:1]")
	// Two frames that need each other pass together, and what needs them behind them.
	f("1!0 2:1 / 1:1 2!0", " / [1:0 2:1]+[1:1 2:0]")
	f("1:2 / 1!0 2:1 / 1:1 2!0", " /  / [1:0 2:1]+[1:1 2:0] [1:2]")
	f("1!0 2:1 / 2!0 3:1 / 3!0 1:1", " /  / [1:0 2:1]+[2:0 3:1]+[3:0 1:1]")
	// A cycle that also needs a frame outside of it.
	f("1!5 / 1:7 2:1 / 1:8 2!0 / 1:6", "[1:5] /  /  / [1:6] [1:7 2:1]+[1:8 2:0]")
	// Two cycles, one behind the other.
	f("1!0 2:1 / 1:2 2:3 / 1:3 2:2 / 1:1 2!0", " /  /  / [1:0 2:1]+[1:1 2:0] [1:2 2:3]+[1:3 2:2]")
	// A reload begins anew, also below what was known.
	f("1!0-9 / 1!4 / 1:5", "[1:0] / [1:4] / [1:5]")
	// Two items of one partition in one frame.
	f("1!0 1:1 / 1:2", "[1:0 1:1] / [1:2]")
	f("1:1 1:2 / 1!0 / 1:3", " / [1:0] [1:1 1:2] / [1:3]")
	// A partition that leaves takes its stashed items with it.
	f("1!0 / 1:2 2!0 / 2:1 / leave 1", "[1:0] /  /  / [2:0] [2:1]")
	f("1!0 / 1:2 / leave 1 / 1!1", "[1:0] /  / [] / [1:1]")
}

// TestOrderAnyInterleaving: partitions accept frames in orders of their own, frames arrive in any order. What passes is contiguous
// for each partition at every moment, and nothing is left in the end.
func TestOrderAnyInterleaving(t *testing.T) {
	groups, stashes := 0, 0
	for seed := uint64(1); seed <= 3000; seed++ {
		rng := rand.New(rand.NewPCG(seed, 7))
		parts, n := 1+rng.IntN(5), 1+rng.IntN(25)
		frames := randomFrames(rng, parts, n)
		o := newOrder()
		next := make([]int64, parts)
		passed := 0
		pass := func(set []*Frame) {
			if len(set) > 1 {
				groups++
			}
			passed += len(set)
			w := &Writer{order: o, stats: &Stats{}}
			k := &commit{number: seed<<20 + uint64(passed)}
			e := entry{frame: set[0]}
			if len(set) > 1 {
				e = entry{frames: set}
			}
			w.put(k, e)
			for _, a := range k.write.Records {
				if a.Base != next[a.PartID] {
					t.Fatalf("seed %d: partition %d got offset %d, expected %d", seed, a.PartID, a.Base, next[a.PartID])
				}
				next[a.PartID] = a.Last + 1
			}
		}
		for _, i := range rng.Perm(n) {
			o.add(frames[i], pass)
			stashes += o.stashed
		}
		if passed != n || o.stashed != 0 || len(o.waiting) != 0 || len(o.ends) != 0 || o.bytes != 0 {
			t.Fatalf("seed %d: %d of %d frames passed, stash %d, %d, %d, %d bytes", seed, passed, n, o.stashed, len(o.waiting), len(o.ends), o.bytes)
		}
	}
	if groups < 100 || stashes < 1000 {
		t.Errorf("too little happened: %d cycles, %d stashed", groups, stashes)
	}
}

// randomFrames makes n frames over some of the partitions each; every partition accepts its items in an order of its own.
func randomFrames(rng *rand.Rand, parts, n int) []*Frame {
	frames := make([]*Frame, n)
	byPart := make([][]*Item, parts)
	for i := range frames {
		of := rng.Perm(parts)[:1+rng.IntN(parts)]
		f := &Frame{Slab: slabOf(len(of)), Items: make([]Item, len(of))}
		for k, p := range of {
			it := &f.Items[k]
			it.Frame, it.At, it.PartID, it.Written = f, k, uint32(p), true
			byPart[p] = append(byPart[p], it)
		}
		frames[i] = f
	}
	for p, items := range byPart {
		if rng.IntN(3) > 0 { // mostly nearly in order, as conns send them
			for i := range items {
				j := min(len(items)-1, i+rng.IntN(3))
				items[i], items[j] = items[j], items[i]
			}
		} else {
			rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		}
		var at int64
		for i, it := range items {
			last := at + int64(rng.IntN(3))
			it.First = i == 0
			it.Append = storage.Append{PartID: uint32(p), Base: at, Last: last, Slab: it.Frame.Slab, At: it.At}
			at = last + 1
		}
	}
	return frames
}
