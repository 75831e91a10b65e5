package meta

import (
	"reflect"
	"testing"

	"troupe/kafka/code"
)

func TestPlaceRefuses(t *testing.T) {
	c := newCluster(t, 2)
	f := func(partitions int32, rf int16, want code.Code) {
		t.Helper()
		got, code, why := Place(c.img, partitions, rf, 1)
		if code != want || got != nil || why == "" {
			t.Errorf("%v %s %q, want %s", got, code, why, want)
		}
	}
	f(0, 1, code.InvalidPartitions)
	f(-1, 1, code.InvalidPartitions)
	f(1, 0, code.InvalidReplicationFactor)
	f(1, -1, code.InvalidReplicationFactor)
	f(1, 3, code.InvalidReplicationFactor)
	c.fence(1)
	c.fence(2)
	f(1, 1, code.InvalidReplicationFactor)
}

func TestPlaceSpreads(t *testing.T) {
	c := newCluster(t, 6) // racks a b c a b c
	got, _, _ := Place(c.img, 12, 3, 42)
	leads, holds := map[int32]int{}, map[int32]int{}
	for _, replicas := range got {
		racks := map[string]bool{}
		for _, r := range replicas {
			holds[r]++
			racks[c.img.Broker(r).Rack] = true
		}
		leads[replicas[0]]++
		if len(racks) != 3 || len(replicas) != 3 || !distinct(replicas) {
			t.Errorf("%v lies in %d racks", replicas, len(racks))
		}
	}
	for id := int32(1); id <= 6; id++ {
		if leads[id] != 2 || holds[id] != 6 {
			t.Errorf("broker %d leads %d and holds %d", id, leads[id], holds[id])
		}
	}
	again, _, _ := Place(c.img, 12, 3, 42)
	if !reflect.DeepEqual(got, again) {
		t.Error("the same seed places otherwise")
	}
	firsts := map[int32]bool{}
	for seed := range uint64(50) {
		got, _, _ := Place(c.img, 1, 1, seed)
		firsts[got[0][0]] = true
	}
	if len(firsts) != 6 {
		t.Errorf("all seeds together use %d of 6 brokers", len(firsts))
	}
}

func TestPlacePrefersTheServingAndTheIdle(t *testing.T) {
	c := newCluster(t, 4)
	c.fence(4)
	for seed := range uint64(20) {
		got, _, _ := Place(c.img, 3, 3, seed)
		for _, replicas := range got {
			for _, r := range replicas {
				if r == 4 {
					t.Errorf("broker 4 does not serve: %v", replicas)
				}
			}
		}
		got, _, _ = Place(c.img, 2, 4, seed)
		for _, replicas := range got {
			if len(replicas) != 4 || replicas[0] == 4 || replicas[3] != 4 {
				t.Errorf("broker 4 comes last: %v", replicas)
			}
		}
	}
	c.topic("t", 1, nil, []int32{1}, []int32{1}, []int32{2})
	if got, _, _ := Place(c.img, 1, 1, 9); got[0][0] != 3 {
		t.Errorf("broker 3 has nothing: %v", got)
	}
	// Topics placed one after the other know of each other.
	p := NewPlacer(c.img)
	n := map[int32]int{}
	for seed := range uint64(6) {
		got, _, _ := p.Place(1, 1, seed)
		n[got[0][0]]++
	}
	if n[1] != 1 || n[2] != 2 || n[3] != 3 {
		t.Errorf("%v", n)
	}
}
