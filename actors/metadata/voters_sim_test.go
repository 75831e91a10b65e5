package metadata

import (
	"slices"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// sameGroup waits until all nodes are at the same voters, and all others learn.
func (w *world) sameGroup(t *testing.T) []uint64 {
	t.Helper()
	var voters []uint64
	if !w.s.RunUntil(30*time.Second, func() bool {
		voters = w.nodes[0].board.Status().Voters
		for _, m := range w.nodes {
			s := m.board.Status()
			all := slices.Sorted(slices.Values(slices.Concat(s.Voters, s.Learners)))
			if !m.node.Up() || !slices.Equal(s.Voters, voters) || !slices.Equal(all, []uint64{1, 2, 3}) || s.Applied != s.Committed || !slices.Contains(voters, s.Leader) {
				return false
			}
		}
		return true
	}) {
		for _, m := range w.nodes {
			t.Logf("n%d up=%v %+v", m.id, m.node.Up(), m.board.Status())
		}
		t.Fatalf("the nodes never agree on the group: %v", w.s.Err())
	}
	return voters
}

// TestSimVotersByHandInTrouble: wishes for other voters, while who took them dies, is cut off, or gives the lead away. Each is answered once, as
// long as who took it lives: when it is in force, or with an error. Whatever became of it, all nodes agree on the group, and one leads.
func TestSimVotersByHandInTrouble(t *testing.T) {
	codes := map[code.Code]int{}
	died := 0
	kitsim.Seeds(t, 12, func(t *testing.T, s *kitsim.Sim) {
		w := newTrio(s)
		for range 12 {
			leader, other := w.led(t)
			w.commits(t, other)
			voters := w.sameGroup(t)
			if leader, _ = w.led(t); !slices.Contains(voters, leader.raft) {
				t.Fatalf("n%d leads, and the voters are %v", leader.id, voters)
			}
			m := w.nodes[s.IntN(3)]
			votes := slices.Contains(voters, m.raft)
			p, run := s.Probe("asker"), leader.runs
			raft := leader.node.Life().Lookup(raftnode.RaftName)
			raft.Tell(&raftnode.ChangeVoters{Ask: kit.Ask{ReplyTo: p.Ref()}, Node: m.id, Vote: !votes, Timeout: 3 * time.Second})
			if err := s.Run(time.Duration(s.IntN(int(8 * time.Millisecond)))); err != nil {
				t.Fatal(err)
			}
			w.upset(leader)
			s.RunUntil(10*time.Second, func() bool { return len(p.Got) > 0 || leader.runs != run })
			switch {
			case len(p.Got) > 0:
				a := p.Got[0].(raftnode.VotersChanged)
				codes[a.Code]++
				if a.Code == code.OK && slices.Contains(leader.board.Status().Voters, m.raft) != a.Vote {
					t.Errorf("node %d: answered OK for vote %v, and the voters are %v", m.id, a.Vote, leader.board.Status().Voters)
				}
			case leader.runs == run && leader.node.Up():
				t.Errorf("node %d, vote %v was never answered", m.id, !votes)
			default:
				died++
			}
			s.Net.Heal()
			for _, x := range w.nodes {
				if !x.node.Up() {
					x.node.Restart()
				}
			}
			w.sameGroup(t)
			if len(p.Got) > 1 {
				t.Errorf("answered %d times", len(p.Got))
			}
		}
	})
	t.Logf("answers %v, and %d died with those who took them", codes, died)
	if codes[code.OK] == 0 || died == 0 || codes[code.OK] == len(codes) {
		t.Errorf("answers %v, %d died: too little happened", codes, died)
	}
}

// upset does something to the leader.
func (w *world) upset(leader *member) {
	s := w.s
	var rest []string
	for _, x := range w.nodes {
		if x != leader {
			rest = append(rest, x.name())
		}
	}
	switch s.IntN(5) {
	case 0, 1:
		leader.crash()
		s.At(time.Duration(s.IntN(1500))*time.Millisecond, func() {
			if !leader.node.Up() {
				leader.node.Restart()
			}
		})
	case 2, 3:
		s.Net.Split([]string{leader.name()}, rest)
		s.At(time.Duration(s.IntN(4000))*time.Millisecond, s.Net.Heal)
	case 4:
		leader.node.Life().Lookup(raftnode.RaftName).Tell(&raftnode.TransferLeadership{Ask: kit.Ask{ReplyTo: s.Probe("giver").Ref()}})
	}
}
