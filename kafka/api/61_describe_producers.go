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
	k := &producersCall{c: c}
	c.Next = k.next
	k.ask(req)
	k.maybeRespond()
}

// producersCall is one DescribeProducers under way. A partition that is named twice is told twice, as with Kafka, but asked once: it may remember very
// many producers.
type producersCall struct {
	c     *Call
	order [][]*producersOf                          // by topic of the request
	known map[partKey]*producersOf                  // by name and index
	asks  map[*partition.ListProducers]*producersOf // without an answer
}

// producersOf is what is told of a partition.
type producersOf struct {
	kmsg.DescribeProducersResponseTopicPartition
	told *telling // nil: not yet
}

func (k *producersCall) ask(req *kmsg.DescribeProducersRequest) {
	k.known, k.asks = map[partKey]*producersOf{}, map[*partition.ListProducers]*producersOf{}
	k.order = make([][]*producersOf, len(req.Topics))
	for i := range req.Topics {
		t := &req.Topics[i]
		e, why := firstRefusal(checkTopicName(t.Topic), func() (code.Code, string) {
			if k.c.View.Image.Topic(t.Topic) == nil {
				return code.UnknownTopicOrPartition, textUnknownTopic
			}
			return code.OK, ""
		})
		for _, n := range t.Partitions {
			x := k.known[partKey{name: t.Topic, index: n}]
			if x == nil {
				x = &producersOf{DescribeProducersResponseTopicPartition: kmsg.NewDescribeProducersResponseTopicPartition()}
				x.Partition, x.ErrorCode, x.ErrorMessage = n, int16(e), text(why)
				if e == code.OK {
					x.ErrorCode = int16(k.one(t.Topic, n, x))
				}
				k.known[partKey{name: t.Topic, index: n}] = x
			}
			k.order[i] = append(k.order[i], x)
		}
	}
}

// one asks a partition, or says why it cannot be asked.
func (k *producersCall) one(topic string, n int32, to *producersOf) code.Code {
	p, e := partitionOf(k.c.View.Image, &partKey{name: topic, index: n})
	if e != code.OK {
		return e
	}
	ref := k.c.View.Partition(p.ID)
	if ref == nil {
		return code.NotLeaderForPartition
	}
	m := &partition.ListProducers{Ask: k.c.Ask()}
	k.asks[m] = to
	ref.Tell(m)
	return code.OK
}

func (k *producersCall) next(_ *Call, answer any) {
	m, ok := answer.(partition.Producers)
	if !ok {
		return
	}
	x, ok := k.asks[m.ListProducers]
	if !ok {
		return
	}
	delete(k.asks, m.ListProducers)
	x.ErrorCode = int16(m.Code)
	for _, p := range m.List {
		z := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		z.ProducerID, z.ProducerEpoch, z.LastSequence, z.LastTimestamp = p.ID, int32(p.Epoch), p.LastSeq, p.LastTime
		z.CoordinatorEpoch, z.CurrentTxnStartOffset = -1, -1
		x.ActiveProducers = append(x.ActiveProducers, z)
	}
	k.maybeRespond()
}

func (k *producersCall) maybeRespond() {
	if len(k.asks) > 0 || k.c.Ended() {
		return
	}
	f := form{true}
	req := k.c.Req.(*kmsg.DescribeProducersRequest)
	var told []*telling
	resp := &kmsg.DescribeProducersResponse{Topics: make([]kmsg.DescribeProducersResponseTopic, len(k.order))}
	for i, list := range k.order {
		told = append(told, newTelling(literal(f.length(f.string(nil, req.Topics[i].Topic), len(list))), 0))
		for _, x := range list {
			if x.told == nil {
				x.told = newTelling(toldProducers{f, &x.DescribeProducersResponseTopicPartition}, producerHeld*len(x.ActiveProducers))
				resp.Topics[i].Partitions = append(resp.Topics[i].Partitions, x.DescribeProducersResponseTopicPartition) // for its errors
			}
			told = append(told, x.told)
		}
		told = append(told, newTelling(literal(f.tags(nil)), 0))
	}
	head := appendInt32(nil, 0) // throttled for
	k.c.tell(f.length(head, len(k.order)), told, f.tags(nil), resp)
}

// producerHeld is about what a producer takes in an answer.
const producerHeld = 56

// toldProducers are the producers of a partition as they are told. Element 0 is the head, the last one the tail.
type toldProducers struct {
	form
	*kmsg.DescribeProducersResponseTopicPartition
}

// next implements piecewise.
func (p toldProducers) next(b []byte, at *place, full int) ([]byte, bool) {
	for ; len(b) < full; at.element++ {
		switch {
		case at.element == 0:
			b = p.nullable(appendInt16(appendInt32(b, p.Partition), p.ErrorCode), p.ErrorMessage)
			b = p.length(b, len(p.ActiveProducers))
		case at.element > len(p.ActiveProducers):
			return p.tags(b), true
		default:
			x := &p.ActiveProducers[at.element-1]
			b = appendInt32(appendInt32(appendInt64(b, x.ProducerID), x.ProducerEpoch), x.LastSequence)
			b = appendInt64(appendInt32(appendInt64(b, x.LastTimestamp), x.CoordinatorEpoch), x.CurrentTxnStartOffset)
			b = p.tags(b)
		}
	}
	return b, false
}
