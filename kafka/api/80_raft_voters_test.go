package api

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// votes makes a raft actor that grants wishes, but for the answer given.
func (w *world) votes(e code.Code, why string) *[]raftnode.ChangeVoters {
	var got []raftnode.ChangeVoters
	w.shards[raftnode.RaftName] = w.ref("raft", func(m any) {
		x := m.(*raftnode.ChangeVoters)
		got = append(got, raftnode.ChangeVoters{Node: x.Node, Vote: x.Vote, Timeout: x.Timeout})
		x.Reply(raftnode.VotersChanged{ChangeVoters: x, Code: e, Message: why})
	})
	return &got
}

func addVoter(id int32, dir byte) *kmsg.AddRaftVoterRequest {
	req := kmsg.NewPtrAddRaftVoterRequest()
	req.VoterID, req.VoterDirectoryID, req.TimeoutMillis = id, [16]byte{dir}, 2500
	req.Listeners = []kmsg.AddRaftVoterRequestListener{{Name: "CONTROLLER", Host: "h", Port: 9093}}
	return req
}

func removeVoter(id int32, dir byte) *kmsg.RemoveRaftVoterRequest {
	req := kmsg.NewPtrRemoveRaftVoterRequest()
	req.VoterID, req.VoterDirectoryID = id, [16]byte{dir}
	return req
}

func voterAnswer(m kmsg.Response) string {
	switch x := m.(type) {
	case *kmsg.AddRaftVoterResponse:
		return fmt.Sprint(x.ErrorCode, " ", *x.ErrorMessage)
	case *kmsg.RemoveRaftVoterResponse:
		return fmt.Sprint(x.ErrorCode, " ", *x.ErrorMessage)
	}
	return ""
}

func TestRaftVoters(t *testing.T) {
	w := newWorld(t, 3, nil)
	got := w.votes(code.OK, "")
	f := func(want string, list ...kmsg.Request) {
		t.Helper()
		for _, req := range list {
			for v := int16(0); v <= req.MaxVersion(); v++ {
				expect(t, fmt.Sprint(req.Key()), voterAnswer(w.ask(v, req)), want)
			}
		}
	}
	f("0 NONE", addVoter(2, 2), addVoter(3, 0), removeVoter(2, 2), removeVoter(1, 0))
	expect(t, "asked", fmt.Sprint(len(*got), (*got)[0].Node, (*got)[0].Vote, (*got)[0].Timeout, (*got)[4].Node, (*got)[4].Vote), "6 2 true 2.5s 2 false")
	f("42 Node 4 is not part of the cluster: it joins when it is started with --join.", addVoter(4, 0))
	f("127 Node 4 is not part of the cluster: it joins when it is started with --join.", removeVoter(4, 0))
	f("42 Node 2 has the directory AgAAAAAAAAAAAAAAAAAAAA, not CQAAAAAAAAAAAAAAAAAAAA.", addVoter(2, 9))
	f("127 Node 2 has the directory AgAAAAAAAAAAAAAAAAAAAA, not CQAAAAAAAAAAAAAAAAAAAA.", removeVoter(2, 9))
	other, same := addVoter(2, 2), addVoter(2, 2)
	other.ClusterID, same.ClusterID = kmsg.StringPtr("another"), kmsg.StringPtr(w.img.ClusterID())
	f("104 The request is for cluster another, and this is troupeTestCluster00001.", other)
	f("0 NONE", same)

	w.votes(code.DuplicateVoter, "Node 2 is a voter already.")
	f("126 Node 2 is a voter already.", addVoter(2, 0))
	w.votes(code.NotLeaderForPartition, "Node 1 does not lead the metadata.")
	f("41 Node 1 does not lead the metadata.", addVoter(2, 0), removeVoter(2, 0))
	delete(w.shards, raftnode.RaftName) // it has stopped
	f("41 This broker does not lead the metadata log.", removeVoter(2, 0))
}

// A node whose broker was unregistered leaves the cluster with its vote, if it holds nothing.
func TestRemoveNode(t *testing.T) {
	w := newWorld(t, 3, nil)
	got := w.votes(code.OK, "")
	w.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: "t", ID: meta.TopicID{1}, Assignments: [][]int32{{3, 1}}}}})
	w.apply(meta.UnregisterBroker{BrokerID: 2})
	w.apply(meta.UnregisterBroker{BrokerID: 3})
	expect(t, "another disk", voterAnswer(w.ask(0, removeVoter(2, 9))), "127 Node 2 has the directory AgAAAAAAAAAAAAAAAAAAAA, not CQAAAAAAAAAAAAAAAAAAAA.")
	expect(t, "holds a replica", voterAnswer(w.ask(0, removeVoter(3, 0))), "42 Node 3 holds 1 replica(s): they have to be moved first.")
	expect(t, "leaves", voterAnswer(w.ask(0, removeVoter(2, 0))), "0 NONE")
	if w.img.Node(2) != nil || w.img.Node(3) == nil || len(*got) != 0 {
		t.Errorf("nodes %+v, votes asked for %v", w.img.Nodes(), *got)
	}
	expect(t, "gone", voterAnswer(w.ask(0, removeVoter(2, 0))), "127 Node 2 is not part of the cluster: it joins when it is started with --join.")
}

func TestRaftVotersElsewhere(t *testing.T) {
	from, to := newWorld(t, 3, nil), newWorld(t, 3, nil)
	got := to.votes(code.OK, "")
	from.quorum.Leader = 2
	ask := from.link()
	_, answer := to.leader()
	for i, req := range []kmsg.Request{addVoter(3, 3), removeVoter(3, 3)} {
		f := from.begin(0, req)
		a := ask()
		m := answer(a.Head)
		a.Reply(peer.Answered{Ask: a, Reason: m.Reason, Head: m.Head})
		from.run()
		expect(t, "passed on", voterAnswer(f.answer()), "0 NONE")
		if len(*got) != i+1 || (*got)[i].Node != 3 {
			t.Errorf("%+v", *got)
		}
		for reason, want := range map[peer.Reason]string{
			peer.Unreachable: "41 The leader of the metadata log cannot be reached: ask again.",
			peer.Lost:        "7 The leader of the metadata log did not answer; the voters may still be changed.",
		} {
			f = from.begin(0, req)
			a = ask()
			a.Reply(peer.Answered{Ask: a, Reason: reason})
			from.run()
			expect(t, reason.String(), voterAnswer(f.answer()), want)
		}
	}
}
