package metadata

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// BenchmarkThreeNodes: changes of some 200 bytes by 64 proposers, spread over three nodes that share this machine and its disk.
func BenchmarkThreeNodes(b *testing.B) {
	c := newTrioOfSockets(b, 3)
	c.foundBy(c.nodes[0])
	var n atomic.Int64
	var wg sync.WaitGroup
	change := func(k int64) meta.Command {
		r := meta.AlterResource{Type: meta.BrokerResource}
		for _, key := range []string{"log.retention.ms", "log.retention.bytes", "log.segment.bytes", "log.roll.ms", "message.max.bytes", "log.index.interval.bytes", "log.index.size.max.bytes"} {
			r.Ops = append(r.Ops, meta.AlterOp{Key: key, Value: fmt.Sprint(2_000_000 + k)})
		}
		return meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{r}}
	}
	size := len(meta.Encode(meta.Envelope{ID: meta.RequestID{Node: 1, Incarnation: 1, Seq: 1}, Cmd: change(1)}))
	if size < 180 || size > 250 {
		b.Errorf("a change has %d bytes", size)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range 64 {
		wg.Go(func() {
			at := c.nodes[i%3]
			for k := n.Add(1); k <= int64(b.N); k = n.Add(1) {
				p, ok := at.propose(change(k))
				list, _ := p.Result.Value.([]meta.ConfigResult)
				if !ok || p.Result.Code != code.OK || len(list) != 1 || list[0].Code != code.OK {
					b.Errorf("%v %v %s %+v", ok, p.Result.Code, p.Result.Message, list)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}

// BenchmarkFenceLeaderOf10000: a broker that leads 10,000 partitions is fenced. It is over when all three nodes have the image in which others lead
// them; "others-ms" is when the two that did not propose have it, in the median.
func BenchmarkFenceLeaderOf10000(b *testing.B) {
	c := newTrioOfSockets(b, 3)
	c.foundBy(c.nodes[0])
	do := func(cmd meta.Command) meta.Result {
		b.Helper()
		p, ok := c.nodes[0].propose(cmd)
		if !ok || p.Result.Code != code.OK {
			b.Fatalf("%T: %v %v %s", cmd, ok, p.Result.Code, p.Result.Message)
		}
		return p.Result
	}
	epochs := map[int32]int64{}
	for id := int32(1); id <= 3; id++ {
		epochs[id] = do(meta.RegisterBroker{BrokerID: id, StoreID: storeID(id), Incarnation: [16]byte{1, byte(id)}, PrevBrokerEpoch: -1}).Value.(meta.Registered).Epoch
		do(meta.UnfenceBroker{BrokerID: id, BrokerEpoch: epochs[id]})
	}
	var ids []meta.TopicID
	create := func(round int) {
		ids = ids[:0]
		for t := range 100 {
			n := meta.NewTopic{Name: fmt.Sprintf("t-%d-%d", round, t)}
			binary.BigEndian.PutUint64(n.ID[:], uint64(round+1)<<32|uint64(t))
			for range 100 {
				n.Assignments = append(n.Assignments, []int32{2, 1, 3})
			}
			ids = append(ids, n.ID)
			do(meta.CreateTopics{Topics: []meta.NewTopic{n}})
		}
	}
	var took []time.Duration
	for round := range b.N {
		b.StopTimer()
		create(round)
		at := c.nodes[0].board.Status().Image
		b.StartTimer()
		begin := time.Now()
		go c.nodes[0].propose(meta.FenceBroker{BrokerID: 2, BrokerEpoch: epochs[2], Reason: "bench"})
		for c.nodes[1].board.Status().Image <= at || c.nodes[2].board.Status().Image <= at {
			time.Sleep(100 * time.Microsecond)
		}
		took = append(took, time.Since(begin))
		for c.nodes[0].board.Status().Image <= at {
			time.Sleep(100 * time.Microsecond)
		}
		b.StopTimer()
		if p := c.nodes[2].image(b).TopicByID(ids[99]).Partitions[99]; p.Leader == 2 || p.Leader == meta.NoLeader {
			b.Fatalf("%+v", p)
		}
		do(meta.UnfenceBroker{BrokerID: 2, BrokerEpoch: epochs[2]})
		do(meta.DeleteTopics{IDs: slices.Clone(ids)})
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "others-ms")
	b.ReportMetric(float64(took[len(took)-1])/float64(time.Millisecond), "worst-ms")
}
