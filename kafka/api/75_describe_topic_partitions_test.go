package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

func TestDescribeTopicPartitions(t *testing.T) {
	w := newWorld(t, 2, map[string]string{"max.request.partition.size.limit": "6"})
	w.topic("b", []int32{1}, []int32{1}, []int32{1}, []int32{1}, []int32{1})
	w.topic("c", []int32{1, 2}, []int32{2, 1}, []int32{1, 2})
	w.apply(meta.FenceBroker{BrokerID: 2, BrokerEpoch: w.img.Broker(2).Epoch})
	at := func(topic string, p int32) *kmsg.DescribeTopicPartitionsRequestCursor {
		return &kmsg.DescribeTopicPartitionsRequestCursor{Topic: topic, Partition: p}
	}
	f := func(want string, limit int32, cursor *kmsg.DescribeTopicPartitionsRequestCursor, names ...string) *kmsg.DescribeTopicPartitionsResponse {
		t.Helper()
		r := kmsg.NewPtrDescribeTopicPartitionsRequest()
		for _, n := range names {
			r.Topics = append(r.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: n})
		}
		r.ResponsePartitionLimit, r.Cursor = limit, cursor
		x := w.ask(0, r).(*kmsg.DescribeTopicPartitionsResponse)
		var out []string
		for _, top := range x.Topics {
			s := fmt.Sprintf("%s:%d", *top.Topic, top.ErrorCode)
			for _, p := range top.Partitions {
				s += fmt.Sprintf(",%d", p.Partition)
			}
			out = append(out, s)
		}
		if x.NextCursor != nil {
			out = append(out, fmt.Sprintf("next %s %d", x.NextCursor.Topic, x.NextCursor.Partition))
		}
		expect(t, fmt.Sprint(names, limit), strings.Join(out, " "), want)
		return x
	}
	f("b:0,0,1,2,3,4 next none 0", 5, nil, "none", "x", "b", "b")
	f("b:0,0,1,2,3,4 none:3 x:3", 6, nil, "none", "x", "b", "b")
	f("b:0,0,1,2,3,4 c:0,0 next c 1", 2000, nil)
	f("c:0,1,2", 2000, at("c", 1))
	f("b:0,0 next b 1", 0, nil, "b", "c")
	f("b:0,0 next b 1", -1, nil, "b", "c")
	f("b:0,0,1,2,3,4 next c 0", 5, nil, "b", "c")
	f("aa:3 b:0,0 next b 1", 1, nil, "b", "aa")
	f("b:0,3,4 next c 0", 2, at("b", 3), "c", "b")
	f("b:0 c:0,0,1,2", 6, at("b", 99), "b", "c")
	f("c:0,0,1,2", 6, at("bb", 1))
	f("c:42 b:42", 6, at("bb", 0), "c", "b")
	f("c:42 b:42", 6, at("b", -1), "c", "b")
	f("a/b:17 c:0,0,1,2", 6, nil, "c", "a/b")
	x := f("c:0,0,1,2", 6, nil, "c")
	p, top := x.Topics[0].Partitions[1], x.Topics[0]
	got := fmt.Sprint(p.ErrorCode, p.LeaderID, p.LeaderEpoch, p.Replicas, p.ISR, p.EligibleLeaderReplicas, p.LastKnownELR, p.OfflineReplicas, top.AuthorizedOperations, top.IsInternal)
	expect(t, "partition", got, "0 1 1 [2 1] [1] [] [] [2] 3576 false")
	if p.EligibleLeaderReplicas == nil || p.LastKnownELR == nil || top.TopicID != w.img.Topic("c").ID {
		t.Errorf("%+v", top)
	}
	if x := f("none:3", 6, nil, "none"); x.Topics[0].AuthorizedOperations != 3576 {
		t.Errorf("%+v", x.Topics[0])
	}
}
