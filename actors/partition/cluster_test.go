package partition

import (
	"fmt"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	peersim "troupe/actors/peer/sim"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// cluster is three brokers with one partition on all of them: real writers, links and partitions, and one metadata log that applies the
// real commands and reaches each broker in its own time.
type cluster struct {
	t     *testing.T
	s     *kitsim.Sim
	img   *meta.Image
	seq   uint64
	hosts []*host
	part  meta.Partition // as the log has it
	cfg   Config
	log   []*meta.Image // by index of application

	made     int
	conn     *kitsim.Probe
	flying   map[*writer.Frame]uint32 // checksum of the batch; what a crash took stays
	ackCount int
	trims    int // that were answered OK
	codes    map[code.Code]int
	checks
}

// acknowledged is an acknowledged record.
type acknowledged struct {
	offset int64
	sum    uint32 // of its batch
}

// host is one broker.
type host struct {
	w     *cluster
	id    int32
	node  *kitsim.Node
	data  *sim.Data
	tail  *storage.Tail
	lives int
	seen  int      // images that its metadata has told it
	ref   *kit.Ref // its partition
	carry *kit.Ref
	p     *Partition
	slow  bool // its metadata lags
}

const clusterID = "aaaaaaaaaaaaaaaaaaaaaa"

var topicID = meta.TopicID{1, 2, 3}

func newCluster(t *testing.T, s *kitsim.Sim, minISR string) *cluster {
	w := &cluster{t: t, s: s, img: meta.NewImage(), cfg: plainConfig(), flying: map[*writer.Frame]uint32{}, codes: map[code.Code]int{}}
	w.cfg.SegmentBytes = 4000
	w.cfg.LagMaxMs = 3000
	w.init()
	founders := make([]meta.Node, 3)
	for i := range founders {
		id := int32(i + 1)
		founders[i] = meta.Node{ID: id, RaftID: meta.RaftIDOf(1, id), StoreID: [16]byte{byte(id)}, Version: "test"}
	}
	w.apply(meta.InitCluster{ClusterID: clusterID, CreatedMs: 1, FeatureLevel: 1, Founders: founders})
	s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: time.Millisecond}
	w.conn = s.Probe("conn")
	w.conn.On = w.answered
	for id := int32(1); id <= 3; id++ {
		h := &host{w: w, id: id, data: sim.NewData()}
		w.hosts = append(w.hosts, h)
		h.node = s.Node(fmt.Sprintf("n%d", id), h.boot)
	}
	for id := int32(1); id <= 3; id++ {
		w.register(id)
	}
	w.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: "t", ID: topicID, Assignments: [][]int32{{1, 2, 3}}, Configs: map[string]string{"min.insync.replicas": minISR}}}})
	return w
}

// apply puts a command into the log.
func (w *cluster) apply(cmd meta.Command) meta.Result {
	w.seq++
	next, _, r := meta.Apply(w.img, w.img.Index()+1, meta.Envelope{ID: meta.RequestID{Node: 1, Incarnation: 7, Seq: w.seq}, TimeMs: 1000, Cmd: cmd})
	if err := meta.Check(next); err != nil {
		w.s.Fail("after %T: %v", cmd, err)
	}
	w.img = next
	w.log = append(w.log, next)
	if t := next.TopicByID(topicID); t != nil {
		w.elected(t.Partitions[0])
	}
	for _, h := range w.hosts {
		h.news()
	}
	return r
}

func (w *cluster) register(id int32) {
	h := w.hosts[id-1]
	r := w.apply(meta.RegisterBroker{BrokerID: id, Incarnation: [16]byte{byte(id), byte(h.lives)}, StoreID: [16]byte{byte(id)}, PrevBrokerEpoch: -1,
		Listeners: []meta.Endpoint{{Name: "PLAINTEXT", Host: "h", Port: 9092}}})
	if r.Code != code.OK {
		w.s.Fail("broker %d: %s", id, r.Code)
		return
	}
	epoch := r.Value.(meta.Registered).Epoch
	w.apply(meta.UnfenceBroker{BrokerID: id, BrokerEpoch: epoch})
	life := h.lives
	w.s.At(time.Duration(w.s.IntN(20))*time.Millisecond, func() {
		if h.node.Up() && h.lives == life {
			h.carry.Tell(Registered{Epoch: epoch})
		}
	})
}

func address(id int32) string { return fmt.Sprintf("n%d:9093", id) }

func (h *host) boot(l *kitsim.Life) {
	h.lives++
	h.tail = storage.NewTail(20 << 10)
	peers := peer.Spawn(l, peer.Options{
		Me:     peer.Identity{ClusterID: clusterID, NodeID: h.id, StoreID: [16]byte{byte(h.id)}, Incarnation: uint64(h.lives), Address: address(h.id)},
		Secret: []byte("hush"), Network: peersim.New(l, fmt.Sprintf("n%d", h.id), address(h.id)), Board: &peer.Board{},
	})
	w := l.Spawn("writer", writer.New(writer.Options{Data: h.data}), kit.Options{})
	metadata := l.Spawn("metadata", &proposer{h.w, h.lives, h}, kit.Options{})
	h.carry = SpawnReplicas(l, ReplicasOptions{NodeID: h.id, Peers: peers, Metadata: metadata, Writer: w})
	h.p = New(Options{PartID: 1, Data: h.data, Tail: h.tail, Writer: w, Replicas: h.carry})
	h.ref = l.Spawn("partition/1", h.p, kit.Options{})
	h.carry.Tell(Attach{PartID: 1, TopicID: topicID, Index: 0, Ref: h.ref})
	for id := int32(1); id <= 3; id++ {
		if id != h.id {
			peers.Tell(peer.Link{Node: id, Address: address(id), StoreID: [16]byte{byte(id)}})
		}
	}
	h.seen = 0
	if len(h.w.log) > 0 {
		h.news()
	}
}

// news lets the broker see the newest image after a while, and none before an older one.
func (h *host) news() {
	at, life := len(h.w.log), h.lives
	d := time.Duration(h.w.s.IntN(5)) * time.Millisecond
	if h.slow {
		d = time.Duration(h.w.s.IntN(1500)) * time.Millisecond
	}
	h.w.s.At(d, func() {
		if h.lives != life || !h.node.Up() || at <= h.seen {
			return
		}
		h.seen = at
		h.become(h.w.log[at-1])
	})
}

func (h *host) become(img *meta.Image) {
	t := img.TopicByID(topicID)
	if t == nil {
		return
	}
	cfg := h.w.cfg
	cfg.MinISR = img.MinISROf(t, &t.Partitions[0])
	h.ref.Tell(Become{TopicID: t.ID, Topic: t.Name, Partition: t.Partitions[0], Config: cfg, Self: h.id})
}

// proposer stands in for the metadata actor: it applies what is proposed after a while, or says that it does not know.
type proposer struct {
	w    *cluster
	life int
	h    *host
}

func (m *proposer) Receive(c kit.Context, x any) {
	q, ok := x.(*raftnode.Propose)
	if !ok {
		return
	}
	s, self := m.w.s, m.h
	up := func() bool { return self.node.Up() && self.lives == m.life }
	s.At(time.Duration(s.IntN(20))*time.Millisecond, func() {
		if s.IntN(10) == 0 { // it is applied, some time, or not; nobody is told
			if up() {
				q.Reply(raftnode.Proposed{Propose: q, Result: meta.Result{Code: code.RequestTimedOut}})
			}
			if s.IntN(2) == 0 {
				s.At(time.Duration(s.IntN(3000))*time.Millisecond, func() { m.w.apply(q.Cmd) })
			}
			return
		}
		r := m.w.apply(q.Cmd)
		if !up() {
			return
		}
		if at := len(m.w.log); s.IntN(3) > 0 && at > self.seen {
			self.seen = at // the node has seen it before the answer comes
			self.become(m.w.log[at-1])
		}
		q.Reply(raftnode.Proposed{Propose: q, Index: m.w.img.Index(), Result: r})
	})
}

// produce sends one batch to a broker, whoever leads.
func (w *cluster) produce(to int32, acks int16) {
	h := w.hosts[to-1]
	if !h.node.Up() {
		return
	}
	w.made++
	value := fmt.Sprintf("%s %d %s", "v", w.made, string(make([]byte, w.s.IntN(300))))
	batch, err := record.Build(record.Plain(), []record.Record{{Value: []byte(value), Timestamp: kitsim.Epoch.Add(w.s.Now()).UnixMilli()}})
	if err != nil {
		w.t.Fatal(err)
	}
	slab := storage.NewSlab(len(batch) + storage.SlabOverhead)
	at, _ := slab.Add(len(batch))
	copy(slab.Batch(at), batch)
	f := &writer.Frame{Slab: slab, ReplyTo: w.conn.Ref(), Writer: h.node.Life().Lookup("writer"), Items: make([]writer.Item, 1)}
	f.Items[0] = writer.Item{Frame: f, At: at, LeaderEpoch: -1, Acks: acks, TimeoutMs: 5000}
	w.flying[f] = record.Batch(batch).CRC()
	f.Begin()
	h.ref.Tell(Append{&f.Items[0]})
}

// trim asks a broker to delete some of what may be read there.
func (w *cluster) trim(to int32) {
	h := w.hosts[to-1]
	if l := h.p.log; h.node.Up() && l != nil {
		h.ref.Tell(&Trim{Ask: kit.Ask{ReplyTo: w.conn.Ref()}, Offset: l.start + int64(w.s.IntN(int(l.high-l.start)+1)), Timeout: 2 * time.Second})
	}
}

func (w *cluster) answered(m any) {
	if x, ok := m.(Trimmed); ok && x.Code == code.OK {
		w.trims++
		w.gone = max(w.gone, x.Start)
	}
	d, ok := m.(writer.Done)
	if !ok {
		return
	}
	sum := w.flying[d.Frame]
	delete(w.flying, d.Frame)
	it := &d.Items[0]
	w.codes[it.Code]++
	if it.Code == code.OK && it.Acks == -1 {
		w.ackCount++
		w.confirm(acknowledged{it.Base, sum})
	}
	d.Slab.Release()
}

// leader is who leads by the log.
func (w *cluster) leader() int32 {
	if t := w.img.TopicByID(topicID); t != nil {
		return t.Partitions[0].Leader
	}
	return -1
}

func (w *cluster) isr() []int32 { return w.img.TopicByID(topicID).Partitions[0].ISR }

// whole says whether all replicas are in sync and hold the same. A follower may lack more of what was deleted than the leader: an earlier
// leader may have told only it.
func (w *cluster) whole() bool {
	if len(w.isr()) != 3 {
		return false
	}
	var ends []int64
	for _, h := range w.hosts {
		if h.p.log == nil || h.p.log.high != h.p.log.next {
			return false
		}
		ends = append(ends, h.p.log.next)
	}
	for _, h := range w.hosts {
		if id := w.leader(); id < 0 || h.p.log.start < w.hosts[id-1].p.log.start {
			return false
		}
	}
	return ends[0] == ends[1] && ends[1] == ends[2]
}

func TestThreeReplicas(t *testing.T) {
	kitsim.Seeds(t, 5, func(t *testing.T, s *kitsim.Sim) {
		w := newCluster(t, s, "2")
		if err := s.Run(2 * time.Second); err != nil {
			s.Report(t)
			return
		}
		for i := range 200 {
			w.produce(w.leader(), -1)
			if err := s.Run(time.Duration(i%7) * time.Millisecond); err != nil {
				s.Report(t)
				return
			}
		}
		_ = s.Run(3 * time.Second)
		s.Report(t)
		if w.ackCount != 200 {
			t.Errorf("%d of 200 were acknowledged: %v; ISR %v, leader %d", w.ackCount, w.codes, w.isr(), w.leader())
		}
		if !w.whole() {
			for _, h := range w.hosts {
				t.Logf("n%d: %s %+v", h.id, stateNames[h.p.state], h.p.log)
			}
			t.Errorf("the replicas are not the same: ISR %v", w.isr())
		}
		w.compare(t)
	})
}
