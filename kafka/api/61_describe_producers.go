package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/partition"
	"troupe/kafka/code"
)

// DescribeProducers (key 61, version 0): the idempotent producers that the leader of a partition remembers (KIP-664). The time of one
// is that of its newest records, not of their arrival; without transactions none has an open one, nor a coordinator.
func describeProducers(c *Call) {
	req := c.Req.(*kmsg.DescribeProducersRequest)
	k := &producersCall{c: c, resp: kmsg.NewPtrDescribeProducersResponse()}
	c.Next = k.next
	k.ask(req)
	k.maybeRespond()
}

// producersCall is one DescribeProducers under way.
type producersCall struct {
	c    *Call
	resp *kmsg.DescribeProducersResponse
	asks map[*partition.ListProducers]producersAsk // without an answer
}

// producersAsk is where the answer to an ask goes.
type producersAsk struct{ topic, partition int }

func (k *producersCall) ask(req *kmsg.DescribeProducersRequest) {
	k.asks = map[*partition.ListProducers]producersAsk{}
	for i := range req.Topics {
		t := &req.Topics[i]
		x := kmsg.DescribeProducersResponseTopic{Topic: t.Topic}
		e, why := firstRefusal(checkTopicName(t.Topic), func() (code.Code, string) {
			if k.c.View.Image.Topic(t.Topic) == nil {
				return code.UnknownTopicOrPartition, textUnknownTopic
			}
			return code.OK, ""
		})
		for _, n := range t.Partitions {
			y := kmsg.NewDescribeProducersResponseTopicPartition()
			y.Partition, y.ErrorCode, y.ErrorMessage = n, int16(e), text(why)
			if e == code.OK {
				y.ErrorCode = int16(k.one(t.Topic, n, producersAsk{i, len(x.Partitions)}))
			}
			x.Partitions = append(x.Partitions, y)
		}
		k.resp.Topics = append(k.resp.Topics, x)
	}
}

// one asks a partition, or says why it cannot be asked.
func (k *producersCall) one(topic string, n int32, at producersAsk) code.Code {
	p, e := partitionOf(k.c.View.Image, &partKey{name: topic, index: n})
	if e != code.OK {
		return e
	}
	ref := k.c.View.Partition(p.ID)
	if ref == nil {
		return code.NotLeaderForPartition
	}
	m := &partition.ListProducers{Ask: k.c.Ask()}
	k.asks[m] = at
	ref.Tell(m)
	return code.OK
}

func (k *producersCall) next(_ *Call, answer any) {
	m, ok := answer.(partition.Producers)
	if !ok {
		return
	}
	at, ok := k.asks[m.ListProducers]
	if !ok {
		return
	}
	delete(k.asks, m.ListProducers)
	y := &k.resp.Topics[at.topic].Partitions[at.partition]
	y.ErrorCode = int16(m.Code)
	for _, p := range m.List {
		z := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		z.ProducerID, z.ProducerEpoch, z.LastSequence, z.LastTimestamp = p.ID, int32(p.Epoch), p.LastSeq, p.LastTime
		z.CoordinatorEpoch, z.CurrentTxnStartOffset = -1, -1
		y.ActiveProducers = append(y.ActiveProducers, z)
	}
	k.maybeRespond()
}

func (k *producersCall) maybeRespond() {
	if len(k.asks) == 0 && !k.c.Ended() {
		k.c.Respond(k.resp)
	}
}
