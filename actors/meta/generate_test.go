package meta

import (
	"fmt"
	"math/rand/v2"
)

// generator makes random commands: most of them sensible for the image at hand, some repeated, some nonsense.
type generator struct {
	r     *rand.Rand
	seq   map[int32]uint64
	store byte
	run   byte
	last  []Envelope
}

func newGenerator(seed uint64) *generator {
	return &generator{r: rand.New(rand.NewPCG(seed, 1)), seq: map[int32]uint64{}, store: 10}
}

func (g *generator) next(img *Image) Envelope {
	if len(g.last) > 0 && g.r.IntN(12) == 0 {
		return g.last[g.r.IntN(len(g.last))] // proposed again after a lost answer
	}
	node := int32(1 + g.r.IntN(4))
	g.seq[node]++
	env := Envelope{ID: RequestID{Node: node, Incarnation: 1 + g.seq[node]/40, Seq: g.seq[node]}, TimeMs: int64(g.r.IntN(1e6)), Cmd: g.command(img)}
	if g.r.IntN(30) == 0 {
		env.ID.Seq = 0
	}
	g.last = append(g.last, env)
	if len(g.last) > 20 {
		g.last = g.last[1:]
	}
	return env
}

func (g *generator) command(img *Image) Command {
	if img.ClusterID() == "" || g.r.IntN(60) == 0 {
		return InitCluster{ClusterID: "c", FeatureLevel: 1, Founders: []Node{{ID: 1, RaftID: 1, StoreID: id16(1)}}}
	}
	switch g.r.IntN(46) {
	case 21, 22, 23, 30, 31, 32, 33, 34:
		return g.newISRs(img)
	case 24:
		return g.resignation(img)
	case 25:
		return g.election(img)
	case 26, 27:
		return g.reassignment(img)
	case 28:
		id, epoch := g.broker(img)
		if g.r.IntN(3) != 0 {
			return UnfenceBroker{id, epoch}
		}
		return BeginControlledShutdown{id, epoch}
	case 29:
		if g.r.IntN(3) != 0 {
			return g.registration(img)
		}
		if g.r.IntN(3) == 0 {
			return RemoveNode{int32(1 + g.r.IntN(6))}
		}
		return UnregisterBroker{int32(1 + g.r.IntN(5))}
	case 20:
		return UpdateFeatures{[]FeatureUpdate{{"metadata.version", int16(g.r.IntN(31) - 1), FeatureUpdateKind(g.r.IntN(5))}}}
	case 0, 1, 43:
		g.store++
		requested := int32(-1)
		if g.r.IntN(8) == 0 {
			requested = int32(g.r.IntN(6))
		}
		return AddNode{StoreID: id16(g.store), RequestedID: requested, Endpoints: []Endpoint{{"PEER", "h", uint16(g.r.IntN(9))}}}
	case 2, 3, 4, 39, 40, 41, 42:
		return g.registration(img)
	case 5, 6:
		id, epoch := g.broker(img)
		return FenceBroker{id, epoch, "test"}
	case 7, 8, 9, 35, 36, 37, 38:
		id, epoch := g.broker(img)
		return UnfenceBroker{id, epoch}
	case 10:
		id, epoch := g.broker(img)
		return AllocateProducerIds{id, epoch, int32(g.r.IntN(1000))}
	case 11:
		return DeleteTopics{[]TopicID{id16(byte(g.r.IntN(40)))}}
	case 12, 13:
		return g.morePartitions(img)
	case 14, 15:
		return g.alter()
	default:
		var c CreateTopics
		for range 1 + g.r.IntN(4) {
			c.Topics = append(c.Topics, g.topic())
		}
		return c
	}
}

func (g *generator) broker(img *Image) (int32, int64) {
	id := int32(1 + g.r.IntN(5))
	if b := img.Broker(id); b != nil && g.r.IntN(15) != 0 {
		return id, b.Epoch
	}
	return id, int64(g.r.IntN(9))
}

func (g *generator) registration(img *Image) Command {
	c := RegisterBroker{BrokerID: int32(1 + g.r.IntN(5)), StoreID: id16(byte(g.r.IntN(4))), PrevBrokerEpoch: -1, PrevFenced: g.r.IntN(3) == 0,
		Rack: string(rune('a' + g.r.IntN(3))), Features: []Feature{{"metadata.version", 1, int16(g.r.IntN(30))}}, LogDirs: [][16]byte{id16(3)}}
	if n := img.Node(c.BrokerID); n != nil && g.r.IntN(10) != 0 {
		c.StoreID = n.StoreID
	}
	if b := img.Broker(c.BrokerID); b != nil && g.r.IntN(2) == 0 {
		c.PrevBrokerEpoch = b.Epoch
	}
	if g.r.IntN(4) != 0 {
		g.run++
	}
	c.Incarnation = id16(g.run)
	return c
}

func (g *generator) replicas(partitions int) [][]int32 {
	rf := 1 + g.r.IntN(3)
	if partitions == 0 {
		return nil
	}
	out := make([][]int32, partitions)
	for i := range out {
		for _, b := range g.r.Perm(4)[:rf] {
			out[i] = append(out[i], int32(b+1))
		}
	}
	return out
}

func (g *generator) topic() NewTopic {
	n := g.r.IntN(40)
	t := NewTopic{Name: fmt.Sprintf("t%c%d", "._-"[n%3], n/2), ID: id16(byte(n)), Assignments: g.replicas(1 + g.r.IntN(4)), MinISRAuto: n%2 == 0,
		RFAuto: n%3 == 0, Internal: n%7 == 0}
	switch g.r.IntN(4) {
	case 0:
		t.Configs = map[string]string{"min.insync.replicas": fmt.Sprint(g.r.IntN(4)), "retention.ms": "7"}
	case 1:
		t.Configs = map[string]string{FlushPolicyKey: FlushOS, "cleanup.policy": "compact"}
	}
	return t
}

func (g *generator) morePartitions(img *Image) Command {
	id := TopicID(id16(byte(g.r.IntN(40))))
	have := 1
	if t := img.TopicByID(id); t != nil {
		have = len(t.Partitions)
	}
	more := g.r.IntN(3)
	return CreatePartitions{[]MorePartitions{{id, int32(have), int32(have + more), g.replicas(more)}}}
}

func (g *generator) alter() Command {
	n := g.r.IntN(40)
	res := AlterResource{Type: TopicResource, Name: fmt.Sprintf("t%c%d", "._-"[n%3], n/2)}
	if g.r.IntN(3) == 0 {
		res = AlterResource{Type: BrokerResource, Name: [...]string{"", "1", "2", "x"}[g.r.IntN(4)]}
	}
	if g.r.IntN(16) == 0 {
		res.Ops = append(res.Ops, AlterOp{Op: ConfigClear})
	}
	for range 1 + g.r.IntN(3) {
		key := [...]string{"min.insync.replicas", "cleanup.policy", "log.retention.ms", "retention.ms", "log.flush.policy", uncleanKey}[g.r.IntN(6)]
		value := fmt.Sprint(g.r.IntN(4))
		if key == uncleanKey {
			value = [...]string{"true", "false"}[g.r.IntN(2)]
		}
		if key == "cleanup.policy" {
			value = [...]string{"compact", "delete", "x"}[g.r.IntN(3)]
		}
		res.Ops = append(res.Ops, AlterOp{ConfigOp(g.r.IntN(4)), key, value})
	}
	out := []AlterResource{res}
	if g.r.IntN(4) == 0 {
		other := AlterResource{GroupResource, [...]string{"", "g", "h"}[g.r.IntN(3)],
			[]AlterOp{{ConfigOp(g.r.IntN(4)), "consumer.session.timeout.ms", fmt.Sprint(g.r.IntN(3))}}}
		if g.r.IntN(2) == 0 {
			other.Type, other.Ops[0].Key = ClientMetricsResource, "metrics"
		}
		out = append(out, other)
	}
	return IncrementalAlterConfigs{out}
}
