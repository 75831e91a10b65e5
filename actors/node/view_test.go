package node

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"

	"troupe/actors/kit"
	"troupe/actors/meta"
)

// content is all that a view says of local replicas, in each of the ways in which it can be asked.
func content(t *testing.T, v *View) map[uint32]*kit.Ref {
	got := map[uint32]*kit.Ref{}
	v.EachPartition(func(id uint32, r *kit.Ref) {
		if got[id] != nil || v.Partition(id) != r {
			t.Fatalf("part %d: EachPartition says %v, Partition %v", id, r, v.Partition(id))
		}
		got[id] = r
	})
	if v.LocalPartitions() != len(got) {
		t.Fatalf("LocalPartitions is %d, EachPartition says %d", v.LocalPartitions(), len(got))
	}
	return got
}

// A view that a reader holds never changes, whatever is published later; a new one is the old one with the edit.
func TestViewsNeverChange(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		type kept struct {
			v    *View
			want map[uint32]*kit.Ref
		}
		now, want := emptyView, map[uint32]*kit.Ref{}
		history := []kept{{now, map[uint32]*kit.Ref{}}}
		for k := range 40 {
			e := edit(now)
			touched := map[byte]bool{}
			for range rng.IntN(5) {
				id := uint32(rng.IntN(4) + rng.IntN(3)*256) // few shards, several ids in each
				touched[byte(id)] = true
				if rng.IntN(3) == 0 {
					e.set(id, nil)
					delete(want, id)
					continue
				}
				r := kit.NewRef(fmt.Sprint("partition/", id, "-", k), nil)
				e.set(id, r)
				want[id] = r
			}
			img := meta.NewImage().WithIndex(uint64(k + 1))
			next := e.view(img, int32(k), true)
			if next.Image != img || next.LeaderID != int32(k) {
				t.Fatalf("seed %d: the view has not what it was made with", seed)
			}
			for i := range next.parts.shards {
				if !touched[byte(i)] && reflect.ValueOf(next.parts.shards[i]).Pointer() != reflect.ValueOf(now.parts.shards[i]).Pointer() {
					t.Fatalf("seed %d: shard %d was copied although nothing in it changed", seed, i)
				}
			}
			now = next
			history = append(history, kept{now, maps.Clone(want)})
			for i, h := range history {
				if got := content(t, h.v); !maps.Equal(got, h.want) {
					t.Fatalf("seed %d: after edit %d, view %d is %v, was %v", seed, k, i, got, h.want)
				}
			}
		}
	}
}

func TestViewWith(t *testing.T) {
	want := map[uint32]*kit.Ref{1: kit.NewRef("a", nil), 257: kit.NewRef("b", nil), 513: kit.NewRef("c", nil)}
	v := ViewWith(meta.NewImage(), 3, want)
	if got := content(t, v); !maps.Equal(got, want) || v.LeaderID != 3 || v.Partition(769) != nil {
		t.Fatalf("%v", got)
	}
}

// Before anything is published there is a view in which there is nothing.
func TestNothingPublished(t *testing.T) {
	var p Published
	if v := p.Get(); v == nil || v.Image.Index() != 0 || v.LeaderID != -1 || v.LocalPartitions() != 0 {
		t.Fatalf("%+v", v)
	}
	v := ViewWith(meta.NewImage().WithIndex(1), 1, nil)
	p.Set(v)
	if p.Get() != v {
		t.Fatal("Get is not what was Set")
	}
}
