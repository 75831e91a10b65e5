package raftnode

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/kit/trace"
)

// remembered is for how many writes of the log it is known when they were durable.
const remembered = 64

// durability remembers when the newest entries became durable here, for the records of who proposed them. The zero value remembers nothing.
type durability struct {
	writes [remembered]struct {
		last uint64 // index of the last entry of the write
		at   int64
	}
	n int
}

// note is called when entries are durable.
func (d *durability) note(es []*pb.Entry, clock *trace.Recorder) {
	now := clock.Now()
	if now == 0 || len(es) == 0 {
		return
	}
	w := &d.writes[d.n%remembered]
	w.last, w.at = es[len(es)-1].GetIndex(), now
	d.n++
}

// of says when the entry at an index became durable; 0: not known.
func (d *durability) of(index uint64) (at int64) {
	for i := d.n - 1; i >= max(0, d.n-remembered); i-- {
		w := &d.writes[i%remembered]
		if w.last < index {
			return at
		}
		at = w.at
	}
	if d.n > remembered {
		return 0
	}
	return at
}
