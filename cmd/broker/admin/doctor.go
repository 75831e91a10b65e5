package admin

import (
	"fmt"
	"time"
)

// Thresholds of the doctor: what lasts longer is a finding.
const (
	applyGrace    = 2 * time.Second // committed entries that are not applied
	proposalGrace = 4 * time.Second // proposals without an answer
	bootGrace     = 4 * time.Second // a step of the start that waits
	actorGrace    = time.Second     // one message in hand
)

// Evidence is what the doctor looks at, taken at one moment.
type Evidence struct {
	Status Status
	Actors []Actor
	Strays []Stray
	Now    time.Time
}

// Stray is a partition that this broker holds although the metadata does not name it.
type Stray struct {
	PartID uint32
	Name   string // actor name, "" if only the store has it
	Index  uint64 // metadata index at which it was missed
}

// Examine says what is wrong, worst first. It is a pure function of the evidence.
func Examine(e Evidence) []Finding {
	out := []Finding{}
	add := func(code, next, format string, args ...any) {
		out = append(out, Finding{Code: code, Text: fmt.Sprintf(format, args...), Next: next, At: e.Now})
	}
	r := e.Status.Raft
	switch late := r.BehindFor > applyGrace.Seconds(); {
	case late && r.Behind > 0:
		add("not-applied", "broker actor top", "metadata log: entries up to %d are persisted and up to %d committed, but only up to %d applied, for %.1f s", r.Persisted, r.Committed, r.Applied, r.BehindFor)
	case late && r.Persisted > r.Committed:
		add("not-committed", "broker cluster status", "metadata log: entries up to %d are persisted, but only up to %d committed, for %.1f s", r.Persisted, r.Committed, r.BehindFor)
	}
	if r.OldestFor > proposalGrace.Seconds() {
		add("proposal-waits", "broker cluster status", "%d proposals wait for the metadata log, the oldest for %.1f s; leader is %d", r.Pending, r.OldestFor, r.Leader)
	}
	for _, s := range e.Status.Steps {
		if !s.Done && s.WaitsFor != "" && s.Seconds > bootGrace.Seconds() {
			add("boot-waits", "broker cluster status", "start: step %q has waited %.1f s for %s", s.Name, s.Seconds, s.WaitsFor)
		}
	}
	for _, s := range e.Strays {
		if s.Name == "" {
			add("stray-partition", "restart the broker: it drops what the cluster does not know", "the store holds partition number %d, which the metadata at index %d does not name", s.PartID, s.Index)
			continue
		}
		add("stray-partition", "broker actor tree", "%s exists on this broker but not in the metadata at index %d", s.Name, s.Index)
	}
	for _, a := range e.Actors {
		if a.Current != "" && a.CurrentMs > float64(actorGrace.Milliseconds()) {
			add("actor-blocked", "broker actor top --by wait", "%s has had %s in hand for %.1f s; %d messages wait", a.Name, a.Current, a.CurrentMs/1000, a.Depth)
		}
	}
	if n := e.Status.Disk.Damaged; n > 0 {
		add("damaged", "the broker's log: it names partition and offset", "%d reads met damaged data in the store and were refused; what is damaged cannot be served", n)
	}
	if e.Status.Disk.Full {
		add("disk-full", "free space on the data directory's file system", "the disk is nearly full (%d MiB free): records are refused, reads and deletes go on", e.Status.Disk.FreeBytes>>20)
	}
	for _, b := range e.Status.Brokers {
		if b.ID == e.Status.NodeID && b.Fenced && e.Status.Ready {
			add("fenced", "broker cluster status", "this broker is fenced: it leads no partition")
		}
	}
	return out
}
