package meta

import (
	"slices"
	"strings"

	"troupe/kafka/code"
)

const uncleanKey = "unclean.leader.election.enable"

func (e *edit) electLeaders(c ElectLeaders) Result {
	return Result{Value: e.each(refsOf(c.Partitions), func(i int, _ *Topic, p *Partition) Result {
		if c.Unclean {
			return e.electUnclean(p, c.Partitions[i].Candidate)
		}
		return e.electPreferred(p)
	})}
}

func (e *edit) electPreferred(p *Partition) Result {
	id := p.Replicas[0]
	switch {
	case p.Leader == id:
		return refuse(code.ElectionNotNeeded, "The preferred replica leads.")
	case !slices.Contains(p.ISR, id) || !e.img.alive(id, NoLeader):
		return refuse(code.PreferredLeaderNotAvailable, "The preferred replica %d is not in sync, or not in service.", id)
	}
	p.Leader = id
	return Result{}
}

func (e *edit) electUnclean(p *Partition, candidate int32) Result {
	if p.Leader != NoLeader {
		return refuse(code.ElectionNotNeeded, "Broker %d leads.", p.Leader)
	}
	if !e.img.uncleanly(p, candidate) {
		return refuse(code.EligibleLeadersNotAvailable, "No replica that could be elected is in service.")
	}
	return Result{}
}

// uncleanly makes a replica that may lack records the leader, alone in the ISR, and reports whether there is one in service.
func (m *Image) uncleanly(p *Partition, candidate int32) bool {
	for _, id := range p.Replicas {
		if m.alive(id, NoLeader) && (candidate == NoLeader || candidate == id) {
			p.Leader, p.ISR, p.ELR, p.Recovering = id, []int32{id}, nil, true
			return true
		}
	}
	return false
}

// electsUncleanly reports whether a topic would rather lose records than stand still. The broker's dynamic default counts, its static one
// does not: the nodes would compute different results.
func (m *Image) electsUncleanly(t *Topic) bool {
	v, ok := t.Configs[uncleanKey]
	if !ok {
		v, ok = m.BrokerConfig("", uncleanKey)
	}
	on, _ := parseBool(strings.TrimSpace(v))
	return ok && on
}

// conclude settles what follows from any change of a partition: leader, ELR, the end of a reassignment, epochs. It reports whether
// anything differs from old.
func (e *edit) conclude(t *Topic, old, p *Partition) bool {
	e.img.elect(p, e.img.MinISROf(t, p))
	if e.img.completeMove(t, p) {
		e.img.elect(p, e.img.MinISROf(t, p))
	}
	if p.Leader == NoLeader && e.img.electsUncleanly(t) {
		e.img.uncleanly(p, NoLeader)
	}
	return settle(old, p)
}
