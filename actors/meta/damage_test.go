package meta

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"troupe/kafka/code"
)

// TestCheckFindsDamage breaks one thing in a good image at a time; Check has to say so.
func TestCheckFindsDamage(t *testing.T) {
	f := func(want string, damage func(m *Image, topic *Topic, p *Partition)) {
		t.Helper()
		c := newCluster(t, 3)
		c.topic("t", 1, map[string]string{"min.insync.replicas": "2"}, []int32{1, 2}, []int32{2, 1})
		c.topic("u", 2, nil, []int32{1, 2})
		topic := c.img.Topic("t")
		p := &topic.Partitions[0]
		damage(c.img, topic, p)
		if err := Check(c.img); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("name a broker twice", func(m *Image, t *Topic, p *Partition) { p.Replicas = nil })
	f("name a broker twice", func(m *Image, t *Topic, p *Partition) { p.ISR = []int32{1, 1} })
	f("the ISR has a member that is no replica", func(m *Image, t *Topic, p *Partition) { p.ISR = []int32{1, 3} })
	f("the ELR has a member that is no replica", func(m *Image, t *Topic, p *Partition) { p.ISR, p.ELR = []int32{1}, []int32{3} })
	f("in ISR and ELR", func(m *Image, t *Topic, p *Partition) { p.ELR = []int32{2} })
	f("an ELR beside a full ISR", func(m *Image, t *Topic, p *Partition) {
		p.Replicas, p.ELR, p.ISR = []int32{1, 2, 3}, []int32{3}, []int32{1, 2}
	})
	f("the leader is not in the ISR", func(m *Image, t *Topic, p *Partition) { p.ISR = []int32{2} })
	f("an epoch is impossible", func(m *Image, t *Topic, p *Partition) { p.LeaderEpoch = 1 })
	f("an epoch is impossible", func(m *Image, t *Topic, p *Partition) { p.LeaderEpoch = -1 })
	f("not in service", func(m *Image, t *Topic, p *Partition) { m.brokers[1].Fenced = true })
	f("no leader though one could be elected", func(m *Image, t *Topic, p *Partition) { p.Leader = NoLeader })
	f("no leader though one could be elected", func(m *Image, t *Topic, p *Partition) {
		p.Leader, p.ISR, p.ELR = NoLeader, nil, []int32{2}
	})
	f("part id", func(m *Image, t *Topic, p *Partition) { p.ID = 2 })
	f("part id", func(m *Image, t *Topic, p *Partition) { p.ID = 99 })
	f("part id", func(m *Image, t *Topic, p *Partition) { p.Index = 1 })
	f("part id", func(m *Image, t *Topic, p *Partition) { m.nextPart = 1 })
	f("is not where it is looked for", func(m *Image, t *Topic, p *Partition) { t.Name = "v" })
	f("is not where it is looked for", func(m *Image, t *Topic, p *Partition) { t.ID = id16(77) })
	f("no partitions", func(m *Image, t *Topic, p *Partition) { t.Partitions = nil })
	f("Unknown topic config", func(m *Image, t *Topic, p *Partition) { t.Configs = map[string]string{"x": "y"} })
	f("are counted as", func(m *Image, t *Topic, p *Partition) { m.byID.n++ })
	f("is counted with", func(m *Image, t *Topic, p *Partition) { m.load[0].leaders++ })
	f("node 2", func(m *Image, t *Topic, p *Partition) { m.nodes[1].RaftID = 3 })
	f("node 3", func(m *Image, t *Topic, p *Partition) { m.nextNode = 3 })
	f("broker 3", func(m *Image, t *Topic, p *Partition) { m.nodes = m.nodes[:2] })
	f("has epoch", func(m *Image, t *Topic, p *Partition) { m.brokers[0].Epoch = 1 << 40 })
	f("settings of broker", func(m *Image, t *Topic, p *Partition) {
		m.configs = []resourceConfigs{{kind: BrokerResource, name: "1"}}
	})
	f("counters are impossible", func(m *Image, t *Topic, p *Partition) { m.nextProducer = -1 })
	f("counters are impossible", func(m *Image, t *Topic, p *Partition) { m.clusterID = "" })
}

// TestCheckStepFindsDamage does the same for what may not happen between two images.
func TestCheckStepFindsDamage(t *testing.T) {
	f := func(want string, damage func(m *Image, topic *Topic, p *Partition)) {
		t.Helper()
		c := newCluster(t, 2)
		c.topic("t", 1, nil, []int32{1, 2})
		c.fence(1)
		e := newEdit(c.img, c.img.index+1)
		topic := *c.img.Topic("t")
		topic.Partitions = slices.Clone(topic.Partitions)
		e.setTopic(c.img.Topic("t"), &topic)
		e.img.nodes, e.img.brokers = slices.Clone(e.img.nodes), slices.Clone(e.img.brokers)
		next, _ := e.finish()
		if err := CheckStep(c.img, next); err != nil {
			t.Fatal(err)
		}
		damage(next, &topic, &topic.Partitions[0])
		if err := CheckStep(c.img, next); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("follows", func(m *Image, t *Topic, p *Partition) { m.index-- })
	f("a counter went back", func(m *Image, t *Topic, p *Partition) { m.nextPart-- })
	f("the cluster id changed", func(m *Image, t *Topic, p *Partition) { m.clusterID = "z" })
	f("the epoch of broker 1 went back", func(m *Image, t *Topic, p *Partition) { m.brokers[0].Epoch-- })
	f("changed its store", func(m *Image, t *Topic, p *Partition) { m.nodes[0].StoreID = id16(9) })
	f("changed its store", func(m *Image, t *Topic, p *Partition) { m.nodes[1].RaftID += 1 << 32 })
	f("or lost partitions", func(m *Image, t *Topic, p *Partition) { t.Partitions = nil })
	f("went back", func(m *Image, t *Topic, p *Partition) { p.PartitionEpoch-- })
	f("in leader epoch", func(m *Image, t *Topic, p *Partition) { p.Leader = 1 })
	f("changed within partition epoch", func(m *Image, t *Topic, p *Partition) { p.ISR = []int32{1, 2} })
	f("used again", func(m *Image, t *Topic, p *Partition) { t.Partitions = append(t.Partitions, Partition{ID: 1}) })
}

// TestLoadRefusesDamage takes records away, doubles or cuts them.
func TestLoadRefusesDamage(t *testing.T) {
	c := newCluster(t, 2)
	c.topic("t", 1, map[string]string{"retention.ms": "1"}, []int32{1, 2}, []int32{2, 1})
	c.topic("a.b", 2, nil, []int32{1})
	whole := map[string][]byte{}
	for r := range c.img.Records() {
		whole[string(r.Key)] = r.Value
	}
	load := func(damage func(map[string][]byte)) error {
		m := maps.Clone(whole)
		damage(m)
		_, err := LoadRecords(func(yield func(k, v []byte) bool) {
			for k, v := range m {
				if !yield([]byte(k), v) {
					return
				}
			}
		})
		return err
	}
	if err := load(func(map[string][]byte) {}); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, damage func(map[string][]byte)) {
		t.Helper()
		if err := load(damage); !errors.Is(err, ErrRecords) {
			t.Errorf("%s: %v", what, err)
		}
	}
	first := func(letter string) string {
		keys := slices.Sorted(maps.Keys(whole))
		return keys[slices.IndexFunc(keys, func(k string) bool { return strings.HasPrefix(k, letter) })]
	}
	for _, letter := range []string{"c", "n", "t", "p", "o"} {
		refused("without a record "+letter, func(m map[string][]byte) { delete(m, first(letter)) })
	}
	for k, v := range whole {
		refused("a cut record", func(m map[string][]byte) { m[k] = v[:len(v)-1] })
		refused("a longer record", func(m map[string][]byte) { m[k] = append(slices.Clone(v), 0) })
		refused("another format", func(m map[string][]byte) { m[k] = append([]byte{99}, v[1:]...) })
		refused("an empty record", func(m map[string][]byte) { m[k] = nil })
		if k[0] != keyConfigs {
			refused("a longer key", func(m map[string][]byte) { delete(m, k); m[k+"x"] = v })
		}
	}
	refused("an unknown key", func(m map[string][]byte) { m["?"] = []byte{1} })
	refused("an empty key", func(m map[string][]byte) { m[""] = []byte{1} })
	refused("a name twice", func(m map[string][]byte) {
		id := TopicID(id16(50))
		m[string(keyOfTopic(id))] = whole[string(keyOfTopic(id16(2)))]
		m[string(keyOfPartition(id, 0))] = whole[string(keyOfPartition(id16(2), 0))]
	})
	refused("a partition that is another one's", func(m map[string][]byte) {
		m[string(keyOfPartition(id16(1), 1))] = m[string(keyOfPartition(id16(1), 0))]
	})
}

func TestSnapshotRefusesDamage(t *testing.T) {
	c := newCluster(t, 1)
	c.topic("t", 1, nil, []int32{1})
	b := c.img.Snapshot()
	for n := range b {
		if _, err := LoadSnapshot(b[:n]); !errors.Is(err, ErrSnapshot) {
			t.Errorf("the first %d of %d bytes: %v", n, len(b), err)
		}
		d := slices.Clone(b)
		d[n] ^= 4
		if _, err := LoadSnapshot(d); !errors.Is(err, ErrSnapshot) {
			t.Errorf("byte %d changed: %v", n, err)
		}
	}
	empty, err := LoadSnapshot(NewImage().Snapshot())
	if err != nil || empty.Hash() != NewImage().Hash() {
		t.Error(err)
	}
}

// TestRequestsAreStored drives many requests of few nodes and some runs, so that generations and runs are forgotten, and compares what Diff
// alone has stored with what there is, over short and long stretches.
func TestRequestsAreStored(t *testing.T) {
	c := newCluster(t, 1)
	r := rand.New(rand.NewPCG(5, 5))
	stored := map[string][]byte{}
	at := NewImage()
	seq, run := map[int32]uint64{}, map[int32]uint64{}
	reborn := 0
	for step, wait := 0, 0; step < 9000; step++ {
		node := int32(1 + r.IntN(3))
		if r.IntN(900) == 0 {
			seq[node] = 0
			if run[node]++; r.IntN(3) == 0 {
				run[node] = 1 // a run that was forgotten comes back
				reborn++
			}
		}
		seq[node]++
		c.img, _, _ = Apply(c.img, c.img.Index()+1, Envelope{ID: request(node, run[node], seq[node]), Cmd: DeleteTopics{}})
		if wait--; wait < 0 {
			store(stored, Diff(at, c.img))
			at = reload(t, 5, step, stored, c.img)
			if at.Hash() != c.img.Hash() {
				t.Fatal("stored and loaded it is another image")
			}
			wait = 1 << r.IntN(12)
		}
	}
	if reborn == 0 {
		t.Error("no run came back")
	}
}

// TestForgottenRunComesBack is one stretch between two stores in which a run is pushed out and seen again.
func TestForgottenRunComesBack(t *testing.T) {
	c := newCluster(t, 1)
	stored := map[string][]byte{}
	do := func(run, seq uint64) { c.applyAs(request(2, run, seq), DeleteTopics{}) }
	for seq := uint64(1); seq <= 5; seq++ {
		do(1, seq)
	}
	at := c.img
	store(stored, Diff(NewImage(), at))
	for _, run := range []uint64{2, 3, 4, 1} {
		do(run, 3)
	}
	store(stored, Diff(at, c.img))
	reload(t, 0, 0, stored, c.img)
}

// TestRequestsOutOfOrder forgets high numbers and keeps low ones; a number in between is too old, also after a restart.
func TestRequestsOutOfOrder(t *testing.T) {
	c := newCluster(t, 1)
	for seq := uint64(3 * rememberedPerGeneration); seq > 0; seq-- {
		c.applyAs(request(2, 1, seq), DeleteTopics{})
	}
	between := request(2, 1, 2*rememberedPerGeneration+5)
	for round := range 2 {
		if _, _, r := Apply(c.img, c.img.Index()+1, Envelope{ID: between, Cmd: DeleteTopics{}}); r.Code != code.RequestTimedOut {
			t.Errorf("round %d: %+v", round, r)
		}
		img, err := LoadSnapshot(c.img.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		c.img = img
	}
}
