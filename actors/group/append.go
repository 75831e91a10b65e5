package group

import (
	"slices"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

const (
	// unknownAfterMs is how long a write may take until its outcome is given up and the log is read anew. Who waits for it is
	// answered much earlier, after offsets.commit.timeout.ms.
	unknownAfterMs = 10 * 60 * 1000
	recordRoom     = 40 // bytes that a record takes beside key and value, at most
)

// flight is the write on its way: the records of many groups in one batch. What comes meanwhile waits for the next.
type flight struct {
	frame  *writer.Frame
	writes []*write
}

// onWrite queues a group's records.
func (s *Shard) onWrite(c kit.Context, m *write) {
	t := s.term
	switch {
	case t == nil:
		m.Refuse()
		return
	case len(t.queue) >= maxQueued || t.queuedBytes >= maxQueuedBytes:
		m.Reply(wrote{m, code.CoordinatorNotAvailable})
		return
	}
	t.queue = append(t.queue, m)
	t.queuedBytes += m.size()
	s.pump(c)
}

func (e *entry) size() (n int) {
	for _, r := range e.records {
		n += len(r.key) + len(r.value) + recordRoom
	}
	return n
}

// pump sends what has queued up, as much as one batch may hold.
func (s *Shard) pump(c kit.Context) {
	t := s.term
	if t == nil || s.flying != nil || len(t.queue) == 0 {
		return
	}
	n, size := 0, record.HeaderLen
	for n < len(t.queue) && (n == 0 || size+t.queue[n].size() <= s.facts.Config.MaxBatch) {
		size += t.queue[n].size()
		n++
	}
	f := &flight{writes: slices.Clone(t.queue[:n])}
	t.queue = slices.Delete(t.queue, 0, n)
	t.queuedBytes -= size - record.HeaderLen
	s.flying = f
	b, err := build(f.writes, record.Codec(s.facts.Config.Codec), c.Now().UnixMilli())
	kit.Invariant(err == nil, "BUG: a batch of consumer groups cannot be built: %v", err)
	s.stats.batches++
	s.stats.records += int64(b.Count())
	s.stats.bytes += int64(len(b))
	slab := storage.NewSlab(len(b) + storage.SlabOverhead)
	at, ok := slab.Add(len(b))
	kit.Invariant(ok, "BUG: no room for a batch of %d bytes", len(b))
	copy(slab.Batch(at), b)
	f.frame = &writer.Frame{Slab: slab, Items: make([]writer.Item, 1), ReplyTo: c.Self(), Writer: s.o.Writer}
	f.frame.Items[0] = writer.Item{Frame: f.frame, At: at, TopicID: s.facts.TopicID, Index: s.o.Index, LeaderEpoch: s.facts.LeaderEpoch,
		Acks: -1, TimeoutMs: unknownAfterMs, KeysChecked: true}
	f.frame.Begin()
	s.facts.Partition.Tell(partition.Append{Item: &f.frame.Items[0]})
}

func build(list []*write, codec record.Codec, now int64) (record.Batch, error) {
	var recs []record.Record
	for _, w := range list {
		for _, r := range w.records {
			recs = append(recs, record.Record{Timestamp: now, Key: r.key, Value: r.value})
		}
	}
	o := record.Plain()
	o.Codec = codec
	return record.Build(o, recs)
}

// onDone tells the groups what has become of their records.
func (s *Shard) onDone(c kit.Context, m writer.Done) {
	f := s.flying
	kit.Invariant(f != nil && f.frame == m.Frame, "BUG: an answer to a write that is not on its way")
	s.flying = nil
	m.Slab.Release()
	bad := m.Items[0].Code
	for _, w := range f.writes {
		w.Reply(wrote{w, told(bad)})
	}
	switch bad {
	case code.NotLeaderForPartition, code.FencedLeaderEpoch, code.UnknownLeaderEpoch:
		s.lost = true // the node has news
		s.unload(c)
	case code.RequestTimedOut, code.NotEnoughReplicasAfterAppend:
		c.Log().Error("a write of consumer groups has an unknown outcome: the log is read anew", "partition", s.o.Index, "code", bad.String())
		s.unload(c)
	}
	s.settle(c)
	s.pump(c)
}

// told is what clients hear of a failed write (CoordinatorOperationExceptionHelper).
func told(bad code.Code) code.Code {
	switch bad {
	case code.UnknownTopicOrPartition, code.NotEnoughReplicas, code.NotEnoughReplicasAfterAppend, code.RequestTimedOut, code.KafkaStorageError:
		return code.CoordinatorNotAvailable
	case code.NotLeaderForPartition, code.FencedLeaderEpoch, code.UnknownLeaderEpoch:
		return code.NotCoordinator
	case code.MessageTooLarge, code.RecordListTooLarge, code.InvalidFetchSize:
		return code.UnknownServerError
	}
	return bad
}
