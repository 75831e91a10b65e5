package raftnode

import (
	"fmt"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
)

// say is a MsgStorageAppend: hard state if term > 0, and n entries from first on.
func say(term, vote, commit, first, entryTerm uint64, n int) *pb.Message {
	m := &pb.Message{Type: pb.MsgStorageAppend.Enum()}
	if term > 0 {
		m.Term, m.Vote, m.Commit = new(term), new(vote), new(commit)
	}
	if n > 0 {
		m.Entries = entries(first, entryTerm, n)
	}
	return m
}

func TestJoin(t *testing.T) {
	f := func(want string, at tail, ms ...*pb.Message) {
		t.Helper()
		j := at.join(ms)
		got := ""
		for _, e := range j.entries {
			got += string(e.GetData()) + " "
		}
		if h := j.hard; h != nil {
			got += fmt.Sprintf("hard %d/%d/%d ", h.GetTerm(), h.GetVote(), h.GetCommit())
		}
		got += fmt.Sprintf("over %d sync=%v empty=%v then %d/%d/%d", j.oldLast, j.sync, j.empty(), at.last, at.term, at.vote)
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	at := tail{last: 5, term: 2, vote: 1}
	f("over 5 sync=false empty=true then 5/2/1", at, say(0, 0, 0, 0, 0, 0))
	f("hard 2/1/5 over 5 sync=false empty=false then 5/2/1", at, say(2, 1, 5, 0, 0, 0)) // a mere commit needs no sync
	f("hard 3/1/5 over 5 sync=true empty=false then 5/3/1", at, say(3, 1, 5, 0, 0, 0))
	f("hard 2/3/5 over 5 sync=true empty=false then 5/2/3", at, say(2, 3, 5, 0, 0, 0))
	f("6@2 7@2 over 5 sync=true empty=false then 7/2/1", at, say(0, 0, 0, 6, 2, 2))
	f("6@2 7@2 8@2 hard 2/1/6 over 5 sync=true empty=false then 8/2/1", at, say(0, 0, 0, 6, 2, 2), say(2, 1, 6, 8, 2, 1))
	f("6@2 7@3 hard 3/0/5 over 5 sync=true empty=false then 7/3/0", at, say(0, 0, 0, 6, 2, 3), say(3, 0, 5, 7, 3, 1)) // the end is overwritten
	f("5@3 hard 3/0/4 over 5 sync=true empty=false then 5/3/0", at, say(0, 0, 0, 6, 2, 3), say(3, 0, 4, 5, 3, 1))     // all is, and what is on disk
	f("hard 2/1/5 over 5 sync=true empty=false then 5/2/1", at, say(3, 0, 5, 0, 0, 0), say(2, 1, 5, 0, 0, 0))         // there and back still counts
}

func TestNextConf(t *testing.T) {
	f := func(want string, conf *pb.ConfState, changes string) *pb.ConfState {
		t.Helper()
		list, err := pb.ConfChangesFromString(changes)
		must(t, err)
		next := nextConf(conf, &pb.ConfChangeV2{Changes: list}, 10)
		got := fmt.Sprintf("voters=%v outgoing=%v learners=%v next=%v auto=%v", next.GetVoters(), next.GetVotersOutgoing(), next.GetLearners(), next.GetLearnersNext(), next.GetAutoLeave())
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		return next
	}
	one := &pb.ConfState{Voters: []uint64{1}}
	f("voters=[1 2] outgoing=[] learners=[] next=[] auto=false", one, "v2")
	f("voters=[1] outgoing=[] learners=[2] next=[] auto=false", one, "l2")
	joint := f("voters=[1 2 3] outgoing=[1] learners=[] next=[] auto=true", one, "v2 v3")
	f("voters=[1 2 3] outgoing=[] learners=[] next=[] auto=false", joint, "")
	if !sameConf(&pb.ConfState{Voters: []uint64{1}}, &pb.ConfState{Voters: []uint64{1}, AutoLeave: new(false)}) {
		t.Error("an unset flag differs from false")
	}
}

func TestSoleVoter(t *testing.T) {
	f := func(want bool, conf *pb.ConfState) {
		t.Helper()
		if got := soleVoter(conf, 1); got != want {
			t.Errorf("%v: %v", conf, got)
		}
	}
	f(true, &pb.ConfState{Voters: []uint64{1}})
	f(true, &pb.ConfState{Voters: []uint64{1}, Learners: []uint64{2}})
	f(false, &pb.ConfState{Voters: []uint64{2}})
	f(false, &pb.ConfState{Voters: []uint64{1, 2}})
	f(false, &pb.ConfState{Voters: []uint64{1}, VotersOutgoing: []uint64{1, 2}})
	f(false, &pb.ConfState{})
}
