package raftnode

import pb "go.etcd.io/raft/v3/raftpb"

// tail is what the log actor knows of the log on disk, once the write under way is done.
type tail struct{ last, term, vote uint64 }

// joined is one commit made of several writes.
type joined struct {
	entries []*pb.Entry
	hard    *pb.HardState // nil: unchanged
	oldLast uint64        // the log's last index before it
	sync    bool          // it must be durable before its responses are true
}

// empty says that there is nothing to write: the responses only wait for their turn.
func (j joined) empty() bool { return j.hard == nil && len(j.entries) == 0 }

// join makes one commit of writes in order; a later one may overwrite the end of an earlier. It moves t to the end of them.
func (t *tail) join(ms []*pb.Message) joined {
	j := joined{oldLast: t.last}
	for _, m := range ms {
		if m.Term != nil { // set together with vote and commit, iff the hard state changed
			j.hard = hardState(m)
			j.sync = j.sync || m.GetTerm() != t.term || m.GetVote() != t.vote
			t.term, t.vote = m.GetTerm(), m.GetVote()
		}
		if es := m.GetEntries(); len(es) > 0 {
			j.entries = overwrite(j.entries, es)
			j.sync = true
			t.last = es[len(es)-1].GetIndex()
		}
	}
	return j
}

// overwrite puts es behind list, from which it first takes what es replaces.
func overwrite(list, es []*pb.Entry) []*pb.Entry {
	first := es[0].GetIndex()
	for len(list) > 0 && list[len(list)-1].GetIndex() >= first {
		list = list[:len(list)-1]
	}
	return append(list, es...)
}

// hardState is the hard state that a write carries; nil if it did not change.
func hardState(m *pb.Message) *pb.HardState {
	if m.Term == nil {
		return nil
	}
	return &pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
}
