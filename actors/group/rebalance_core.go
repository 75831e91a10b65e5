package group

import (
	"fmt"
	"slices"
	"time"

	"troupe/kafka/code"
)

// rebalanceOrComplete begins a rebalance where that is possible; if one is under way, it may be complete now.
func (c *core) rebalanceOrComplete(why cause, now moment) {
	switch c.state {
	case stable, completing, empty:
		c.prepareRebalance(why, now)
	default:
		c.completeIfAll(now)
	}
}

// completeIfAll ends the join phase when nobody is missing, unless it is that of an empty group, which ends by time.
func (c *core) completeIfAll(now moment) {
	if c.state == preparing && !c.initial && c.allJoined() {
		c.completeJoin(now)
	}
}

// prepareRebalance begins the join phase: every member must join again, and has the longest rebalance timeout of all to do so. In an
// empty group there is only somebody to wait for by chance, so it waits for group.initial.rebalance.delay.ms, and longer while
// members keep coming.
func (c *core) prepareRebalance(why cause, now moment) {
	if c.state == completing {
		c.resetAssignment(code.RebalanceInProgress, now)
	}
	c.endUnsynced()
	c.initial = c.state == empty
	c.become(preparing, now)
	c.remember(why, now)
	if c.initial {
		c.newcomers = false
		c.joinStep = max(c.cfg.InitialDelayMs, 0)
		c.joinLeft = max(c.rebalanceTimeout()-c.joinStep, 0)
		c.joinAt = now.mono + c.joinStep
		c.alarm(c.joinAt)
		return
	}
	if c.allJoined() {
		c.completeJoin(now)
		return
	}
	c.joinAt = now.mono + c.rebalanceTimeout()
	c.alarm(c.joinAt)
}

// endJoinPhase is called when its time may be over.
func (c *core) endJoinPhase(now moment) {
	if c.joinAt == 0 || now.mono < c.joinAt {
		return
	}
	if c.initial && c.newcomers && c.joinLeft > 0 {
		c.newcomers = false
		step := min(max(c.cfg.InitialDelayMs, 0), c.joinLeft)
		c.joinLeft = max(c.joinLeft-c.joinStep, 0)
		c.joinStep = step
		c.joinAt = now.mono + step
		return
	}
	c.completeJoin(now)
}

// completeJoin ends the join phase: members that have not joined again are out, but for static ones, and those who have are the next
// generation. If nobody has, it waits again: sessions end too. The generation is written before anybody hears of it, so that no crash
// makes it anew with other members.
func (c *core) completeJoin(now moment) {
	if c.initial {
		c.noteDelay(now)
	}
	c.joinAt, c.initial = 0, false
	c.removeAll(func(m *member) bool { return m.join == nil && !m.isStatic() })
	if len(c.members) == 0 {
		c.generation++
		c.protocol, c.subscribed = nil, map[string]bool{}
		c.become(empty, now)
		c.settle(now)
		c.saved = true
		c.write(&entry{kind: writeEmpty, records: []kv{c.metadataRecord(nothing)}}, now)
		return
	}
	if !c.electJoined() {
		c.joinAt = now.mono + max(c.rebalanceTimeout(), 1)
		c.alarm(c.joinAt)
		return
	}
	c.generation++
	name := c.selectProtocol()
	c.protocol = &name
	c.subscribed = c.subscriptions()
	c.become(completing, now)
	if r := c.present(); r != nil {
		r.Generation, r.Members = c.generation, len(c.members)
	}
	c.saved = true
	c.write(&entry{kind: writeGeneration, generation: c.generation, records: []kv{c.metadataRecord(nothing)}}, now)
}

// noteDelay notes for each Join that waits how long the delay of an empty group has kept it.
func (c *core) noteDelay(now moment) {
	for _, m := range c.list {
		if m.join != nil && m.join.since != 0 {
			m.join.delayed = now.mono - m.join.since
		}
	}
}

// nothing is the assignment of a generation that has none yet.
var nothing = map[string][]byte{}

// serve tells the members of a generation that it is durable. If the group has gone on meanwhile, those who still wait are in the
// next one.
func (c *core) serve(e *entry, bad code.Code, now moment) {
	if c.state != completing || e.generation != c.generation {
		return
	}
	if bad != code.OK {
		for _, m := range c.list {
			c.answerJoin(m, joinFailure(m.join, m.id, bad))
			c.touch(m, now)
		}
		c.prepareRebalance(cause{kind: unwritten, text: "the generation could not be written: " + bad.String()}, now)
		return
	}
	for _, m := range c.list {
		if m.join != nil {
			c.answerJoin(m, c.joinAnswer(m.join.Req, m, true))
		}
	}
	c.awaitSyncs(now)
}

// awaitSyncs begins the time in which every member has to ask for its assignment.
func (c *core) awaitSyncs(now moment) {
	for _, m := range c.list {
		c.touch(m, now)
		m.fresh, m.unsynced = false, true
	}
	c.unsynced = len(c.list)
	c.syncAt = now.mono + c.rebalanceTimeout()
	c.alarm(c.syncAt)
}

// electJoined makes a member that has joined the leader, if the leader has not; false if nobody has.
func (c *core) electJoined() bool {
	if m := c.members[c.leader]; m != nil && m.join != nil {
		return true
	}
	i := slices.IndexFunc(c.list, func(m *member) bool { return m.join != nil })
	if i < 0 {
		return false
	}
	c.leader = c.list[i].id
	return true
}

// selectProtocol is the one for which most members vote: each for the first of its own that all know. Between equals the first
// named wins.
func (c *core) selectProtocol() string {
	votes := map[string]int{}
	var best string
	for _, m := range c.list {
		for _, p := range m.protocols {
			if c.supports[p.name] == len(c.members) {
				votes[p.name]++
				break
			}
		}
	}
	for _, m := range c.list {
		for _, p := range m.protocols {
			if votes[p.name] > votes[best] {
				best = p.name
			}
		}
	}
	return best
}

// endSyncPhase removes members that have not asked for their assignment: they do not work, and hold partitions.
func (c *core) endSyncPhase(now moment) {
	if c.syncAt == 0 || now.mono < c.syncAt {
		return
	}
	c.syncAt = 0
	if c.unsynced == 0 || c.state != completing && c.state != stable {
		return
	}
	gone := c.removeAll(func(m *member) bool { return m.unsynced })
	why := cause{kind: unassigned, text: fmt.Sprintf("%d members did not ask for their assignment in time, first %s", len(gone), gone[0].id),
		member: gone[0].id, client: gone[0].client}
	c.prepareRebalance(why, now)
}

func (c *core) endUnsynced() {
	c.syncAt = 0
	if c.unsynced == 0 {
		return
	}
	for _, m := range c.list {
		m.unsynced = false
	}
	c.unsynced = 0
}

// resetAssignment takes the assignment of a generation back and tells those who wait for it.
func (c *core) resetAssignment(bad code.Code, now moment) {
	for _, m := range c.list {
		c.give(m, nil)
		if m.sync != nil {
			c.answerSync(m, bad)
			c.touch(m, now)
		}
	}
}

// remember notes that a rebalance has begun.
func (c *core) remember(why cause, now moment) {
	if len(c.history) == maxHistory {
		c.history = slices.Delete(c.history, 0, 1)
	}
	c.beganAt = now.mono
	c.tally.rebalances[why.kind]++
	c.history = append(c.history, Rebalance{Began: time.UnixMilli(now.wall), Generation: c.generation, Members: len(c.members),
		Reason: why.text, MemberID: why.member, ClientID: why.client.ID, ClientHost: why.client.Host})
}

// present is the rebalance under way, as it is remembered.
func (c *core) present() *Rebalance {
	if n := len(c.history); n > 0 && c.history[n-1].Took == 0 {
		return &c.history[n-1]
	}
	return nil
}

// settle notes that the rebalance is over.
func (c *core) settle(now moment) {
	if r := c.present(); r != nil {
		r.Generation, r.Members = c.generation, len(c.members)
		r.Took = max(ms(now.mono-c.beganAt), time.Nanosecond)
	}
}
