package raftnode

import (
	"fmt"
	"strings"

	pb "go.etcd.io/raft/v3/raftpb"
)

// How messages write themselves in traces. The text of protobuf's own is not the same from build to build.

// String is "index@term voters".
func (m Mark) String() string { return fmt.Sprintf("%d@%d %s", m.Index, m.Term, confText(m.Conf)) }

// String implements fmt.Stringer.
func (e Entry) String() string {
	if len(e.Data) == 0 {
		return fmt.Sprintf("%d@%d", e.Index, e.Term)
	}
	return fmt.Sprintf("%d@%d:%d", e.Index, e.Term, len(e.Data))
}

// String implements fmt.Stringer.
func (i *Install) String() string {
	s := fmt.Sprintf("%v, %d bytes", i.Mark, len(i.Data))
	if i.Hard != nil {
		s += fmt.Sprintf(", term %d commit %d", i.Hard.GetTerm(), i.Hard.GetCommit())
	}
	return s
}

// String implements fmt.Stringer.
func (w write) String() string { return messageText(w.m) }

// String implements fmt.Stringer.
func (a appended) String() string {
	var list []string
	for _, m := range a.ms {
		list = append(list, messageText(m))
	}
	return strings.Join(list, "; ")
}

// String implements fmt.Stringer.
func (w written) String() string {
	if w.err != nil {
		return w.err.Error()
	}
	return appended{w.ms}.String()
}

func confText(c *pb.ConfState) string {
	s := fmt.Sprintf("voters%v", c.GetVoters())
	if len(c.GetVotersOutgoing()) > 0 {
		s += fmt.Sprintf(" outgoing%v", c.GetVotersOutgoing())
	}
	if len(c.GetLearners()) > 0 {
		s += fmt.Sprintf(" learners%v", c.GetLearners())
	}
	return s
}

func messageText(m *pb.Message) string {
	s := m.GetType().String()
	if n := len(m.GetEntries()); n > 0 {
		s += fmt.Sprintf(" [%d..%d]", m.GetEntries()[0].GetIndex(), m.GetEntries()[n-1].GetIndex())
	}
	if m.Term != nil {
		s += fmt.Sprintf(" term=%d commit=%d", m.GetTerm(), m.GetCommit())
	}
	if r := len(m.GetResponses()); r > 0 {
		s += fmt.Sprintf(" responses=%d", r)
	}
	return s
}

// nodesOf are the nodes of Raft ids.
func nodesOf(ids []uint64) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = NodeOf(id)
	}
	return out
}

// changeText is a change of the group as people read it. A node that lost its disk may be in it twice.
func changeText(list []*pb.ConfChangeSingle) string {
	words := map[pb.ConfChangeType]string{pb.ConfChangeAddNode: "votes", pb.ConfChangeAddLearnerNode: "learns", pb.ConfChangeRemoveNode: "leaves"}
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%d %s", NodeOf(c.GetNodeId()), words[c.GetType()]))
	}
	return strings.Join(out, ", ")
}
