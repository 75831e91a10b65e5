package api

import (
	"encoding/binary"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
)

// fetchAnswer is the answer to a Fetch. It encodes itself: the records stay where they are, in slabs, and go to the socket from there.
type fetchAnswer struct {
	version int16
	code    code.Code
	session int32
	parts   []fetchAnswerPart
	first   int           // of the last topic in parts
	leaders []meta.Broker // of partitions that are led elsewhere (v16+)
	name    string        // of the listener
}

// fetchAnswerPart is one partition of the answer.
type fetchAnswerPart struct {
	key        partKey
	high       int64
	stable     int64
	start      int64
	diverging  *partition.EpochEnd
	leader     *meta.Partition  // shown as the current leader; nil: not shown
	batches    *storage.Batches // nil: no records
	topicParts int              // of the topic, if it is the topic's first
	preferred  int32            // replica to read instead, noReplica: this one
	code       code.Code
	aborted    bool // an empty list of aborted transactions instead of none
	sameTopic  bool // as the part before
}

// answer sends what was read.
func (f *fetchCall) answer() {
	results := make([]fetchedPart, len(f.parts))
	for i := range f.parts {
		p := &f.parts[i]
		results[i] = fetchedPart{code: p.code, high: p.high, start: p.start, records: p.batches != nil, diverging: p.diverging != nil, preferred: p.preferred != noReplica}
	}
	id, show, e := f.c.Env.Sessions.Finish(f.c.Sys.Now(), &f.scope, results)
	a := &fetchAnswer{version: f.c.Version, code: e, session: id, name: f.c.Conn.Listener}
	if e == code.OK {
		f.collect(a, show)
	}
	f.record(e)
	f.release() // of what is not in the answer
	f.c.Send(a)
}

// collect moves the partitions to show into the answer: those that were read first, then those that this door refused.
func (f *fetchCall) collect(a *fetchAnswer, show []bool) {
	a.parts = make([]fetchAnswerPart, 0, len(f.parts))
	for _, refused := range []bool{false, true} {
		for i := range f.parts {
			p := &f.parts[i]
			if p.refused != refused || show != nil && !show[i] {
				continue
			}
			x := fetchAnswerPart{key: f.scope.parts[i].key, code: p.code, high: p.high, stable: p.stable, start: p.start, diverging: p.diverging, preferred: p.preferred, batches: p.batches}
			x.aborted = refused && p.code != code.InconsistentTopicId || p.searched() && f.req.IsolationLevel == readCommitted
			p.batches = nil
			if f.c.Version >= 16 && (p.code == code.NotLeaderForPartition || p.code == code.FencedLeaderEpoch) {
				f.showLeader(a, &x)
			}
			a.add(x)
		}
	}
}

// searched says whether the log was looked at for records, found or not: then a committed read says which transactions were aborted.
func (p *fetchPart) searched() bool {
	return p.code == code.OK && p.diverging == nil && p.preferred == noReplica
}

// showLeader tells where the partition is led, by the newest view.
func (f *fetchCall) showLeader(a *fetchAnswer, x *fetchAnswerPart) {
	img := f.c.Env.Published.Get().Image
	t := topicOf(img, &x.key)
	if t == nil || int(x.key.index) >= len(t.Partitions) {
		return
	}
	x.leader = &t.Partitions[x.key.index]
	b := img.Broker(x.leader.Leader)
	if b == nil || b.Fenced || b.ID == f.c.Env.NodeID {
		return
	}
	for i := range a.leaders {
		if a.leaders[i].ID == b.ID {
			return
		}
	}
	a.leaders = append(a.leaders, *b)
}

func (a *fetchAnswer) add(x fetchAnswerPart) {
	if n := len(a.parts); n > 0 && a.parts[n-1].key.name == x.key.name && a.parts[n-1].key.id == x.key.id {
		x.sameTopic = true
		a.parts[a.first].topicParts++
	} else {
		a.first, x.topicParts = n, 1
	}
	a.parts = append(a.parts, x)
}

// fetchRefused is the answer to a fetch that is refused as a whole. Before v13 it names the partitions, for old clients look there.
func fetchRefused(c *Call, req *kmsg.FetchRequest, e code.Code) *fetchAnswer {
	a := &fetchAnswer{version: c.Version, code: e, session: req.SessionID}
	if c.Version >= 13 {
		return a
	}
	for i := range req.Topics {
		for k := range req.Topics[i].Partitions {
			a.add(fetchAnswerPart{key: partKey{name: req.Topics[i].Topic, index: req.Topics[i].Partitions[k].Partition}, code: e, high: -1, stable: -1, start: -1, preferred: noReplica, aborted: true})
		}
	}
	return a
}

// partBytes is about what a partition takes in an answer beside its records.
const partBytes = 48

// AppendTo implements Response.
func (a *fetchAnswer) AppendTo(b []byte) (head []byte, rest [][]byte, release func()) {
	w := wire{b: slices.Grow(b, len(a.parts)*partBytes), flex: a.version >= 12}
	var cuts []int // where records go between the other bytes, of each part that has some
	w.i32(0)       // throttle time
	if a.version >= 7 {
		w.i16(int16(a.code))
		w.i32(a.session)
	}
	w.array(a.topics())
	for i := range a.parts {
		p := &a.parts[i]
		if !p.sameTopic {
			a.topic(&w, p)
		}
		a.partition(&w, p)
		w.length(p.bytes())
		if p.batches != nil {
			cuts = append(cuts, len(w.b))
		}
		a.partitionTags(&w, p)
		if i+1 == len(a.parts) || !a.parts[i+1].sameTopic {
			w.noTags()
		}
	}
	a.tags(&w)
	return a.cut(w.b, cuts)
}

// cut lays the records between the other bytes: what precedes the first records is the head. Each part that has records has its place in cuts.
func (a *fetchAnswer) cut(b []byte, cuts []int) (head []byte, rest [][]byte, release func()) {
	if len(cuts) == 0 {
		return b, nil, nil
	}
	n := 0
	for i := range a.parts {
		if p := a.parts[i].batches; p != nil {
			n += len(p.Data) + 1
		}
	}
	head, rest = b[:cuts[0]:cuts[0]], make([][]byte, 0, n)
	for i, k := 0, 0; i < len(a.parts); i++ {
		p := a.parts[i].batches
		if p == nil {
			continue
		}
		rest = append(rest, p.Data...)
		to := len(b)
		if k+1 < len(cuts) {
			to = cuts[k+1]
		}
		rest = append(rest, b[cuts[k]:to:to])
		k++
	}
	return head, rest, a.release
}

func (a *fetchAnswer) release() {
	for i := range a.parts {
		if p := a.parts[i].batches; p != nil {
			p.Release()
		}
	}
}

// bytes is how long the records are.
func (p *fetchAnswerPart) bytes() int {
	if p.batches == nil {
		return 0
	}
	return p.batches.Bytes
}

func (a *fetchAnswer) topics() (n int) {
	for i := range a.parts {
		if !a.parts[i].sameTopic {
			n++
		}
	}
	return n
}

func (a *fetchAnswer) topic(w *wire, p *fetchAnswerPart) {
	if a.version >= 13 {
		w.b = append(w.b, p.key.id[:]...)
	} else {
		w.str(p.key.name)
	}
	w.array(p.topicParts)
}

func (a *fetchAnswer) partition(w *wire, p *fetchAnswerPart) {
	w.i32(p.key.index)
	w.i16(int16(p.code))
	w.i64(p.high)
	w.i64(p.stable)
	if a.version >= 5 {
		w.i64(p.start)
	}
	switch {
	case p.aborted:
		w.array(0)
	case w.flex:
		w.b = append(w.b, 0)
	default:
		w.i32(-1)
	}
	if a.version >= 11 {
		w.i32(p.preferred)
	}
}

// partitionTags are the diverging epoch and the current leader.
func (a *fetchAnswer) partitionTags(w *wire, p *fetchAnswerPart) {
	if !w.flex {
		return
	}
	n := byte(0)
	if p.diverging != nil {
		n++
	}
	if p.leader != nil {
		n++
	}
	w.b = append(w.b, n)
	if p.diverging != nil {
		w.b = append(w.b, 0, 13)
		w.i32(p.diverging.Epoch)
		w.i64(p.diverging.End)
		w.noTags()
	}
	if p.leader != nil {
		w.b = append(w.b, 1, 9)
		w.i32(p.leader.Leader)
		w.i32(p.leader.LeaderEpoch)
		w.noTags()
	}
}

// tags are the addresses of the leaders that partitions named.
func (a *fetchAnswer) tags(w *wire) {
	if len(a.leaders) == 0 {
		w.noTags()
		return
	}
	in := wire{flex: true}
	in.array(len(a.leaders))
	for i := range a.leaders {
		b := &a.leaders[i]
		at := listenerOf(b, a.name)
		in.i32(b.ID)
		in.str(at.Host)
		in.i32(int32(at.Port))
		in.nullable(b.Rack, b.Rack == "")
		in.noTags()
	}
	w.b = append(w.b, 1, 0)
	w.b = binary.AppendUvarint(w.b, uint64(len(in.b)))
	w.b = append(w.b, in.b...)
}

// length is the length of the record bytes that follow.
func (w *wire) length(n int) {
	if w.flex {
		w.b = binary.AppendUvarint(w.b, uint64(n)+1)
		return
	}
	w.i32(int32(n))
}
