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

// flight is the batch on its way: records of many groups. What comes meanwhile waits for the next.
type flight struct {
	frame  *writer.Frame
	writes []*write // which end with this batch
	part   *write   // of which a part is in it, and the rest still queued; nil: none
	epoch  int32    // of the leader that sent it
	news   int      // what the shard knew then
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
	m.left = m.records
	t.queue = append(t.queue, m)
	for _, r := range m.left {
		t.queuedBytes += r.size()
	}
	s.pump(c)
}

func refuseWrites(list []*write) {
	for _, w := range list {
		w.Refuse()
	}
}

func (r kv) size() int { return len(r.key) + len(r.value) + recordRoom }

// pump sends what has queued up, as much as one batch may hold. Records of one write need not be in one batch: they are deletions, or
// offsets, of which each counts by itself.
func (s *Shard) pump(c kit.Context) {
	t := s.term
	if t == nil || s.flying != nil || len(t.queue) == 0 {
		return
	}
	f := &flight{epoch: s.facts.LeaderEpoch, news: s.news}
	recs := s.take(f, c.Now().UnixMilli())
	s.flying = f
	o := record.Plain()
	o.Codec = record.Codec(s.facts.Config.Codec)
	b, err := record.Build(o, recs)
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
		Acks: -1, TimeoutMs: unknownAfterMs, KeysChecked: true, Own: true}
	f.frame.Begin()
	s.facts.Partition.Tell(partition.Append{Item: &f.frame.Items[0]})
}

// take moves records from the queue to the batch: at least one, and no more than it may hold.
func (s *Shard) take(f *flight, now int64) (recs []record.Record) {
	t := s.term
	size := record.HeaderLen
	for len(t.queue) > 0 {
		w := t.queue[0]
		k := 0
		for k < len(w.left) && (len(recs) == 0 || size+w.left[k].size() <= s.facts.Config.MaxBatch) {
			recs = append(recs, record.Record{Timestamp: now, Key: w.left[k].key, Value: w.left[k].value})
			size += w.left[k].size()
			t.queuedBytes -= w.left[k].size()
			k++
		}
		if w.left = w.left[k:]; len(w.left) > 0 {
			if k > 0 {
				f.part = w
			}
			break
		}
		f.writes = append(f.writes, w)
		t.queue = t.queue[1:]
	}
	if len(t.queue) == 0 {
		t.queue = nil
	}
	return recs
}

// onDone tells the groups what has become of their records.
func (s *Shard) onDone(c kit.Context, m writer.Done) {
	f := s.flying
	kit.Invariant(f != nil && f.frame == m.Frame, "BUG: an answer to a write that is not on its way")
	s.flying = nil
	m.Slab.Release()
	bad := m.Items[0].Code
	if f.part != nil && bad != code.OK {
		f.writes = append(f.writes, f.part)
		if s.term != nil {
			t := s.term
			for _, r := range f.part.left {
				t.queuedBytes -= r.size()
			}
			t.queue = slices.Delete(t.queue, 0, 1)
		}
	}
	unsure := bad == code.RequestTimedOut || bad == code.NotEnoughReplicasAfterAppend
	if bad != code.OK && m.Items[0].Written && f.epoch == s.facts.LeaderEpoch {
		s.owed = m.Items[0].Append.Last + 1
	}
	for _, w := range f.writes {
		unsure = unsure || bad != code.OK && w.begun
		if !w.Answered() {
			w.Reply(wrote{w, told(bad)})
		}
	}
	if f.part != nil {
		f.part.begun = true
	}
	switch {
	case bad == code.NotLeaderForPartition, bad == code.FencedLeaderEpoch, bad == code.UnknownLeaderEpoch:
		s.lost = s.lost || f.news == s.news // the node will have news, or they have come meanwhile
		s.unload(c)
	case unsure:
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
