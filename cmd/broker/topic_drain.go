package main

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// span is what is still to be read of one partition: offsets in [next, to), or [next, …) for ever if to is -1.
type span struct{ next, to int64 }

func (s *span) open() bool { return s.to < 0 || s.next < s.to }

// spans are the partitions that a consumer has not finished. Finished ones leave.
type spans map[int32]*span

func (p plan) spans() spans {
	w := spans{}
	for i, r := range p {
		if s := (&span{r.from, r.to}); s.open() {
			w[i] = s
		}
	}
	return w
}

func (w spans) done() bool { return len(w) == 0 }

// pass says that a partition was read up to next, and forgets it at its end. It moves forward only.
func (w spans) pass(partition int32, next int64) {
	s := w[partition]
	if s == nil {
		return
	}
	if s.next = max(s.next, next); !s.open() {
		delete(w, partition)
	}
}

// wants says whether a record at this offset is to be printed.
func (w spans) wants(partition int32, offset int64) bool {
	s := w[partition]
	return s != nil && (s.to < 0 || offset < s.to)
}

// idleAfter is the silence after which -e looks whether there is anything to wait for.
const idleAfter = time.Second

// drain prints until all spans are read, or f.n records. The last offset of a span need not hold a record that is delivered (a
// transaction's marker, a compacted record, one deleted meanwhile), so it goes by positions and, in silence, by what the leader has.
func (c *cli) drain(ctx context.Context, cl *kgo.Client, topic string, f consumeFlags, w spans, p *recordPrinter) error {
	seen := 0
	for {
		fetches, idle := poll(ctx, cl, f.exit)
		if ctx.Err() != nil {
			return p.flush()
		}
		if idle {
			if err := c.passGaps(ctx, cl, topic, w); err != nil {
				return kafkaError("consume "+topic, c.brokers, err)
			}
		}
		for _, e := range fetches.Errors() {
			return kafkaError("consume "+topic, c.brokers, e.Err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if w.wants(r.Partition, r.Offset) && !r.Attrs.IsControl() {
				if err := p.print(r); err != nil {
					return err
				}
				seen++
			}
			w.pass(r.Partition, r.Offset+1)
			if seen > 0 && seen == f.n {
				return p.flush()
			}
		}
		if err := p.flush(); err != nil || w.done() {
			return err
		}
	}
}

// poll waits for records; idle is true if bounded and none came for a while.
func poll(ctx context.Context, cl *kgo.Client, bounded bool) (f kgo.Fetches, idle bool) {
	if !bounded {
		return cl.PollFetches(ctx), false
	}
	limit, cancel := context.WithTimeout(ctx, idleAfter)
	defer cancel()
	if f = cl.PollFetches(limit); f.NumRecords() == 0 && limit.Err() != nil {
		return nil, true
	}
	return f, false
}

// passGaps moves over what will never be delivered: it reads each open span from its position, once, as the client does, and takes
// over the position behind batches that hold no record for us. If one holds some, the client is about to deliver them.
func (c *cli) passGaps(ctx context.Context, cl *kgo.Client, topic string, w spans) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	adm := kadm.NewClient(cl)
	start, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	td, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	t := td[topic]
	if t.Err != nil {
		return t.Err
	}
	for i, s := range w {
		if o, ok := start.Lookup(topic, i); ok && o.Err == nil && o.Offset > s.next { // deleted meanwhile
			w.pass(i, o.Offset)
			continue
		}
		if p, ok := t.Partitions[i]; ok && p.Leader >= 0 {
			next, err := peek(ctx, cl, t, p, s.next)
			if err != nil {
				return err
			}
			w.pass(i, next)
		}
	}
	return nil
}

// peek fetches once from offset, outside of the client's own fetching: where is the next record that it will deliver?
func peek(ctx context.Context, cl *kgo.Client, t kadm.TopicDetail, p kadm.PartitionDetail, offset int64) (int64, error) {
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = p.Partition, offset, 1<<20
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID, rt.Partitions = t.Topic, t.ID, []kmsg.FetchRequestTopicPartition{part}
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.Topics = 1<<20, []kmsg.FetchRequestTopic{rt}
	raw, err := cl.Broker(int(p.Leader)).Request(ctx, req)
	if err != nil {
		return offset, err
	}
	resp := raw.(*kmsg.FetchResponse)
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return offset, nil // the client meets the same, and tells it or tries again
	}
	rp := &resp.Topics[0].Partitions[0]
	if rp.ErrorCode != 0 {
		return offset, nil
	}
	return deliverable(t.Topic, rp, offset), nil
}

// deliverable is the offset of the first record in an answer at or behind offset; without one, the end of the batches in it.
func deliverable(topic string, rp *kmsg.FetchResponseTopicPartition, offset int64) int64 {
	o := kgo.ProcessFetchPartitionOpts{Offset: offset, Topic: topic, Partition: rp.Partition, KeepControlRecords: true}
	got, next := kgo.ProcessFetchPartition(o, rp, kgo.DefaultDecompressor(), nil)
	switch {
	case got.Err != nil:
		return offset
	case len(got.Records) > 0:
		return got.Records[0].Offset
	default:
		return max(offset, next)
	}
}
