package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// OffsetForLeaderEpoch (key 23, versions 2-4): where a leader epoch ends (KIP-101), for consumers that look for lost records (KIP-320).
//
//	v3 the id of the replica that asks, which does not matter here; v4 flexible.
func offsetForLeaderEpoch(c *Call) {
	req := c.Req.(*kmsg.OffsetForLeaderEpochRequest)
	c.whenKnown(func(img *meta.Image) bool {
		return slices.ContainsFunc(req.Topics, func(t kmsg.OffsetForLeaderEpochRequestTopic) bool { return lacksName(img, t.Topic) })
	}, func() {
		k := &epochsCall{c: c, resp: kmsg.NewPtrOffsetForLeaderEpochResponse()}
		c.Next = k.next
		k.ask(req)
		k.maybeRespond()
	})
}

// epochsCall is one OffsetForLeaderEpoch under way.
type epochsCall struct {
	c     *Call
	resp  *kmsg.OffsetForLeaderEpochResponse
	asks  []epochAsk
	asked int
}

// epochAsk is an ask and where its answer goes.
type epochAsk struct {
	ask              *partition.FindEpoch
	topic, partition int
}

func (k *epochsCall) ask(req *kmsg.OffsetForLeaderEpochRequest) {
	for i := range req.Topics {
		t := &req.Topics[i]
		x := kmsg.NewOffsetForLeaderEpochResponseTopic()
		x.Topic = t.Topic
		for j := range t.Partitions {
			q := &t.Partitions[j]
			y := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			y.Partition = q.Partition
			p, e := partitionOf(k.c.View.Image, &partKey{name: t.Topic, index: q.Partition})
			if e == code.OK {
				if ref := k.c.View.Partition(p.ID); ref == nil {
					e = code.NotLeaderForPartition
				} else {
					m := &partition.FindEpoch{Ask: k.c.Ask(), Epoch: q.LeaderEpoch, CurrentEpoch: q.CurrentLeaderEpoch, Index: len(k.asks)}
					k.asks = append(k.asks, epochAsk{m, i, j})
					k.asked++
					ref.Tell(m)
				}
			}
			y.ErrorCode = int16(e)
			x.Partitions = append(x.Partitions, y)
		}
		k.resp.Topics = append(k.resp.Topics, x)
	}
}

func (k *epochsCall) next(_ *Call, answer any) {
	m, ok := answer.(partition.FoundEpoch)
	if !ok {
		return
	}
	if a := &k.asks[m.Index]; a.ask == m.FindEpoch {
		a.ask = nil
		k.asked--
		y := &k.resp.Topics[a.topic].Partitions[a.partition]
		y.ErrorCode, y.LeaderEpoch, y.EndOffset = int16(m.Code), m.EpochEnd.Epoch, m.End
	}
	k.maybeRespond()
}

func (k *epochsCall) maybeRespond() {
	if k.asked == 0 && !k.c.Ended() {
		k.c.Respond(k.resp)
	}
}
