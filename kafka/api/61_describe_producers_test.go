package api

import (
	"fmt"
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
