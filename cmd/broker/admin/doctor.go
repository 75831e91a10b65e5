package admin

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Thresholds of the doctor: what lasts longer, or is more, is a finding.
const (
	applyGrace    = 2 * time.Second // committed entries that are not applied
	proposalGrace = 4 * time.Second // proposals without an answer
	bootGrace     = 4 * time.Second // a step of the start that waits
	actorGrace    = time.Second     // one message in hand
	mailGrace     = time.Second     // messages that wait for an actor
	diskGrace     = time.Second     // one piece of work at the disk
	poolGrace     = time.Second     // work that waits for the pool
	budgetGrace   = time.Second     // a request that waits for memory
	clientGrace   = 5 * time.Second // an answer that a client does not read
	stuckGrace    = 10 * time.Second
	groupGrace    = 10 * time.Second // members that wait for a rebalance

	dirtyHigh = 0.9 // of a log, for a minute without one compaction

	syncSlow    = 200 * time.Millisecond // p99
	syncSamples = 50                     // commits in a minute, for a p99 that means something
	memoryHigh  = 0.8                    // live heap, as a part of its limit: above, collections follow each other
	filesHigh   = 0.8
	connsHigh   = 0.9
)

// Evidence is what the doctor looks at, taken at one moment.
type Evidence struct {
	Status  Status
	Health  Health
	Cluster Cluster
	Actors  []Actor
	Strays  []Stray
	// Silent is how long the store has been asked for what it holds, without an answer; 0: it has answered.
	Silent time.Duration
	Open   []Trace // requests under way, oldest first
	Groups []GroupWait
	Now    time.Time
}

// Stray is a partition that this broker holds although the metadata does not name it.
type Stray struct {
	PartID uint32
	Name   string // actor name, "" if only the store has it
	Index  uint64 // metadata index at which it was missed
}

// The severities of findings.
const (
	SeverityError   = "error"   // something is not served, or will not be soon
	SeverityWarning = "warning" // it works, but slowly or near a limit
)

// exam gathers findings.
type exam struct {
	Evidence
	out []Finding
}

func (x *exam) add(severity, code, next, format string, args ...any) {
	x.out = append(x.out, Finding{Code: code, Severity: severity, Text: fmt.Sprintf(format, args...), Next: next, At: x.Now})
}

func (x *exam) fail(code, next, format string, args ...any) {
	x.add(SeverityError, code, next, format, args...)
}

func (x *exam) warn(code, next, format string, args ...any) {
	x.add(SeverityWarning, code, next, format, args...)
}

// Examine says what is wrong, errors first. It is a pure function of the evidence.
func Examine(e Evidence) []Finding {
	x := &exam{Evidence: e, out: []Finding{}}
	for _, rule := range []func(*exam){
		metadataLog, start, cluster, partitions, disk, store, cleaner, groups, actors, pool, connections, memory, requests, clock,
	} {
		rule(x)
	}
	rank := map[string]int{SeverityError: 0, SeverityWarning: 1}
	slices.SortStableFunc(x.out, func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	return x.out
}

func metadataLog(x *exam) {
	r := x.Status.Raft
	switch late := r.BehindFor > applyGrace.Seconds(); {
	case late && r.Behind > 0:
		x.fail("not-applied", "broker actor top", "metadata log: entries up to %d are persisted and up to %d committed, but only up to %d applied, for %.1f s", r.Persisted, r.Committed, r.Applied, r.BehindFor)
	case late && r.Persisted > r.Committed:
		x.fail("not-committed", "broker cluster status", "metadata log: entries up to %d are persisted, but only up to %d committed, for %.1f s; %s", r.Persisted, r.Committed, r.BehindFor, leaderOf(r))
	}
	if r.OldestFor > proposalGrace.Seconds() {
		x.fail("proposal-waits", "broker cluster status", "%s for the metadata log, the oldest for %.1f s; %s", Counted(r.Pending, "proposal waits", "proposals wait"), r.OldestFor, leaderOf(r))
	}
}

// leaderOf says who leads the metadata log, as far as this broker knows.
func leaderOf(r Raft) string {
	if r.Leader > 0 {
		return fmt.Sprintf("node %d leads it", r.Leader)
	}
	return "no leader is known here: none is elected, or its messages do not come"
}

func start(x *exam) {
	for _, s := range x.Status.Steps {
		if !s.Done && s.WaitsFor != "" && s.Seconds > bootGrace.Seconds() {
			x.fail("boot-waits", "broker cluster status", "start: step %q has waited %.1f s for %s", s.Name, s.Seconds, s.WaitsFor)
		}
	}
	for _, b := range x.Status.Brokers {
		if b.ID == x.Status.NodeID && b.Fenced && x.Status.Ready {
			x.fail("fenced", "broker cluster status", "this broker is fenced: it leads no partition")
		}
	}
}

func partitions(x *exam) {
	if n := x.Health.Leaderless; n > 0 {
		x.fail("no-leader", "broker cluster status", "%s no leader, such as %s: nothing there can be written or read", Counted(n, "partition has", "partitions have"), x.Health.Leaderless1)
	}
	for _, s := range x.Strays {
		if s.Name == "" {
			x.warn("stray-partition", "restart the broker: it drops what the cluster does not know", "the store holds partition number %d, which the metadata at index %d does not name", s.PartID, s.Index)
			continue
		}
		x.warn("stray-partition", "broker actor tree", "%s exists on this broker but not in the metadata at index %d", s.Name, s.Index)
	}
}

// Counted is a number with what it counts: 1 record, 2 records.
func Counted[N int | int64](n N, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func cleaner(x *exam) {
	c := x.Health.Cleaner
	if c.Uncleanable > 0 {
		x.warn("cleaner-failing", "the broker's log: it names them and says why", "%d of %d compacted partitions are left alone until the next start after an error: they only grow", c.Uncleanable, c.Partitions)
	}
	if c.Dirty > dirtyHigh && c.Rounds == 0 {
		x.warn("cleaner-behind", "broker actor top, and log.cleaner.* of this broker", "compaction gets nowhere: %.0f %% of a log are to be compacted, and no compaction has ended in the last minute", c.Dirty*100)
	}
}

func groups(x *exam) {
	for _, g := range x.Groups {
		if g.Seconds > groupGrace.Seconds() {
			x.warn("group-waits", "those members: they are stuck in their work or their network is; broker trace open", "consumer group %q has kept members waiting for %.0f s (%s): it waits for %s", g.Group, g.Seconds, g.State, g.Awaiting)
		}
	}
}

func clock(x *exam) {
	for _, j := range x.Health.Clock {
		x.warn("clock-jump", "the machine's time synchronisation (chronyc tracking)", "the clock jumped by %+.1f s at %s: record times, retention by age and time-outs follow it", j.By, j.At.UTC().Format(time.RFC3339))
	}
}
