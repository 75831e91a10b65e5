package meta

import (
	"fmt"
	"slices"
	"strings"
)

// Check looks for what can never be true of one image (M4 to M6 as far as one image shows them); nil if all is well.
// It looks at everything and is meant for tests, for loaded state, and for the debug commands.
func Check(m *Image) error {
	if err := checkMembers(m); err != nil {
		return err
	}
	topics, parts := 0, 0
	load := make(map[int32]brokerLoad)
	for i, shard := range m.byID.shards {
		for k, t := range shard {
			if int(idHash(t.ID)) != i || k > 0 && cmpTopicID(shard[k-1], t.ID) >= 0 || m.Topic(t.Name) != t {
				return fmt.Errorf("topic %q is not where it is looked for", t.Name)
			}
			if err := checkTopic(m, t, load); err != nil {
				return err
			}
			topics++
			parts += len(t.Partitions)
		}
	}
	names := 0
	for _, shard := range m.byName.shards {
		names += len(shard)
	}
	if topics != m.TopicCount() || names != topics || m.byName.n != topics || parts != m.PartitionCount() {
		return fmt.Errorf("%d topics, %d names and %d partitions are counted as %d, %d and %d", topics, names, parts,
			m.TopicCount(), m.byName.n, m.PartitionCount())
	}
	for id, want := range load {
		if r, l := m.Load(id); r != want.replicas || l != want.leaders {
			return fmt.Errorf("broker %d has %d replicas and leads %d, and is counted with %d and %d", id, want.replicas, want.leaders, r, l)
		}
	}
	return nil
}

func checkMembers(m *Image) error {
	for i, n := range m.nodes {
		if i > 0 && m.nodes[i-1].ID >= n.ID || n.ID < 1 || n.ID >= m.nextNode || uint32(n.RaftID) != uint32(n.ID) {
			return fmt.Errorf("node %d (raft id %x) does not fit in the list of nodes", n.ID, n.RaftID)
		}
	}
	for i, b := range m.brokers {
		if i > 0 && m.brokers[i-1].ID >= b.ID || m.Node(b.ID) == nil {
			return fmt.Errorf("broker %d is not a node, or there twice", b.ID)
		}
		if b.Epoch < 0 || uint64(b.Epoch) > m.index {
			return fmt.Errorf("broker %d has epoch %d at index %d", b.ID, b.Epoch, m.index)
		}
	}
	for i, f := range m.features {
		if i > 0 && m.features[i-1].Name >= f.Name || f.Level < 0 {
			return fmt.Errorf("feature %q has level %d, or is there twice", f.Name, f.Level)
		}
	}
	for i, c := range m.configs {
		if i > 0 && cmpConfigs(m.configs[i-1], c) >= 0 || len(c.values) == 0 {
			return fmt.Errorf("the settings of %s %q are empty or there twice", resourceText(c.kind), c.name)
		}
	}
	if m.nextNode < 1 || m.nextPart < 1 || m.nextProducer < 0 || m.clusterID == "" && len(m.nodes)+m.byID.n > 0 {
		return fmt.Errorf("the counters are impossible: next node %d, part %d, producer %d", m.nextNode, m.nextPart, m.nextProducer)
	}
	return nil
}

func checkTopic(m *Image, t *Topic, load map[int32]brokerLoad) error {
	if why := ValidateTopicName(t.Name); why != "" || t.ID == (TopicID{}) || len(t.Partitions) == 0 {
		return fmt.Errorf("topic %q has no id, no partitions, or: %s", t.Name, why)
	}
	if _, why := ValidateTopicConfigs(t.Configs); why != "" {
		return fmt.Errorf("topic %q: %s", t.Name, why)
	}
	for i := range t.Partitions {
		p := &t.Partitions[i]
		if why := checkPartition(m, t, p); why != "" {
			return fmt.Errorf("partition %s-%d: %s: %+v", t.Name, i, why, *p)
		}
		if at, found := m.ByPartID(p.ID); p.Index != int32(i) || at != t || found != p || p.ID == 0 || p.ID >= m.nextPart {
			return fmt.Errorf("partition %s-%d: part id %d or number %d is wrong", t.Name, i, p.ID, p.Index)
		}
		for _, r := range p.Replicas {
			l := load[r]
			l.replicas++
			if p.Leader == r {
				l.leaders++
			}
			load[r] = l
		}
	}
	return nil
}

func checkPartition(m *Image, t *Topic, p *Partition) string {
	min := m.MinISROf(t, p)
	switch {
	case len(p.Replicas) == 0 || !distinct(p.Replicas) || !distinct(p.ISR) || !distinct(p.ELR):
		return "replicas, ISR or ELR are empty or name a broker twice"
	case !subset(p.ISR, p.Replicas):
		return "the ISR has a member that is no replica"
	case !subset(p.ELR, p.Replicas):
		return "the ELR has a member that is no replica"
	case slices.ContainsFunc(p.ELR, func(id int32) bool { return slices.Contains(p.ISR, id) }):
		return "a broker is in ISR and ELR"
	case len(p.ISR) >= min && len(p.ELR) > 0:
		return "there is an ELR beside a full ISR"
	case p.Leader != NoLeader && !slices.Contains(p.ISR, p.Leader):
		return "the leader is not in the ISR"
	case p.LeaderEpoch < 0 || p.PartitionEpoch < p.LeaderEpoch:
		return "an epoch is impossible"
	case !distinct(p.Adding) || !distinct(p.Removing) || !subset(p.Adding, p.Replicas) || !subset(p.Removing, p.Replicas) || p.Factor() < 1:
		return "a reassignment is impossible"
	case slices.ContainsFunc(p.Adding, func(id int32) bool { return slices.Contains(p.Removing, id) }):
		return "a broker is added and removed at once"
	case p.Recovering && len(p.ISR) > 1:
		return "the leader of an unclean election is not alone"
	}
	for _, id := range p.ISR {
		if b := m.Broker(id); b == nil || b.Fenced {
			return fmt.Sprintf("broker %d is in the ISR and not in service", id)
		}
	}
	if p.Leader == NoLeader && slices.ContainsFunc(p.Replicas, func(id int32) bool {
		return m.alive(id, NoLeader) && slices.Contains(p.complete(), id)
	}) {
		return "there is no leader though one could be elected"
	}
	return ""
}

func distinct(list []int32) bool {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return false
		}
	}
	return true
}

func subset(a, of []int32) bool {
	return !slices.ContainsFunc(a, func(id int32) bool { return !slices.Contains(of, id) })
}

// CheckStep looks for what can never happen between two images, the later of which came out of the earlier: an epoch or id that goes back,
// a part id or raft id used again, two leaders in one leader epoch, a partition changed under one epoch.
func CheckStep(old, new *Image) error {
	switch {
	case new.index <= old.index:
		return fmt.Errorf("index %d follows %d", new.index, old.index)
	case new.nextNode < old.nextNode || new.nextPart < old.nextPart || new.nextProducer < old.nextProducer || new.featureLevel < old.featureLevel:
		return fmt.Errorf("a counter went back at index %d", new.index)
	case old.clusterID != "" && new.clusterID != old.clusterID:
		return fmt.Errorf("the cluster id changed to %s", new.clusterID)
	}
	for _, b := range old.brokers {
		if n := new.Broker(b.ID); n != nil && n.Epoch < b.Epoch {
			return fmt.Errorf("the epoch of broker %d went back from %d to %d", b.ID, b.Epoch, n.Epoch)
		}
	}
	for _, n := range old.nodes {
		if x := new.nodeEver(n.ID); x == nil || (x.RaftID < n.RaftID || (x.RaftID == n.RaftID) != (x.StoreID == n.StoreID)) {
			return fmt.Errorf("node %d changed its store and not its raft id, or the other way round", n.ID)
		}
	}
	for t := range new.Topics() {
		before := old.TopicByID(t.ID)
		if before == t {
			continue
		}
		if err := checkTopicStep(old, before, t); err != nil {
			return err
		}
	}
	return nil
}

func checkTopicStep(old *Image, was, is *Topic) error {
	if was != nil && (was.Name != is.Name || len(was.Partitions) > len(is.Partitions)) {
		return fmt.Errorf("topic %q became %q or lost partitions", was.Name, is.Name)
	}
	for i := range is.Partitions {
		p := &is.Partitions[i]
		if was == nil || i >= len(was.Partitions) {
			if p.ID < old.nextPart {
				return fmt.Errorf("part id %d was used again by %s-%d", p.ID, is.Name, i)
			}
			continue
		}
		o := &was.Partitions[i]
		same := samePartition(o, p)
		switch {
		case p.ID != o.ID || p.LeaderEpoch < o.LeaderEpoch || p.PartitionEpoch < o.PartitionEpoch:
			return fmt.Errorf("an epoch of %s-%d went back or its part id changed: %+v, %+v", is.Name, i, *o, *p)
		case p.LeaderEpoch == o.LeaderEpoch && p.Leader != o.Leader:
			return fmt.Errorf("%s-%d has leaders %d and %d in leader epoch %d", is.Name, i, o.Leader, p.Leader, p.LeaderEpoch)
		case !same && p.PartitionEpoch == o.PartitionEpoch:
			return fmt.Errorf("%s-%d changed within partition epoch %d", is.Name, i, p.PartitionEpoch)
		}
	}
	return nil
}

// String lists an image line by line, in order: for stories, dumps and people.
func (m *Image) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %q index %d feature %d next node %d part %d producer %d\n", m.clusterID, m.index, m.featureLevel,
		m.nextNode, m.nextPart, m.nextProducer)
	for _, n := range m.nodes {
		fmt.Fprintf(&b, "node %d raft %x store %s %s %s%s\n", n.ID, n.RaftID, uuidText(n.StoreID), endpointsText(n.Endpoints), n.Version,
			flagText(n.Removed, " removed"))
	}
	for _, k := range m.brokers {
		fmt.Fprintf(&b, "broker %d epoch %d%s%s", k.ID, k.Epoch, flagText(k.Fenced, " fenced"), flagText(k.InControlledShutdown, " stopping"))
		fmt.Fprintf(&b, "%s %s\n", flagText(k.Rack != "", " rack "+k.Rack), endpointsText(k.Listeners))
	}
	for _, c := range m.configs {
		fmt.Fprintf(&b, "configs %s %s\n", c.title(), configsText(c.values))
	}
	for t := range m.Topics() {
		fmt.Fprintf(&b, "topic %s %s%s%s%s %s\n", t.Name, t.ID, flagText(t.Internal, " internal"), flagText(t.RFAuto, " rf-auto"),
			flagText(t.MinISRAuto, " min-isr-auto"), configsText(t.Configs))
		for i := range t.Partitions {
			p := &t.Partitions[i]
			fmt.Fprintf(&b, "  %d part %d replicas %v isr %v elr %v leader %d epoch %d/%d%s\n", i, p.ID, p.Replicas, p.ISR, p.ELR, p.Leader,
				p.LeaderEpoch, p.PartitionEpoch, moveText(p))
		}
	}
	return b.String()
}
