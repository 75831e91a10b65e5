package sim

import (
	"slices"
	"time"

	"troupe/actors/meta"
	"troupe/actors/partition"
)

// moment is what a trap is shown: a replica that serves as a leader.
type moment struct {
	at *house
	x  *meta.Topic
	p  *meta.Partition // as the newest image has it
	s  partition.Standing
}

// trap lies in wait for a moment, and reports whether it has sprung.
type trap func(m moment) bool

// traps are all there are, by name. Each waits for a moment at which one rule of replication, or of the metadata log, is all that keeps what
// was promised.
var traps = []struct {
	name string
	set  func(t *town) trap
}{
	{"joiner-stalls", func(t *town) trap { return t.joining(t.joinerStalls) }},
	{"joiner-restarts", func(t *town) trap { return t.joining(t.joinerRestarts) }},
	{"joiner-replaced", func(t *town) trap { return t.joining(t.joinerReplaced) }},
	{"wish-is-late", func(t *town) trap { return t.joining(t.wishIsLate) }},
	{"quorum-breaks", func(t *town) trap { return t.joining(t.quorumBreaks) }},
	{"leader-falls", func(t *town) trap { return t.joining(t.leaderFalls) }},
	{"follower-lags", func(t *town) trap { return t.followerLags }},
}

// setTrap sets the trap that the options name, or any.
func (t *town) setTrap() {
	i := t.IntN(len(traps))
	for k := range traps {
		if traps[k].name == t.o.Trap {
			i = k
		}
	}
	t.trap, t.again = traps[i].set(t), t.IntN(4)
}

// spring shows a moment to the trap that is set. It is set again a few times.
func (t *town) spring(m moment) {
	if t.trap == nil || !t.trap(m) {
		return
	}
	t.sprung++
	was, left := t.trap, t.again-1
	if t.trap = nil; left >= 0 {
		t.later(func() { t.trap, t.again = was, left })
	}
}

// joining waits until a leader wants a broker in the ISR that is not in it.
func (t *town) joining(then func(m moment, joins *house) bool) trap {
	return func(m moment) bool {
		for _, id := range m.s.Wanted {
			if !slices.Contains(m.s.ISR, id) {
				return then(m, t.nodes[id-1])
			}
		}
		return false
	}
}

// joinerStalls: who is about to join the ISR confirms nothing more, and the leader does not hear for a while that it has joined. Until it
// does, the high watermark must wait for it all the same (KIP-497).
func (t *town) joinerStalls(m moment, joins *house) bool {
	q := t.leader()
	if q == m.at || slices.Contains(m.s.ISR, q.id) || len(m.s.ISR) < t.book.newest.MinISROf(m.x, m.p) {
		return false // it would hear of it, or hear nothing of those that are in sync already
	}
	t.after(0, func() {
		joins.stall(time.Duration(500+t.IntN(2000)) * time.Millisecond)
		t.cut(q, m.at)
	})
	return true
}

// joinerRestarts: who is about to join is another run of itself when that is decided (KIP-903).
func (t *town) joinerRestarts(m moment, joins *house) bool {
	t.after(time.Duration(t.IntN(int(3*time.Millisecond))), func() { t.kill(joins) })
	t.after(time.Duration(t.IntN(int(400*time.Millisecond))), joins.start)
	if t.Chance(.5) {
		t.after(0, func() { t.cut(m.at, t.leader()) })
	}
	return true
}

// joinerReplaced: who is about to join loses its disk, and is back with an empty one when the change of the ISR arrives at last. Only by the broker
// epoch in it can it be told that another run of the broker had caught up (KIP-903). The leader is cut off for less than it takes to fence it.
func (t *town) joinerReplaced(m moment, joins *house) bool {
	q := t.leader()
	if q == m.at || q == joins || !t.quorate() || slices.Contains(m.p.ELR, joins.id) {
		return false // who is eligible leaves the ELR with its disk, and the change comes too late by that
	}
	voters := q.broker.Board.Status().Voters
	if slices.Contains(voters, m.at.raftID) && slices.Contains(voters, joins.raftID) {
		return false // nothing could be decided
	}
	t.again = 0
	t.after(0, func() {
		t.cut(m.at, q)
		t.kill(joins)
	})
	var lost func()
	lost = func() {
		if joins.spare() {
			joins.replace()
		} else if !joins.joining && !joins.up() {
			t.after(10*time.Millisecond, lost)
		}
	}
	t.after(10*time.Millisecond, lost)
	t.after(time.Duration(1300+t.IntN(400))*time.Millisecond, func() { t.Net.Mend(host(m.at.id), host(q.id)) })
	return true
}

// wishIsLate: the change of the ISR is on its way for longer than others take to change it, too.
func (t *town) wishIsLate(m moment, joins *house) bool {
	q := t.leader()
	t.after(0, func() { t.cut(m.at, q) })
	t.after(time.Duration(t.IntN(int(2*time.Second))), func() { t.Net.Mend(host(m.at.id), host(q.id)) })
	if t.Chance(.5) {
		t.after(time.Duration(t.IntN(int(time.Second))), func() { t.kill(joins) })
	}
	return true
}

// quorumBreaks: who leads the metadata has taken the change into its log, and loses the lead before anybody else has it there. Whoever waits
// for it must propose it again.
func (t *town) quorumBreaks(m moment, _ *house) bool {
	if q := t.leader(); q != m.at {
		return false
	}
	t.after(time.Duration(t.IntN(int(time.Millisecond))), func() { t.reset(m.at) })
	return true
}

// leaderFalls: whoever leads falls, and who was about to join may be elected or may not.
func (t *town) leaderFalls(m moment, _ *house) bool {
	t.after(time.Duration(t.IntN(int(4*time.Millisecond))), func() { t.kill(m.at) })
	return true
}

// followerLags: the leader falls while a follower that is not in the ISR lacks what was committed. Its successor knows less of how far that
// was, and must not take the follower in before it has it all (KAFKA-7128).
func (t *town) followerLags(m moment) bool {
	for _, id := range m.p.Replicas {
		x := t.nodes[id-1]
		if slices.Contains(m.p.ISR, id) || slices.Contains(m.p.ELR, id) || !x.up() || x.durable(m.p.ID) >= m.s.High || len(m.p.ISR) < 2 {
			continue
		}
		t.after(0, func() {
			x.slow(time.Duration(50+t.IntN(500)) * time.Millisecond)
			t.kill(m.at)
		})
		return true
	}
	return false
}
