package stories

import (
	"fmt"
	"strings"

	"troupe/actors/kit"
	"troupe/cmd/broker/admin"
)

// steps shows the start as /readyz?verbose does.
func (s *stage) steps() string {
	var w strings.Builder
	for _, x := range s.b.Steps.Get() {
		switch {
		case x.Done:
			fmt.Fprintf(&w, "%-22s done\n", x.Name)
		case x.WaitsFor != "":
			fmt.Fprintf(&w, "%-22s waits for %s, for %s\n", x.Name, x.WaitsFor, s.b.Life.Now().Sub(x.Since))
		default:
			fmt.Fprintf(&w, "%-22s its turn has not come\n", x.Name)
		}
	}
	return w.String()
}

// status shows the gauges of the metadata log.
func (s *stage) status() string {
	r := s.b.Board.Status()
	return fmt.Sprintf("persisted %d, committed %d, applied %d: committed - applied = %d; proposals without an answer: %d; leader: node %d",
		r.Persisted, r.Committed, r.Applied, r.Committed-r.Applied, r.Pending, r.LeaderNode())
}

// doctor says what broker doctor says: the same examination of the same evidence.
func (s *stage) doctor() string {
	now := s.b.Life.Now()
	r := s.b.Board.Status()
	e := admin.Evidence{Now: now, Status: admin.Status{NodeID: 1, Ready: s.b.Steps.Ready(), Raft: admin.Raft{
		Term: r.Term, Leader: r.LeaderNode(), State: r.Role, Persisted: r.Persisted, Committed: r.Committed, Applied: r.Applied, Pending: r.Pending}}}
	e.Status.Raft.Behind = r.Committed - r.Applied
	if !r.Behind.IsZero() {
		e.Status.Raft.BehindFor = now.Sub(r.Behind).Seconds()
	}
	if !r.Oldest.IsZero() {
		e.Status.Raft.OldestFor = now.Sub(r.Oldest).Seconds()
	}
	for _, x := range s.b.Steps.Get() {
		step := admin.Step{Name: x.Name, Done: x.Done, WaitsFor: x.WaitsFor}
		if !x.Done && !x.Since.IsZero() {
			step.Seconds = now.Sub(x.Since).Seconds()
		}
		e.Status.Steps = append(e.Status.Steps, step)
	}
	e.Status.Disk.FreeBytes, e.Status.Disk.Full = s.b.Data.Free()
	e.Strays = s.strays()
	var w strings.Builder
	for _, f := range admin.Examine(e) {
		fmt.Fprintf(&w, "%s: %s\n", f.Code, f.Text)
	}
	if w.Len() == 0 {
		return "nothing is wrong"
	}
	return w.String()
}

func (s *stage) strays() (out []admin.Stray) {
	v := s.b.Published.Get()
	v.EachPartition(func(id uint32, ref *kit.Ref) {
		if t, _ := v.Image.ByPartID(id); t == nil {
			out = append(out, admin.Stray{PartID: id, Name: ref.Name(), Index: v.Image.Index()})
		}
	})
	ids, err := s.b.Data.Partitions()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, id := range ids {
		if t, _ := v.Image.ByPartID(id); t == nil {
			out = append(out, admin.Stray{PartID: id, Index: v.Image.Index()})
		}
	}
	return out
}

// topics shows the published image and the local replicas.
func (s *stage) topics() string {
	v := s.b.Published.Get()
	var w strings.Builder
	fmt.Fprintf(&w, "index %d", v.Image.Index())
	for t := range v.Image.Topics() {
		for _, p := range t.Partitions {
			fmt.Fprintf(&w, "\n%s-%d: part %d, leader %d, epoch %d, local: %v", t.Name, p.Index, p.ID, p.Leader, p.LeaderEpoch, v.Partition(p.ID) != nil)
		}
	}
	return w.String()
}
