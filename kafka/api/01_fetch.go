package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
)

// Fetch (key 1, versions 4-18).
//
//	v5 log start offsets; v7 sessions (KIP-227); v9 leader epochs (KIP-320); v11 the rack of the client (KIP-392); v12 flexible, diverging
//	epochs (KIP-595); v13 topic ids (KIP-516); v15 the replica's state (KIP-903); v16 the leader's address with NOT_LEADER_OR_FOLLOWER and
//	FENCED_LEADER_EPOCH (KIP-951); v17 directory ids (KIP-853); v18 the replica's high watermark (KIP-1166).
//
// The way of a fetch: the session says which partitions it is about; each of them says which offsets may be read (01_fetch_read.go); the
// bytes come from the tail or, on the pool, from the store; too few of them, and the fetch waits for growth (01_fetch_wait.go); the answer
// is encoded without a copy of records (01_fetch_answer.go). Followers do not replicate by Fetch here: a replica id is answered as Kafka
// answers one that holds no replica.
func fetch(c *Call) {
	req := c.Req.(*kmsg.FetchRequest)
	if e, _ := firstRefusal(checkIsolation(req.IsolationLevel)); e != code.OK {
		c.Send(fetchRefused(c, req, e))
		return
	}
	c.whenKnown(func(img *meta.Image) bool { return fetchLacks(img, c.Version, req) }, func() { beginFetch(c, req) })
}

// fetchLacks says whether a topic that is asked for is not known.
func fetchLacks(img *meta.Image, version int16, req *kmsg.FetchRequest) bool {
	return slices.ContainsFunc(req.Topics, func(t kmsg.FetchRequestTopic) bool {
		if version >= 13 {
			return lacksID(img, t.TopicID)
		}
		return lacksName(img, t.Topic)
	})
}

func beginFetch(c *Call, req *kmsg.FetchRequest) {
	wanted, forgotten := wantedParts(c.View.Image, req)
	req.Topics, req.ForgottenTopics = nil, nil // they may be many, and a fetch may wait for long
	scope, e := c.Env.Sessions.Begin(c.Sys.Now(), req.SessionID, req.SessionEpoch, c.Version >= 13, wanted, forgotten)
	if e != code.OK {
		c.Send(&fetchAnswer{version: c.Version, code: e})
		return
	}
	f := &fetchCall{c: c, req: req, scope: scope, parts: make([]fetchPart, len(scope.parts))}
	f.maxBytes = int(min(int64(req.MaxBytes), c.brokerInt("fetch.max.bytes")))
	f.minBytes = int(min(int64(req.MinBytes), int64(f.maxBytes)))
	f.rack = f.nearRack()
	f.about()
	c.Next = f.next
	c.OnClose = f.closed
	f.ask()
}

// fetchCall is one Fetch under way.
type fetchCall struct {
	c                  *Call
	req                *kmsg.FetchRequest
	scope              fetchScope
	minBytes, maxBytes int
	parts              []fetchPart       // in the order of scope.parts
	reads              []*partition.Read // the ask that each part waits for, nil if none
	asked              int               // of reads that are not nil
	rack               string            // of the client, if partitions are to be read near it; else ""
	gather             fetchGather
	wait               fetchWait
}

// fetchPart is one partition of a fetch. A fetch may name ten thousand, and wait with them.
type fetchPart struct {
	ref       *kit.Ref
	image     *meta.Partition // nil if there is none
	start     int64
	high      int64
	stable    int64
	limit     int64
	diverging *partition.EpochEnd
	batches   *storage.Batches // nil: no bytes
	size      int              // bytes that may be read, as far as is known
	partID    uint32
	preferred int32 // the replica that shall be read instead, noReplica if this one is
	code      code.Code
	refused   bool // the code is of this door, not of the partition
}

// wantedParts are the partitions that a request names, and those that its session shall forget.
func wantedParts(img *meta.Image, req *kmsg.FetchRequest) (wanted []wantedPart, forgotten []partKey) {
	n := 0
	for i := range req.Topics {
		n += len(req.Topics[i].Partitions)
	}
	wanted = make([]wantedPart, 0, n)
	for i := range req.Topics {
		t := &req.Topics[i]
		topic := ""
		if known := img.TopicByID(t.TopicID); known != nil {
			topic = known.Name
		}
		for k := range t.Partitions {
			p := &t.Partitions[k]
			wanted = append(wanted, wantedPart{
				key: partKey{t.Topic, t.TopicID, p.Partition}, topic: topic, offset: p.FetchOffset, maxBytes: p.PartitionMaxBytes,
				currentEpoch: max(p.CurrentLeaderEpoch, -1), // below -1 means none, here alone (FetchRequest.optionalEpoch)
				lastEpoch:    p.LastFetchedEpoch,
			})
		}
	}
	for i := range req.ForgottenTopics {
		t := &req.ForgottenTopics[i]
		for _, p := range t.Partitions {
			forgotten = append(forgotten, partKey{t.Topic, t.TopicID, p})
		}
	}
	return wanted, forgotten
}

// replicaID is who fetches: a broker if it is not negative.
func (f *fetchCall) replicaID() int32 {
	if f.c.Version >= 15 {
		return f.req.ReplicaState.ID
	}
	return f.req.ReplicaID
}

// ask finds the partitions, and asks each what may be read.
func (f *fetchCall) ask() {
	f.reads = make([]*partition.Read, len(f.parts))
	asks := make([]partition.Read, len(f.parts))
	for i := range f.parts {
		if f.find(i) {
			f.read(i, &asks[i])
		}
	}
	if f.asked == 0 {
		f.gather.begin(f)
	}
}

// find looks a partition up; false if it is not to be asked.
func (f *fetchCall) find(i int) bool {
	p, w := &f.parts[i], &f.scope.parts[i]
	img := f.c.View.Image
	t := topicOf(img, &w.key)
	switch {
	case t == nil:
		p.refuse(unknownTopic(img, w, f.c.Version < 13))
		p.refused = true
		return false
	case w.key.index < 0 || int(w.key.index) >= len(t.Partitions):
		p.refuse(code.UnknownTopicOrPartition)
		p.refused = true
		return false
	}
	p.image = &t.Partitions[w.key.index]
	p.ref = f.c.View.Partition(p.image.ID)
	switch {
	case p.ref == nil:
		p.refuse(code.NotLeaderForPartition)
	case f.replicaID() >= 0: // brokers read by streams of their own
		p.refuse(fenceReplica(w.currentEpoch, p.image.LeaderEpoch))
	case w.maxBytes < 0 || f.maxBytes < 0: // Kafka: -1, an internal error
		p.refuse(code.InvalidFetchSize)
	default:
		return true
	}
	return false
}

// noLeaderEpoch is what a fetch carries that knows no epoch of the leader (RecordBatch.NO_PARTITION_LEADER_EPOCH).
const noLeaderEpoch int32 = -1

// fenceReplica is what a fetch hears that says it comes from a broker, by the epoch that it knows: that it is no replica in it (Kafka's
// Partition.followerReplicaOrThrow).
func fenceReplica(known, epoch int32) code.Code {
	switch {
	case known == noLeaderEpoch:
		return code.NotLeaderForPartition
	case known < epoch:
		return code.FencedLeaderEpoch
	}
	return code.UnknownLeaderEpoch
}

func topicOf(img *meta.Image, k *partKey) *meta.Topic {
	if k.name != "" || k.id == (meta.TopicID{}) {
		return img.Topic(k.name)
	}
	return img.TopicByID(k.id)
}

// unknownTopic is the code for a topic that is not there: by how it was named, and for an id that a session once knew by what its
// name stands for now.
func unknownTopic(img *meta.Image, w *wantedPart, named bool) code.Code {
	switch {
	case named: // even by an empty name
		return code.UnknownTopicOrPartition
	case w.topic == "":
		return code.UnknownTopicId
	case img.Topic(w.topic) != nil:
		return code.InconsistentTopicId
	}
	return code.UnknownTopicOrPartition
}

func (p *fetchPart) refuse(e code.Code) {
	p.code, p.start, p.high, p.stable, p.limit, p.size, p.diverging, p.preferred = e, -1, -1, -1, -1, 0, nil, noReplica
}

func (f *fetchCall) read(i int, m *partition.Read) {
	w := &f.scope.parts[i]
	*m = partition.Read{Ask: f.c.Ask(), Offset: w.offset, LeaderEpoch: w.currentEpoch, LastEpoch: w.lastEpoch, ReadCommitted: f.req.IsolationLevel == readCommitted,
		Replica: f.anyReplica(), Index: i}
	f.reads[i] = m
	f.asked++
	f.parts[i].ref.Tell(m)
}

// next takes what comes for this fetch.
func (f *fetchCall) next(_ *Call, answer any) {
	switch m := answer.(type) {
	case partition.Readable:
		f.onReadable(m)
	case *diskRead:
		f.gather.onDisk(f, m)
	case partition.Grown:
		f.wait.onGrown(f, m)
	case pollExpired:
		f.wait.onExpired(f)
	}
}

func (f *fetchCall) onReadable(m partition.Readable) {
	i := m.Index
	if f.reads[i] != m.Read {
		return
	}
	f.reads[i] = nil
	f.asked--
	if f.gather.running || f.gather.last {
		return // a second look while the answer is being made: it is made of what was known then
	}
	p := &f.parts[i]
	if m.Code != code.OK {
		p.refuse(f.gone(i, offsetCode(m.Code, f.c.Version)))
	} else {
		p.partID, p.start, p.high, p.stable, p.limit, p.diverging = m.PartID, m.Start, m.High, m.Stable, m.Limit, m.Diverging
		p.preferred = f.preferred(p, m.Offset)
	}
	switch {
	case f.wait.waiting:
		f.wait.onReadable(f, i)
	case f.asked == 0:
		f.gather.begin(f)
	}
}

// gone tells a topic that was deleted from a partition that moved away.
func (f *fetchCall) gone(i int, e code.Code) code.Code {
	if e != code.NotLeaderForPartition {
		return e
	}
	img, w := f.c.Env.Published.Get().Image, &f.scope.parts[i]
	if topicOf(img, &w.key) == nil {
		return unknownTopic(img, w, f.c.Version < 13)
	}
	return e
}

// closed ends the fetch when its connection has gone.
func (f *fetchCall) closed(c *Call) {
	f.wait.stop(f)
	f.release()
	c.Disconnect("the connection has gone")
}

func (f *fetchCall) release() {
	for i := range f.parts {
		f.parts[i].give(nil)
	}
}

// give takes what was read in place of what it had, which is released.
func (p *fetchPart) give(b *storage.Batches) {
	if p.batches != nil {
		p.batches.Release()
	}
	p.batches = b
}
