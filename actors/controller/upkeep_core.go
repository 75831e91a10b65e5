package controller

import (
	"time"

	"troupe/actors/meta"
)

// Upkeep is what a controller does to a cluster that works: replicas where new brokers are, leaderships where they belong.
type Upkeep struct {
	NoBalance bool          // auto.leader.rebalance.enable=false: leaderships stay where elections have left them
	Check     time.Duration // leader.imbalance.check.interval.seconds; zero: defaultCheck
}

// Limits of the upkeep.
const (
	// defaultCheck is how often all partitions are looked through though nothing is known to have changed (Kafka: 5 minutes).
	defaultCheck = 30 * time.Second
	// surveyGap is the least time between two such looks, and settleFor how long a preferred leader must be fit to lead before it does.
	surveyGap = time.Second
	settleFor = 3 * time.Second
	// maxMoving bounds the partitions that get more replicas at a time, maxElections the leaderships that move at a time (KRaft: 1,000).
	maxMoving    = 100
	maxElections = 500
)

// upkeep is when what is to be done.
type upkeep struct {
	dirty    bool // something has changed since the last survey
	surveyed int  // tick of it
	elect    int  // tick at which leaderships move, 0: none are to
	growing  bool // a command of each kind is on its way
	electing bool
}

// tend does the upkeep: as often as something has changed, and now and then.
func (k *core) tend() (out []meta.Command) {
	u := &k.upkeep
	check := k.o.Check
	if check <= 0 {
		check = defaultCheck
	}
	age := k.now - u.surveyed
	if age < ticks(surveyGap) || !u.dirty && u.elect == 0 && age < ticks(check) {
		return nil
	}
	u.dirty, u.surveyed = false, k.now
	if !u.growing {
		if list := growth(k.img, maxMoving); len(list) > 0 {
			u.growing, u.dirty = true, true
			out = append(out, meta.AlterReassignments{Partitions: list})
		}
	}
	if list := imbalance(k.img, k.fit, maxElections); k.o.NoBalance || len(list) == 0 {
		u.elect = 0
	} else if u.elect == 0 {
		u.elect = k.now + ticks(settleFor)
	} else if k.now >= u.elect && !u.electing {
		u.elect, u.electing, u.dirty = 0, true, true
		out = append(out, meta.ElectLeaders{Partitions: list})
	}
	return out
}

// fit reports whether a broker is heard by its links; one that may be about to be fenced is given no leadership.
func (k *core) fit(id int32) bool {
	l := k.links[id]
	return id == k.me || l != nil && l.session != 0
}

// imbalance lists partitions that another broker leads than the preferred one, which could, at most n.
func imbalance(img *meta.Image, fit func(int32) bool, n int) (list []meta.Election) {
	for _, t := range img.SortedTopics() {
		for i := range t.Partitions {
			p := &t.Partitions[i]
			if id := p.Replicas[0]; p.Leader == id || p.Leader == meta.NoLeader || !inSync(p, id) || !img.Serves(id) || !fit(id) {
				continue
			}
			if list = append(list, meta.Election{PartitionRef: meta.PartitionRef{Topic: t.ID, Index: p.Index}, Candidate: meta.NoLeader}); len(list) == n {
				return list
			}
		}
	}
	return list
}

func inSync(p *meta.Partition, id int32) bool {
	for _, x := range p.ISR {
		if x == id {
			return true
		}
	}
	return false
}

// growth is what partitions of topics that left their replication factor to the cluster shall become now that it has more brokers. At most
// so many partitions are on the move at a time, those that move for other reasons included.
func growth(img *meta.Image, most int) (list []meta.Reassignment) {
	want, moving := img.AutoFactor(), 0
	for _, t := range img.SortedTopics() {
		for i := range t.Partitions {
			if p := &t.Partitions[i]; p.Moving() {
				moving++
			}
		}
	}
	var placer *meta.Placer
	for _, t := range img.SortedTopics() {
		begun := false
		for i := range t.Partitions {
			p := &t.Partitions[i]
			if !t.RFAuto || len(p.Replicas) >= want || p.Moving() {
				continue
			}
			if moving >= most {
				return list
			}
			if placer == nil {
				placer = meta.NewPlacer(img)
			}
			if !begun {
				begun = true
				placer.Grow(t)
			}
			if target := placer.Grown(p.Replicas, want); target != nil {
				moving++
				list = append(list, meta.Reassignment{PartitionRef: meta.PartitionRef{Topic: t.ID, Index: p.Index}, Target: target})
			}
		}
	}
	return list
}
