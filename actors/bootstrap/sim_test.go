package bootstrap_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"troupe/actors/bootstrap"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	peersim "troupe/actors/peer/sim"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	storagesim "troupe/storage/sim"
)

// world is some machines with bootstrap actors that really talk to each other. In place of Raft there is a rule: a cluster lives, and its
// metadata can change, when most voters of its record have made it durable.
type world struct {
	t        *testing.T
	s        *kitsim.Sim
	machines []*machine
	seeds    []string
	clusters map[string]*meta.Image // that live, by id
	raftIDs  map[string][16]byte    // cluster and Raft id, by whom they were used
	foreign  string                 // a cluster that lives somewhere else
	plain    bool                   // all know their own address among the seeds by its text
	founded  int
	wiped    int
}

type machine struct {
	w     *world
	n     int
	disk  *storagesim.Meta
	join  bool // by the addresses of the others; else a founder
	want  int32
	seeds []string // that it was started with; nil: those of the world
	waits string
	node  *kitsim.Node
	id    storage.Identity // of the present life, once settled
	ready bool
	final string // why it gave up
}

func (m *machine) address() string { return fmt.Sprintf("n%d:9093", m.n) }

// newWorld has as many founders, and joiners behind them, none of them started.
func newWorld(t *testing.T, s *kitsim.Sim, founders, joiners int) *world {
	w := &world{t: t, s: s, clusters: map[string]*meta.Image{}, raftIDs: map[string][16]byte{}}
	s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: 2 * time.Millisecond}
	for n := 1; n <= founders+joiners; n++ {
		m := &machine{w: w, n: n, disk: storagesim.NewMeta(), join: n > founders}
		if !m.join {
			w.seeds = append(w.seeds, m.address())
		}
		w.machines = append(w.machines, m)
	}
	s.Check(w.check)
	return w
}

// start boots a machine, for the first time or again.
func (m *machine) start() {
	switch {
	case m.node == nil:
		m.node = m.w.s.Node(fmt.Sprintf("n%d", m.n), m.boot)
	case !m.node.Up():
		m.node.Restart()
	}
}

func (m *machine) up() bool { return m.node != nil && m.node.Up() }

// crash ends a machine; what was not synced is lost.
func (m *machine) crash() {
	if m.up() {
		m.node.Crash()
		m.disk = m.disk.Crash(0)
		m.ready = false
	}
}

// wipe has it come back without its disk.
func (m *machine) wipe() {
	m.crash()
	m.disk = storagesim.NewMeta()
	m.w.wiped++
}

func (m *machine) boot(l *kitsim.Life) {
	w := m.w
	id, err := m.disk.Identity()
	if err == nil && id.StoreID == [16]byte{} {
		binary.BigEndian.PutUint64(id.StoreID[:], l.Rand()|1)
		id.CleanEpoch = -1
	}
	id.Incarnation++
	if err = cmp(err, m.disk.SetIdentity(id)); err != nil {
		w.s.Fail("n%d: %v", m.n, err)
		return
	}
	m.id, m.ready, m.final = storage.Identity{}, false, ""
	peers := peer.Spawn(l, peer.Options{
		Me:      peer.Identity{ClusterID: id.ClusterID, NodeID: id.NodeID, StoreID: id.StoreID, Incarnation: id.Run(), Address: m.address()},
		Network: peersim.New(l, fmt.Sprintf("n%d", m.n), m.address()),
	})
	o := bootstrap.Options{
		Identity: id, NodeID: m.want, Address: m.address(), Version: "sim", Peers: peers,
		Image: m.image, Waits: func(text string) { m.waits = text },
		NewClusterID: func() string { return fmt.Sprintf("%022x", l.Rand()) },
		Persist:      m.disk.SetIdentity,
		Refused:      func(text string) { m.final += text },
	}
	for _, other := range w.machines {
		if id.NodeID != 0 && other != m { // they are in its image
			o.Known = append(o.Known, other.address())
		}
	}
	if m.join {
		o.Join = w.seeds
	} else {
		if o.Seeds = w.seeds; m.seeds != nil {
			o.Seeds = m.seeds
		}
		if l.Rand()%2 == 0 && !w.plain { // it knows itself only by a visit
			o.Address = strings.ToUpper(o.Address)
		}
	}
	var b *kit.Ref
	o.Settled = func(id storage.Identity) { m.settled(l, b, id) }
	b = bootstrap.Spawn(l, o)
	if id.NodeID != 0 {
		m.settled(l, b, id)
	}
}

func cmp(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// settled is what run does with the identity.
func (m *machine) settled(l *kitsim.Life, b *kit.Ref, id storage.Identity) {
	if durable, err := m.disk.Identity(); err != nil || durable != id || m.disk.Unsynced() > 0 {
		m.w.s.Fail("n%d works as %+v, which is not durable: %+v, %v", m.n, id, durable, err)
	}
	m.id, m.ready = id, true
	b.Tell(bootstrap.Serve{Metadata: l.Spawn("metadata", &fakeMetadata{m}, kit.Options{})})
}

// image is what the machine has applied: nothing, until its cluster lives.
func (m *machine) image() *meta.Image {
	if img := m.w.clusters[m.id.ClusterID]; img != nil {
		return img
	}
	return meta.NewImage()
}

// fakeMetadata applies commands to the cluster's one image at once, loses some, and takes none while the cluster does not live.
type fakeMetadata struct{ m *machine }

// Receive implements kit.Actor.
func (f *fakeMetadata) Receive(c kit.Context, x any) {
	p, ok := x.(*raftnode.Propose)
	if !ok {
		return
	}
	img := f.m.w.clusters[f.m.id.ClusterID]
	if img == nil || c.Rand()%8 == 0 {
		p.Reply(raftnode.Proposed{Propose: p, Result: meta.Result{Code: code.RequestTimedOut}})
		return
	}
	next, _, res := meta.Apply(img, img.Index()+1, meta.Envelope{Cmd: p.Cmd})
	f.m.w.clusters[f.m.id.ClusterID] = next
	if c.Rand()%8 == 0 {
		res = meta.Result{Code: code.RequestTimedOut} // it was carried out, and nobody hears of it
	}
	p.Reply(raftnode.Proposed{Propose: p, Result: res})
}

// check holds after every step: at most one cluster lives, and no Raft id has been used by two stores.
func (w *world) check() error {
	took := map[string]int{}
	for _, m := range w.machines {
		id, err := m.disk.Identity()
		if err != nil || id.NodeID == 0 || id.ClusterID == w.foreign {
			continue
		}
		key := fmt.Sprintf("%s %x", id.ClusterID, id.RaftID)
		if by, ok := w.raftIDs[key]; ok && by != id.StoreID {
			return fmt.Errorf("raft id %s was store %x's and is store %x's", key, by, id.StoreID)
		}
		w.raftIDs[key] = id.StoreID
		r, err := bootstrap.Decode(id.Founding)
		if err != nil {
			return err
		}
		if r == nil {
			if w.clusters[id.ClusterID] == nil {
				return fmt.Errorf("n%d joined %s, which never lived", m.n, id.ClusterID)
			}
			continue
		}
		if voters := bootstrap.Voters(r); slices.Contains(voters, id.RaftID) {
			if took[id.ClusterID]++; took[id.ClusterID] == len(voters)/2+1 && w.clusters[id.ClusterID] == nil {
				img, _, res := meta.Apply(meta.NewImage(), 2, meta.Envelope{Cmd: *r})
				if res.Code != code.OK {
					return fmt.Errorf("InitCluster: %v", res)
				}
				w.clusters[id.ClusterID] = img
				w.founded++
			}
		}
	}
	if len(w.clusters) > 1 {
		return fmt.Errorf("%d clusters live", len(w.clusters))
	}
	return nil
}

// together says whether every machine works in the one cluster that lives.
func (w *world) together() bool {
	for _, m := range w.machines {
		if !m.up() || !m.ready || w.clusters[m.id.ClusterID] == nil {
			return false
		}
	}
	return true
}

func (w *world) finish() {
	w.s.Net.Heal()
	w.s.Net.Faults.Drop = 0
	for _, m := range w.machines {
		m.start()
	}
	if !w.s.RunUntil(30*time.Second, w.together) && w.s.Err() == nil {
		for _, m := range w.machines {
			id, _ := m.disk.Identity()
			w.t.Logf("n%d up %v ready %v: %.22s node %d raft %x store %x", m.n, m.up(), m.ready, id.ClusterID, id.NodeID, id.RaftID, id.StoreID[:4])
		}
		w.t.Fatal("after everything was mended they are not all in one cluster")
	}
}

// Founders start in every order, at once and one after the other, and become one cluster with ids by position.
func TestFoundersInEveryOrder(t *testing.T) {
	orders := [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	kitsim.Seeds(t, 2, func(t *testing.T, s *kitsim.Sim) {
		for i, order := range orders {
			for _, pause := range []time.Duration{0, 700 * time.Millisecond, 5 * time.Second} {
				sim := kitsim.New(s.Seed*100 + uint64(i))
				w := newWorld(t, sim, 3, 0)
				for _, k := range order {
					if len(w.clusters) > 0 {
						t.Fatal("founded before all were there")
					}
					w.machines[k].start()
					sim.Run(pause)
				}
				if !sim.RunUntil(3*time.Second, w.together) {
					sim.Report(t)
					t.Fatalf("order %v, pause %v: no cluster", order, pause)
				}
				for _, m := range w.machines {
					if m.id.NodeID != int32(m.n) || m.id.RaftID != meta.RaftIDOf(1, int32(m.n)) || m.id.Founding == "" {
						t.Errorf("order %v: n%d is %+v", order, m.n, m.id)
					}
				}
				sim.Report(t)
			}
		}
	})
}

// A crash at each step of the founding, of each founder and of all, with a disk lost or kept: one cluster comes of it, and nobody's Raft id
// goes to another store.
func TestCrashAtEachStep(t *testing.T) {
	runs, founded, places := 0, 0, 0
	for step := 1; step <= 400; step += 14 {
		for victim := range 7 {
			s := kitsim.New(uint64(step*8 + victim))
			w := newWorld(t, s, 3, 0)
			for _, m := range w.machines {
				m.start()
			}
			s.RunSteps(step)
			for i, m := range w.machines {
				switch {
				case victim == i || victim == 6:
					m.crash()
				case victim == i+3:
					m.wipe()
				}
			}
			s.Run(time.Duration(step%3) * 600 * time.Millisecond)
			w.finish()
			if s.Report(t); t.Failed() {
				t.Fatalf("step %d, victim %d", step, victim)
			}
			runs++
			founded += w.founded
			places += len(w.raftIDs)
		}
	}
	if founded != runs || places <= 3*founded {
		t.Errorf("%d clusters, %d Raft ids: the run did too little", founded, places)
	}
}

// Founders and newcomers under faults: links cut one way, bytes lost, crashes, clocks that jump, one disk lost.
func TestSimulation(t *testing.T) {
	kitsim.Seeds(t, 40, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(t, s, []int{1, 2, 3, 3, 5}[s.IntN(5)], s.IntN(3))
		for range 12 {
			a, b := w.machines[s.IntN(len(w.machines))], w.machines[s.IntN(len(w.machines))]
			switch s.IntN(8) {
			case 0, 1, 2:
				a.start()
			case 3:
				a.crash()
			case 4:
				if w.wiped == 0 && len(w.seeds) >= 3 && a.node != nil {
					a.wipe()
				}
			case 5:
				s.Net.Cut(fmt.Sprintf("n%d", a.n), fmt.Sprintf("n%d", b.n))
			case 6:
				s.Net.Faults.Drop = 0.05
			case 7:
				s.Net.Heal()
				s.Net.Faults.Drop = 0
			}
			if s.Run(time.Duration(s.IntN(1200))*time.Millisecond) != nil {
				return
			}
		}
		w.finish()
		for _, m := range w.machines {
			if m.up() {
				m.node.StopActors()
			}
		}
		if err := s.Settle(time.Minute); err != nil {
			t.Error(err)
		}
		for _, a := range s.Unanswered(0) {
			t.Errorf("never answered: %s", a)
		}
	})
}

// Nothing is founded while one founder was given another list, and the one who decides says so.
func TestOtherList(t *testing.T) {
	kitsim.Seeds(t, 5, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(t, s, 3, 0)
		w.machines[2].seeds = w.seeds[1:]
		for _, m := range w.machines {
			m.start()
		}
		s.Run(5 * time.Second)
		if len(w.clusters) > 0 || !strings.Contains(w.machines[0].waits, "its --seeds are n2:9093,n3:9093") {
			t.Fatalf("%d clusters; waits for %s", len(w.clusters), w.machines[0].waits)
		}
		w.machines[2].crash()
		w.machines[2].seeds = nil
		w.finish()
	})
}

// A disk that was taken for lost comes back when its node id, under a new Raft id, is another's: it is told so, by whoever can.
func TestReplaced(t *testing.T) {
	kitsim.Seeds(t, 5, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(t, s, 3, 0)
		w.plain = true
		w.finish()
		for n, m := range w.machines {
			lost := m.id
			m.crash()
			old := m.disk
			m.wipe()
			w.finish()
			if m.id.NodeID != lost.NodeID || m.id.RaftID <= lost.RaftID || m.id.StoreID == lost.StoreID {
				t.Fatalf("%+v came back as %+v", lost, m.id)
			}
			m.crash()
			now := m.disk
			m.disk = old
			m.start()
			if !s.RunUntil(10*time.Second, func() bool { return m.final != "" }) || !strings.Contains(m.final, "taken for lost") {
				t.Fatalf("n%d goes on, or was told %q", n+1, m.final)
			}
			m.crash()
			m.disk = now
			w.finish()
			if w.machines[0].final+w.machines[1].final+w.machines[2].final != "" {
				t.Fatal("one that has its place was told that it has none")
			}
		}
	})
}

// On a directory of another cluster a broker does not join, and says so once all addresses that it was given are of other clusters.
func TestJoinWithAnotherCluster(t *testing.T) {
	kitsim.Seeds(t, 5, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(t, s, 3, 1)
		m := w.machines[3]
		id := storage.Identity{StoreID: [16]byte{9}, ClusterID: "another-cluster-of-old", NodeID: 1, RaftID: 1<<32 | 1, CleanEpoch: -1}
		if err := m.disk.SetIdentity(id); err != nil {
			t.Fatal(err)
		}
		w.foreign = id.ClusterID
		m.start()
		for _, f := range w.machines[:2] {
			f.start()
		}
		s.Run(3 * time.Second)
		if m.final != "" {
			t.Fatalf("gave up before all were heard: %s", m.final)
		}
		w.machines[2].start()
		if !s.RunUntil(10*time.Second, func() bool { return m.final != "" }) || strings.Count(m.final, "leave --join out") != 1 {
			t.Fatalf("told %q", m.final)
		}
		s.Run(3 * time.Second)
		if got, err := m.disk.Identity(); err != nil || got.ClusterID != id.ClusterID || got.NodeID != 1 || strings.Count(m.final, "leave --join out") != 1 {
			t.Fatalf("%+v, %v, told %q", got, err, m.final)
		}
	})
}
