package api

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/partition"
)

func TestDescribeProducers(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{2}, []int32{1})
	w.part("a", 0).producers = []partition.ActiveProducer{{ID: 5, Epoch: 2, LastSeq: 8, LastTime: 77}, {ID: 9, LastSeq: -1, LastTime: -1}}
	w.part("a", 2).resign()
	f := func(want string, topics ...kmsg.DescribeProducersRequestTopic) {
		t.Helper()
		req := kmsg.NewPtrDescribeProducersRequest()
		req.Topics = topics
		var got []string
		for _, x := range w.ask(0, req).(*kmsg.DescribeProducersResponse).Topics {
			for _, p := range x.Partitions {
				s := fmt.Sprintf("%s-%d %d", x.Topic, p.Partition, p.ErrorCode)
				if p.ErrorMessage != nil {
					s += " text"
				}
				for _, a := range p.ActiveProducers {
					s += fmt.Sprintf(" %d/%d@%d %d", a.ProducerID, a.ProducerEpoch, a.LastSequence, a.LastTimestamp)
					if a.CoordinatorEpoch != -1 || a.CurrentTxnStartOffset != -1 {
						t.Errorf("%+v", a)
					}
				}
				got = append(got, s)
			}
		}
		expect(t, "producers", strings.Join(got, ", "), want)
	}
	of := func(topic string, partitions ...int32) kmsg.DescribeProducersRequestTopic {
		return kmsg.DescribeProducersRequestTopic{Topic: topic, Partitions: partitions}
	}
	f("")
	f("a-0 0 5/2@8 77 9/0@-1 -1", of("a", 0))
	f("a-1 6, a-2 6, a-0 0 5/2@8 77 9/0@-1 -1, a-0 0 5/2@8 77 9/0@-1 -1", of("a", 1, 2, 0, 0))
	f("a-3 3, a--1 3, nope-0 3 text, a/b-0 17 text", of("a", 3, -1), of("nope", 0), of("a/b", 0))
}

// A partition that remembers many producers, named many times by one small request, is asked once, and told as often without as many copies.
func TestManyProducersNamedManyTimes(t *testing.T) {
	const producers, times = 20_000, 300
	w := newWorld(t, 1, nil)
	w.topic("a", []int32{1})
	for i := range int64(producers) {
		w.part("a", 0).producers = append(w.part("a", 0).producers, partition.ActiveProducer{ID: i})
	}
	req := kmsg.NewPtrDescribeProducersRequest()
	req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "a", Partitions: make([]int32, times)}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body := w.begin(0, req).resp.(Streamed)
	n, b := 0, make([]byte, 0, 2*chunk)
	for {
		if b = body.Next(b[:0]); len(b) == 0 {
			break
		}
		n += len(b)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; n != body.Size() || n < times*producers*37 || took > 20<<20 {
		t.Errorf("%d bytes, said to be %d, took %d bytes of memory", n, body.Size(), took)
	}
}
