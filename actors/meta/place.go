package meta

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"troupe/kafka/code"
)

// Place chooses replicas for partitions of one topic: see Placer.Place.
func Place(img *Image, partitions int32, rf int16, seed uint64) ([][]int32, code.Code, string) {
	return NewPlacer(img).Place(partitions, rf, seed)
}

// Placer chooses replicas for several topics one after the other, each knowing of those before. It belongs to one goroutine.
type Placer struct {
	brokers []candidate
	racks   int
	serving int
}

// candidate is a broker while replicas are placed.
type candidate struct {
	id       int32
	rack     int // number of the rack; brokers without one share a rack
	serving  bool
	replicas int // in the image and placed since
	leaders  int
	mine     int // replicas of this topic
	led      int // of them the first
	rank     uint64
	taken    bool // by this partition
}

// cordonedKey is the setting of a broker that keeps new replicas away from it (KIP-1066). There is one folder, so that any name in it counts.
const cordonedKey = "cordoned.log.dirs"

// Cordoned reports whether a broker gets no new replicas, because it is to be emptied.
func (m *Image) Cordoned(id int32) bool {
	v, ok := m.BrokerConfig(strconv.Itoa(int(id)), cordonedKey)
	if !ok {
		v, _ = m.BrokerConfig("", cordonedKey)
	}
	return strings.TrimSpace(v) != ""
}

// maxAutoFactor is how many replicas a partition gets at most whose topic leaves the number to the cluster.
const maxAutoFactor = 3

// AutoFactor is how many replicas a topic has now that leaves the number to the cluster: as many as there are brokers that may get some, up
// to three, and at least one.
func (m *Image) AutoFactor() int {
	n := 0
	for i := range m.brokers {
		if id := m.brokers[i].ID; m.Serves(id) && !m.Cordoned(id) {
			n++
		}
	}
	return max(1, min(maxAutoFactor, n))
}

// NewPlacer begins with the loads of an image. Brokers that get no new replicas take no part.
func NewPlacer(img *Image) *Placer {
	p := &Placer{}
	racks := make(map[string]int)
	for i := range img.brokers {
		b := &img.brokers[i]
		if img.Cordoned(b.ID) {
			continue
		}
		r, ok := racks[b.Rack]
		if !ok {
			r = len(racks)
			racks[b.Rack] = r
		}
		c := candidate{id: b.ID, rack: r, serving: img.alive(b.ID, NoLeader)}
		c.replicas, c.leaders = img.Load(b.ID)
		if c.serving {
			p.serving++
		}
		p.brokers = append(p.brokers, c)
	}
	p.racks = len(racks)
	return p
}

// Place chooses rf replicas for each partition, or says why it cannot (INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR). The first replica
// is the preferred leader and serves; the others lie in as many racks as possible; brokers that serve come before those that do not, then
// those with the least of this topic, then those with the least of all. The seed decides between equals. Counts of −1 are the caller's
// to replace.
func (p *Placer) Place(partitions int32, rf int16, seed uint64) ([][]int32, code.Code, string) {
	switch {
	case partitions < 1:
		r := refuse(code.InvalidPartitions, "Number of partitions must be larger than 0, not %d.", partitions)
		return nil, r.Code, r.Message
	case rf < 1:
		r := refuse(code.InvalidReplicationFactor, "Replication factor must be larger than 0, not %d.", rf)
		return nil, r.Code, r.Message
	case int(rf) > len(p.brokers):
		r := refuse(code.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): The target replication factor of %d cannot be reached because only %d broker(s) are registered or some brokers have all their log directories cordoned.", rf, rf, len(p.brokers))
		return nil, r.Code, r.Message
	case p.serving == 0:
		return nil, code.InvalidReplicationFactor, "All brokers are currently fenced or shutting down."
	}
	for i := range p.brokers {
		c := &p.brokers[i]
		c.mine, c.led, c.rank = 0, 0, mix(seed^uint64(c.id))
	}
	out := make([][]int32, partitions)
	used := make([]int, p.racks)
	all := make([]int32, 0, int(partitions)*int(rf))
	for i := range out {
		from := len(all)
		all = p.one(all, int(rf), used)
		out[i] = all[from:len(all):len(all)]
	}
	return out, code.OK, ""
}

// Grow begins with a topic whose partitions are to get more replicas: see Grown.
func (p *Placer) Grow(t *Topic) {
	for i := range p.brokers {
		c := &p.brokers[i]
		c.mine, c.led, c.rank = 0, 0, mix(uint64(c.id))
		for k := range t.Partitions {
			if slices.Contains(t.Partitions[k].Replicas, c.id) {
				c.mine++
			}
			if t.Partitions[k].Replicas[0] == c.id {
				c.led++
			}
		}
	}
}

// Grown is what the replicas of a partition of the topic of Grow become when there shall be rf, as far as there are brokers in service. Those
// with the least of the topic, then of all, are added, in racks that have none yet. First, as the preferred leader, comes who would be it
// for the fewest partitions. nil if nobody can be added.
func (p *Placer) Grown(replicas []int32, rf int) []int32 {
	used := make([]int, p.racks)
	for i := range p.brokers {
		c := &p.brokers[i]
		if c.taken = slices.Contains(replicas, c.id); c.taken {
			used[c.rack]++
		}
	}
	out := slices.Clone(replicas)
	for len(out) < rf {
		var best *candidate
		for i := range p.brokers {
			if c := &p.brokers[i]; !c.taken && c.serving && (best == nil || c.followsBefore(best, used)) {
				best = c
			}
		}
		if best == nil {
			break
		}
		best.taken = true
		best.mine++
		best.replicas++
		used[best.rack]++
		out = append(out, best.id)
	}
	if len(out) == len(replicas) {
		return nil
	}
	p.prefer(out)
	return out
}

// prefer moves to the front of a partition's replicas who leads the fewest partitions of the topic; who is there stays if nobody leads fewer.
func (p *Placer) prefer(replicas []int32) {
	at := func(id int32) *candidate {
		if i := slices.IndexFunc(p.brokers, func(c candidate) bool { return c.id == id }); i >= 0 {
			return &p.brokers[i]
		}
		return nil
	}
	first, best := at(replicas[0]), at(replicas[0])
	for _, id := range replicas[1:] {
		// A partition that first leads counts for it already; it would count for the other one as well.
		if c := at(id); c != nil && c.serving && (best == nil || best == first && c.led+1 < best.led || best != first && c.led < best.led) {
			best = c
		}
	}
	if best == nil || best == first {
		return
	}
	if first != nil {
		first.led--
	}
	best.led++
	i := slices.Index(replicas, best.id)
	copy(replicas[1:i+1], replicas[:i])
	replicas[0] = best.id
}

// one appends the replicas of one partition. used counts this partition's replicas per rack.
func (p *Placer) one(out []int32, rf int, used []int) []int32 {
	clear(used)
	for i := range p.brokers {
		p.brokers[i].taken = false
	}
	for n := range rf {
		var best *candidate
		for i := range p.brokers {
			c := &p.brokers[i]
			if c.taken || n == 0 && !c.serving {
				continue
			}
			if best == nil || n == 0 && c.leadsBefore(best) || n > 0 && c.followsBefore(best, used) {
				best = c
			}
		}
		best.taken = true
		best.mine++
		best.replicas++
		if n == 0 {
			best.led++
			best.leaders++
		}
		used[best.rack]++
		out = append(out, best.id)
	}
	return out
}

func (c *candidate) leadsBefore(o *candidate) bool {
	return cmp.Or(cmp.Compare(c.led, o.led), cmp.Compare(c.mine, o.mine), cmp.Compare(c.leaders, o.leaders),
		cmp.Compare(c.replicas, o.replicas), cmp.Compare(c.rank, o.rank)) < 0
}

func (c *candidate) followsBefore(o *candidate, used []int) bool {
	if c.serving != o.serving {
		return c.serving
	}
	return cmp.Or(cmp.Compare(used[c.rack], used[o.rack]), cmp.Compare(c.mine, o.mine), cmp.Compare(c.replicas, o.replicas),
		cmp.Compare(c.rank, o.rank)) < 0
}

// mix scatters the bits of a number (the finaliser of splitmix64), so that seeds and ids that are near give unlike orders.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
