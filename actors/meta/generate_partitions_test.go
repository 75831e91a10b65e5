package meta

// refs are one to three partitions, most of which exist.
func (g *generator) refs(img *Image) []PartitionRef {
	var out []PartitionRef
	for range 1 + g.r.IntN(3) {
		n := g.r.IntN(40)
		for k := range 40 { // the next one that is there
			if img.TopicByID(id16(byte((n+k)%40))) != nil {
				n = (n + k) % 40
				break
			}
		}
		ref := PartitionRef{Topic: id16(byte(n)), Index: int32(g.r.IntN(2))}
		if g.r.IntN(20) == 0 {
			ref.Index = int32(g.r.IntN(9) - 1)
		}
		out = append(out, ref)
	}
	return out
}

// at is the partition, or one that is not there.
func at(img *Image, r PartitionRef) *Partition {
	if t := img.TopicByID(r.Topic); t != nil && r.Index >= 0 && int(r.Index) < len(t.Partitions) {
		return &t.Partitions[r.Index]
	}
	return &Partition{Replicas: []int32{1}, Leader: 1}
}

func (g *generator) epochOf(img *Image, id int32) int64 {
	if b := img.Broker(id); b != nil && g.r.IntN(10) != 0 {
		return b.Epoch
	}
	return int64(g.r.IntN(20))
}

func (g *generator) near(v int32) int32 {
	if g.r.IntN(8) == 0 {
		return v + int32(g.r.IntN(3)-1)
	}
	return v
}

func (g *generator) newISRs(img *Image) Command {
	refs := g.refs(img)
	c := AlterPartition{BrokerID: at(img, refs[0]).Leader}
	c.BrokerEpoch = g.epochOf(img, c.BrokerID)
	for _, r := range refs {
		p := at(img, r)
		n := NewISR{PartitionRef: r, LeaderEpoch: g.near(p.LeaderEpoch), PartitionEpoch: g.near(p.PartitionEpoch), Recovered: g.r.IntN(2) == 0}
		for _, id := range p.Replicas {
			if id == p.Leader && g.r.IntN(10) != 0 || g.r.IntN(3) != 0 {
				n.ISR = append(n.ISR, ISRMember{id, g.epochOf(img, id)})
			}
		}
		c.Partitions = append(c.Partitions, n)
	}
	return c
}

func (g *generator) resignation(img *Image) Command {
	refs := g.refs(img)
	c := ResignLeadership{BrokerID: at(img, refs[0]).Leader}
	c.BrokerEpoch = g.epochOf(img, c.BrokerID)
	for _, r := range refs {
		n := Resignation{PartitionRef: r, LeaderEpoch: g.near(at(img, r).LeaderEpoch)}
		for id := int32(1); id < 5; id++ {
			if g.r.IntN(2) == 0 {
				n.Reachable = append(n.Reachable, id)
			}
		}
		c.Partitions = append(c.Partitions, n)
	}
	return c
}

func (g *generator) election(img *Image) Command {
	c := ElectLeaders{Unclean: g.r.IntN(2) == 0}
	for _, r := range g.refs(img) {
		n := Election{PartitionRef: r, Candidate: NoLeader}
		if g.r.IntN(3) == 0 {
			n.Candidate = int32(1 + g.r.IntN(5))
		}
		c.Partitions = append(c.Partitions, n)
	}
	return c
}

func (g *generator) reassignment(img *Image) Command {
	var c AlterReassignments
	for _, r := range g.refs(img) {
		n := Reassignment{PartitionRef: r}
		if g.r.IntN(4) != 0 {
			n.Target = g.replicas(1)[0]
		}
		if g.r.IntN(20) == 0 {
			n.Target = append(n.Target, 1, 1)
		}
		c.Partitions = append(c.Partitions, n)
	}
	return c
}
