package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/partition"
	"troupe/kafka/code"
)

// DeleteRecords (key 21, versions 0-2): the log start of partitions moves up, and what lies below it goes (KIP-107). Each partition is
// answered when its new start is on the disks of all replicas in sync (DelayedDeleteRecords). One that is named twice gets the last offset (KafkaApis.handleDeleteRecordsRequest).
func deleteRecords(c *Call) {
	req := c.Req.(*kmsg.DeleteRecordsRequest)
	k := &trimCall{c: c, resp: kmsg.NewPtrDeleteRecordsResponse(), asks: map[*partition.Trim]trimmedAt{},
		within: max(time.Duration(req.TimeoutMillis)*time.Millisecond, partition.MinTimeout)}
	c.Next = k.next
	for _, x := range k.wanted(req) {
		k.one(x)
	}
	if len(k.asks) > 0 {
		c.After(k.within, trimTimeout{})
	}
	k.maybeRespond()
}

// trimCall is one DeleteRecords under way.
type trimCall struct {
	c    *Call
	resp *kmsg.DeleteRecordsResponse
	asks map[*partition.Trim]trimmedAt // without an answer

	within time.Duration
}

// trimmedAt is the place of a partition in the answer.
type trimmedAt struct{ topic, partition int }

// trimWanted is one partition to be trimmed.
type trimWanted struct {
	at     trimmedAt
	key    partKey
	offset int64
}

// trimTimeout ends the wait for the disks.
type trimTimeout struct{}

// wanted lays out the answer and lists the partitions of the request, each once.
func (k *trimCall) wanted(req *kmsg.DeleteRecordsRequest) (list []trimWanted) {
	topics, seen := map[string]int{}, map[partKey]int{}
	for i := range req.Topics {
		t := &req.Topics[i]
		for _, p := range t.Partitions {
			key := partKey{name: t.Topic, index: p.Partition}
			if n, ok := seen[key]; ok {
				list[n].offset = p.Offset
				continue
			}
			at, ok := topics[t.Topic]
			if !ok {
				at = len(k.resp.Topics)
				topics[t.Topic] = at
				k.resp.Topics = append(k.resp.Topics, kmsg.DeleteRecordsResponseTopic{Topic: t.Topic})
			}
			x := &k.resp.Topics[at]
			y := kmsg.NewDeleteRecordsResponseTopicPartition()
			y.Partition, y.LowWatermark = p.Partition, -1
			seen[key] = len(list)
			list = append(list, trimWanted{trimmedAt{at, len(x.Partitions)}, key, p.Offset})
			x.Partitions = append(x.Partitions, y)
		}
	}
	return list
}

// one asks a partition, or says why it is not asked.
func (k *trimCall) one(x trimWanted) {
	y := k.at(x.at)
	p, e := partitionOf(k.c.View.Image, &x.key)
	switch {
	case e == code.UnknownTopicId: // an empty name, which is not taken for an id here
		y.ErrorCode = int16(code.UnknownTopicOrPartition)
		return
	case e != code.OK:
		y.ErrorCode = int16(e)
		return
	case k.internal(x.key.name):
		y.ErrorCode = int16(code.InvalidTopicException)
		return
	}
	ref := k.c.View.Partition(p.ID)
	if ref == nil {
		y.ErrorCode = int16(code.NotLeaderForPartition)
		return
	}
	m := &partition.Trim{Ask: k.c.Ask(), Offset: x.offset, Timeout: k.within}
	k.asks[m] = x.at
	ref.Tell(m)
}

// internal topics are the broker's: their records are not deleted from outside.
func (k *trimCall) internal(name string) bool {
	t := k.c.View.Image.Topic(name)
	return t != nil && t.Internal
}

func (k *trimCall) at(a trimmedAt) *kmsg.DeleteRecordsResponseTopicPartition {
	return &k.resp.Topics[a.topic].Partitions[a.partition]
}

func (k *trimCall) next(_ *Call, answer any) {
	switch m := answer.(type) {
	case partition.Trimmed:
		at, ok := k.asks[m.Trim]
		if !ok {
			return
		}
		delete(k.asks, m.Trim)
		y := k.at(at)
		y.ErrorCode, y.LowWatermark = int16(m.Code), m.Start
	case trimTimeout:
		for _, at := range k.asks {
			k.at(at).ErrorCode = int16(code.RequestTimedOut)
		}
		clear(k.asks)
	}
	k.maybeRespond()
}

func (k *trimCall) maybeRespond() {
	if len(k.asks) == 0 && !k.c.Ended() {
		k.c.Respond(k.resp)
	}
}
