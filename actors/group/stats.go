package group

import "sync/atomic"

// reason is what kind of event began a rebalance. The set is small and fixed: it is a label of a metric.
type reason uint8

const (
	joined     reason = iota // a member is new, came back, or changed what it says
	left                     // a member left
	silent                   // a member was not heard of for its session timeout
	unassigned               // members did not ask for their assignment in time
	unwritten                // the generation or the assignment could not be written
	oversized                // the group is larger than group.max.size allows by now
	reasons    = iota
)

var reasonNames = [reasons]string{"join", "leave", "session_timeout", "sync_timeout", "write_failed", "max_size"}

// tally is what happened to a group and has not been counted yet: cores do not know the stats.
type tally struct {
	rebalances [reasons]int64
	commits    int64 // partitions whose committed offset is durable
	refused    int64 // partitions whose offset could not be made durable
}

// Stats are counters and gauges of all groups that a broker coordinates, for metrics. Shards and groups write them; safe to read from any
// goroutine.
type Stats struct {
	// Room is how many bytes all groups of the broker may take for what members say, are called, and are assigned; beyond, new members are told to
	// try again, and from twice that on all that join or assign. 0: 4 MB. It is set before anybody uses the stats.
	Room       int64
	taken      atomic.Int64 // of Room
	tight      atomic.Bool
	groups     [len(stateNames)]atomic.Int64
	members    atomic.Int64
	roles      [len(roleNames)]atomic.Int64 // shards
	rebalances [reasons]atomic.Int64
	commits    atomic.Int64
	refused    atomic.Int64
}

// add counts what happened to a group.
func (s *Stats) add(t *tally) {
	for i, n := range t.rebalances {
		if n != 0 {
			s.rebalances[i].Add(n)
		}
	}
	s.commits.Add(t.commits)
	s.refused.Add(t.refused)
}

// leastRoom is Room where nobody says it.
const leastRoom = 4 << 20

// full says whether there is no room for more: for new members, or for anybody.
func (s *Stats) full(newcomer bool) bool {
	room := s.Room
	if room == 0 {
		room = leastRoom
	}
	if !newcomer {
		room *= 2
	}
	return s.taken.Load() > room || newcomer && s.tight.Load()
}

// SetTight says whether the memory of the broker has no place for more: new groups, new members, offsets of more partitions and longer metadata are
// told to try again. What is there already goes on. Any goroutine may call it.
func (s *Stats) SetTight(is bool) { s.tight.Store(is) }

// show counts a group among those of its state, or no longer (n is 1 or -1), and what it takes.
func (s *Stats) show(l listing, n int64) {
	s.taken.Add(n * int64(l.bytes))
	if !l.nothing {
		s.groups[l.state].Add(n)
	}
}

// EachState tells how many groups there are in each state.
func (s *Stats) EachState(f func(state string, groups int64)) {
	for i := range s.groups {
		f(stateNames[i], s.groups[i].Load())
	}
}

// EachReason tells how many rebalances began for each reason.
func (s *Stats) EachReason(f func(reason string, rebalances int64)) {
	for i := range s.rebalances {
		f(reasonNames[i], s.rebalances[i].Load())
	}
}

// Metrics are the other stats by name, for /metrics.
func (s *Stats) Metrics() map[string]float64 {
	return map[string]float64{
		"group_members": float64(s.members.Load()), "group_partitions_loaded": float64(s.roles[leading].Load()),
		"group_partitions_loading": float64(s.roles[loading].Load()), "group_offsets_committed_total": float64(s.commits.Load()),
		"group_offset_commits_failed_total": float64(s.refused.Load()),
	}
}
