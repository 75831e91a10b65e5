package meta

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"
)

func manyTopics(from, n int, assignments [][]int32) CreateTopics {
	c := CreateTopics{Topics: make([]NewTopic, n)}
	for i := range c.Topics {
		id := TopicID{0: 1}
		binary.BigEndian.PutUint32(id[8:], uint32(mix(uint64(from+i))))
		binary.BigEndian.PutUint32(id[12:], uint32(from+i))
		c.Topics[i] = NewTopic{Name: fmt.Sprintf("topic-%06d", from+i), ID: id, Assignments: assignments}
	}
	return c
}

// TestLargeClusters holds the costs to their order of magnitude; the limits leave room for a slow, shared machine.
func TestLargeClusters(t *testing.T) {
	c := newCluster(t, 3)
	start := time.Now()
	next, changes, _ := Apply(c.img, c.img.Index()+1, Envelope{Cmd: manyTopics(0, 10_000, [][]int32{{1, 2, 3}})})
	if d := time.Since(start); next.TopicCount() != 10_000 || len(changes.Topics) != 10_000 || d > time.Second {
		t.Errorf("%d topics in %v", next.TopicCount(), d)
	}
	before := next
	start = time.Now()
	next, changes, _ = Apply(next, next.Index()+1, Envelope{Cmd: FenceBroker{1, next.Broker(1).Epoch, ""}})
	if d := time.Since(start); len(changes.Topics) != 10_000 || d > time.Second {
		t.Errorf("%d topics changed in %v", len(changes.Topics), d)
	}
	start = time.Now()
	if n, d := len(Diff(before, next)), time.Since(start); n != 10_002 || d > time.Second {
		t.Errorf("%d records differ, found in %v", n, d)
	}
	if err := Check(next); err != nil {
		t.Error(err)
	}
}

// TestOneChangeIsSmall bounds what a small change allocates, however large the image is.
func TestOneChangeIsSmall(t *testing.T) {
	c := newCluster(t, 3)
	allocs := func() (create, ids float64) {
		img, n := c.img, 0
		create = testing.AllocsPerRun(20, func() {
			n++
			next, _, _ := Apply(img, img.Index()+1, Envelope{ID: request(9, 1, 1), Cmd: manyTopics(500_000+n, 1, [][]int32{{1, 2, 3}})})
			Diff(img, next)
		})
		take := AllocateProducerIds{1, img.Broker(1).Epoch, 1000}
		ids = testing.AllocsPerRun(20, func() { Apply(img, img.Index()+1, Envelope{ID: request(9, 1, 1), Cmd: take}) })
		return create, ids
	}
	create, ids := allocs()
	c.img, _, _ = Apply(c.img, c.img.Index()+1, Envelope{Cmd: manyTopics(0, 10_000, [][]int32{{1, 2, 3}})})
	bigCreate, bigIDs := allocs()
	if bigCreate > create+20 || bigIDs > ids+2 || bigIDs > 15 {
		t.Errorf("allocations of a create: %v, with 10,000 topics %v; of a block of ids: %v and %v", create, bigCreate, ids, bigIDs)
	}
}

func bigImage(b *testing.B, topics int) *Image {
	img := newCluster(b, 3).img
	next, _, _ := Apply(img, img.Index()+1, Envelope{Cmd: manyTopics(0, topics, [][]int32{{1, 2, 3}, {2, 3, 1}, {3, 1, 2}})})
	return next
}

func BenchmarkCreate10000Topics(b *testing.B) {
	img := newCluster(b, 3).img
	cmd := manyTopics(0, 10_000, [][]int32{{1, 2, 3}})
	b.ReportAllocs()
	for b.Loop() {
		Apply(img, img.Index()+1, Envelope{Cmd: cmd})
	}
}

func BenchmarkApplyOnLargeImage(b *testing.B) {
	img := bigImage(b, 33_000)
	for _, x := range []struct {
		name string
		cmd  Command
	}{
		{"ids", AllocateProducerIds{1, img.Broker(1).Epoch, 1000}},
		{"create", manyTopics(500_000, 1, [][]int32{{1, 2, 3}})},
		{"alter", IncrementalAlterConfigs{[]AlterResource{{TopicResource, "topic-000077", []AlterOp{{ConfigSet, "retention.ms", "1"}}}}}},
		{"fence", FenceBroker{1, img.Broker(1).Epoch, ""}},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				next, _, _ := Apply(img, img.Index()+1, Envelope{ID: request(9, 1, 1), Cmd: x.cmd})
				Diff(img, next)
			}
		})
	}
}

func BenchmarkReads(b *testing.B) {
	img := bigImage(b, 33_000)
	id := img.Topic("topic-012345").ID
	b.Run("name", func(b *testing.B) {
		for b.Loop() {
			img.Topic("topic-012345")
		}
	})
	b.Run("id", func(b *testing.B) {
		for b.Loop() {
			img.TopicByID(id)
		}
	})
	b.Run("partID", func(b *testing.B) {
		for b.Loop() {
			img.ByPartID(77_777)
		}
	})
}

func BenchmarkSnapshot(b *testing.B) {
	img := bigImage(b, 33_000)
	snap := img.Snapshot()
	b.SetBytes(int64(len(snap)))
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			img.Snapshot()
		}
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if _, err := LoadSnapshot(snap); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			img.Hash()
		}
	})
}
