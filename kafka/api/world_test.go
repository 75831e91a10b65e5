package api

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// world is one broker as handlers see it, on one goroutine and with a clock of its own: a metadata actor that applies at
// once, partitions that know their ends, a store and a tail, and the two actors of this package.
type world struct {
	t      testing.TB
	env    *Env
	img    *meta.Image
	now    time.Time
	rng    *rand.Rand
	queue  []func()
	timers []*worldTimer
	tasks  []func() // blocking work that has not run yet
	hold   bool     // tasks wait for runTasks
	lifo   bool     // what was sent last arrives first
	down   bool     // no proposal is answered
	held   []*raftnode.Propose
	asked  []meta.Command // proposals so far
	parts  map[uint32]*fakePart
	refs   map[uint32]*kit.Ref
	shards map[string]*kit.Ref // coordinators of groups, by name
	data   *sim.Data
	live   int64 // slabs before the test
	quorum raftnode.Status
}

const testNode = 1

func newWorld(t testing.TB, brokers int, static map[string]string) *world {
	t.Helper()
	w := &world{t: t, img: meta.NewImage(), now: time.UnixMilli(1_000_000), rng: rand.New(rand.NewPCG(1, 2)), data: sim.NewData(),
		parts: map[uint32]*fakePart{}, refs: map[uint32]*kit.Ref{}, shards: map[string]*kit.Ref{}, live: storage.SlabsLive()}
	w.env = &Env{Published: &node.Published{}, Data: w.data, Tail: storage.NewTail(1 << 20), NodeID: testNode, Static: static,
		ClusterID: func() string { return w.img.ClusterID() }, DataDir: "/data", Quorum: func() raftnode.Status { return w.quorum },
		Controller: meta.Endpoint{Name: "CONTROLLER", Host: "peer", Port: 9093}}
	w.quorum = raftnode.Status{ID: 1, Leader: 1, Term: 3, Persisted: 9, Committed: 8, Image: 8, Voters: []uint64{1}}
	w.env.Metadata = w.ref("metadata", w.metadata)
	w.apply(meta.InitCluster{ClusterID: "troupeTestCluster00001", CreatedMs: 1, FeatureLevel: 1, Founders: []meta.Node{{ID: 1, RaftID: 1, StoreID: [16]byte{1}, Version: "test"}}})
	for i := int32(1); i <= int32(brokers); i++ {
		w.broker(i)
	}
	w.env.Spawn(worldContext{w, nil})
	return w
}

func (w *world) broker(i int32) {
	if i > 1 {
		w.apply(meta.AddNode{StoreID: [16]byte{byte(i)}, RequestedID: -1, Version: "test"})
	}
	reg := w.apply(meta.RegisterBroker{BrokerID: i, Incarnation: [16]byte{byte(i)}, StoreID: [16]byte{byte(i)}, PrevBrokerEpoch: -1, Features: meta.SupportedFeatures(), Rack: fmt.Sprintf("r%d", i),
		Listeners: []meta.Endpoint{{Name: "OTHER", Host: "elsewhere", Port: 1}, {Name: "PLAINTEXT", Host: "h" + fmt.Sprint(i), Port: uint16(9090 + i)}}})
	w.apply(meta.UnfenceBroker{BrokerID: i, BrokerEpoch: reg.Value.(meta.Registered).Epoch})
}

// apply is what happens to a command when it is committed: the image, the local partitions, the view.
func (w *world) apply(cmd meta.Command) meta.Result {
	w.t.Helper()
	next, changes, r := meta.Apply(w.img, w.img.Index()+1, meta.Envelope{TimeMs: w.now.UnixMilli(), Cmd: cmd})
	w.img = next
	for _, ch := range changes.Topics {
		if ch.New == nil {
			for i := range ch.Old.Partitions {
				delete(w.refs, ch.Old.Partitions[i].ID)
			}
			continue
		}
		for i := range ch.New.Partitions {
			w.become(&ch.New.Partitions[i])
		}
	}
	w.env.Published.Set(node.ViewWith(w.img, 1, w.refs))
	return r
}

func (w *world) become(p *meta.Partition) {
	local := false
	for _, id := range p.Replicas {
		local = local || id == testNode
	}
	if !local {
		return
	}
	q := w.parts[p.ID]
	if q == nil {
		q = &fakePart{w: w, id: p.ID}
		w.parts[p.ID] = q
		w.refs[p.ID] = w.ref(fmt.Sprintf("partition/%d", p.ID), q.receive)
	}
	q.leads, q.epoch = p.Leader == testNode, p.LeaderEpoch
}

// metadata is the metadata actor.
func (w *world) metadata(m any) {
	p := m.(*raftnode.Propose)
	w.asked = append(w.asked, p.Cmd)
	if w.down {
		w.held = append(w.held, p)
		return
	}
	p.Reply(raftnode.Proposed{Propose: p, Index: w.img.Index(), Result: w.apply(p.Cmd)})
}

// refuseHeld answers the held proposals with a code.
func (w *world) refuseHeld(e code.Code) {
	for _, p := range w.held {
		p.Reply(raftnode.Proposed{Propose: p, Result: meta.Result{Code: e, Message: "it was not to be"}})
	}
	w.held = nil
	w.run()
}

// ref is an address whose messages f gets, one after the other.
func (w *world) ref(name string, f func(m any)) *kit.Ref {
	return kit.NewRef(name, &worldBox{w: w, f: f})
}

type worldBox struct {
	w    *world
	f    func(m any)
	gone bool
}

func (b *worldBox) Post(m any) bool {
	if b.gone {
		return false
	}
	b.w.queue = append(b.w.queue, func() { b.f(m) })
	return true
}
func (b *worldBox) TryPost(m any) bool { return b.Post(m) }
func (b *worldBox) Depth() int         { return 0 }

// run delivers until nothing is under way. Timers do not fire by themselves.
func (w *world) run() {
	for n := 0; len(w.queue) > 0 || !w.hold && len(w.tasks) > 0; n++ {
		if n > 1_000_000 {
			w.t.Fatal("messages without end")
		}
		if len(w.queue) > 0 {
			k := 0
			if w.lifo {
				k = len(w.queue) - 1
			}
			f := w.queue[k]
			w.queue = append(w.queue[:k], w.queue[k+1:]...)
			f()
			continue
		}
		w.task()
	}
}

func (w *world) task() {
	f := w.tasks[0]
	w.tasks = w.tasks[1:]
	f()
}

// pass lets time pass: timers that are due fire in order.
func (w *world) pass(d time.Duration) {
	until := w.now.Add(d)
	for {
		w.run()
		next := -1
		for i, x := range w.timers {
			if !x.at.After(until) && (next < 0 || x.at.Before(w.timers[next].at)) {
				next = i
			}
		}
		if next < 0 {
			w.now = until
			return
		}
		x := w.timers[next]
		w.timers = append(w.timers[:next], w.timers[next+1:]...)
		w.now = x.at
		x.to.Tell(x.m)
	}
}

// worldContext is a kit.Context of the world.
type worldContext struct {
	w    *world
	self *kit.Ref
}

type worldTimer struct {
	w  *world
	at time.Time
	to *kit.Ref
	m  any
}

func (x *worldTimer) Stop() bool {
	for i, y := range x.w.timers {
		if x == y {
			x.w.timers = append(x.w.timers[:i], x.w.timers[i+1:]...)
			return true
		}
	}
	return false
}

func (c worldContext) Self() *kit.Ref { return c.self }
func (c worldContext) Spawn(name string, a kit.Actor, _ kit.Options) *kit.Ref {
	var ref *kit.Ref
	ref = c.w.ref(name, func(m any) { a.Receive(worldContext{c.w, ref}, m) })
	return ref
}
func (c worldContext) Lookup(name string) *kit.Ref   { return c.w.shards[name] }
func (c worldContext) Stop(*kit.Ref, *kit.Ref, any)  {}
func (c worldContext) Now() time.Time                { return c.w.now }
func (c worldContext) Rand() uint64                  { return c.w.rng.Uint64() }
func (c worldContext) Log() *slog.Logger             { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
func (c worldContext) Fatal(reason string, _ ...any) { c.w.t.Fatal(reason) }
func (c worldContext) Blocker(*kit.Ref, string) kit.Blocker {
	c.w.t.Fatal("a handler wants a goroutine")
	return nil
}
func (c worldContext) After(to *kit.Ref, d time.Duration, m any) kit.Timer {
	x := &worldTimer{c.w, c.w.now.Add(d), to, m}
	c.w.timers = append(c.w.timers, x)
	return x
}
func (c worldContext) Go(to *kit.Ref, fn func() any) {
	c.w.tasks = append(c.w.tasks, func() {
		if m := fn(); m != nil {
			to.Tell(m)
		}
	})
}

// inFlight is one request and, later, its answer.
type inFlight struct {
	w    *world
	c    *Call
	resp Response
	cut  bool
}

func (f *inFlight) Respond(r Response)  { f.resp = r }
func (f *inFlight) Silent()             { f.w.t.Fatal("a silent end") }
func (f *inFlight) Disconnect(_ string) { f.cut = true }

func (f *inFlight) Rest() {}

func (f *inFlight) Detach() func() { return func() {} }

// begin starts a request on a connection of its own.
func (w *world) begin(version int16, req kmsg.Request) *inFlight {
	w.t.Helper()
	req.SetVersion(version)
	// What a handler sees has gone over the wire.
	wired := kmsg.RequestForKey(req.Key())
	wired.SetVersion(version)
	if err := wired.ReadFrom(req.AppendTo(nil)); err != nil {
		w.t.Fatal(err)
	}
	f := &inFlight{w: w}
	var self *kit.Ref
	self = w.ref("conn", func(m any) {
		if f.c.Sys = (worldContext{w, self}); f.resp == nil && !f.cut {
			f.c.Deliver(m)
			return
		}
		Drop(m)
	})
	f.c = &Call{Env: w.env, Sys: worldContext{w, self}, Conn: &Conn{Listener: "PLAINTEXT"}, View: w.env.Published.Get(), Table: Table,
		Key: req.Key(), Version: version, Req: wired, Slot: w.rng.Uint64()}
	e := Find(Table, req.Key())
	if !e.Serves(version) {
		w.t.Fatalf("key %d version %d is not served", req.Key(), version)
	}
	f.c.Start(e, f)
	w.run()
	return f
}

// answer is the decoded answer of a request that has one by now.
func (f *inFlight) answer() kmsg.Response {
	f.w.t.Helper()
	if f.resp == nil {
		f.w.t.Fatalf("no answer (cut: %v)", f.cut)
	}
	head, rest, release := f.resp.AppendTo([]byte("before"))
	body := append([]byte(nil), head[len("before"):]...)
	for _, r := range rest {
		body = append(body, r...)
	}
	if release != nil {
		release()
	}
	resp := kmsg.ResponseForKey(f.c.Key)
	resp.SetVersion(f.c.Version)
	if err := resp.ReadFrom(body); err != nil {
		f.w.t.Fatalf("the answer cannot be read: %v\n%x", err, body)
	}
	again := resp.AppendTo(nil)
	if string(again) != string(body) {
		f.w.t.Fatalf("the answer is not what kmsg writes:\n%x\n%x", body, again)
	}
	return resp
}

// ask is a request that is answered at once, or at the latest when all timers have fired.
func (w *world) ask(version int16, req kmsg.Request) kmsg.Response {
	w.t.Helper()
	f := w.begin(version, req)
	if f.resp == nil && !f.cut {
		w.pass(time.Minute)
	}
	return f.answer()
}

// topic makes a topic with its replicas as given, without a request.
func (w *world) topic(name string, assignments ...[]int32) *meta.Topic {
	w.t.Helper()
	r := w.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: name, ID: newTopicID(worldContext{w, nil}), Assignments: assignments}}})
	if x := r.Value.([]meta.TopicResult)[0]; x.Code != code.OK {
		w.t.Fatalf("topic %s: %v %s", name, x.Code, x.Message)
	}
	return w.img.Topic(name)
}

func (w *world) part(topic string, i int) *fakePart {
	return w.parts[w.img.Topic(topic).Partitions[i].ID]
}

// leaks fails the test when slabs are held that were not before.
func (w *world) leaks() {
	w.t.Helper()
	for t := range w.img.Topics() {
		for i := range t.Partitions {
			w.env.Tail.Drop(t.Partitions[i].ID)
		}
	}
	w.data.Close()
	if n := storage.SlabsLive() - w.live; n != 0 {
		w.t.Errorf("%d slabs are still held", n)
	}
}

// fakePart is a partition that knows its ends and nothing else.
type fakePart struct {
	w          *world
	id         uint32
	leads      bool
	epoch      int32
	start, end int64
	reply      code.Code // answers everything with it
	diverging  *partition.EpochEnd
	watches    []*partition.Watch
	unwatched  int
	reads      int
	producers  []partition.ActiveProducer
	deaf       bool // trims are not answered
	follows    bool // it answers reads although it does not lead
	lag        int64
	unreadable []partition.Unreadable
}

// add appends a batch of n records of size bytes each, with timestamps from ts on; it can be read at once.
func (p *fakePart) add(n, size int, ts int64, tail bool) {
	p.w.t.Helper()
	recs := make([]record.Record, n)
	for i := range recs {
		recs[i] = record.Record{Timestamp: ts + int64(i), Value: make([]byte, size)}
	}
	o := record.Plain()
	o.BaseOffset, o.LeaderEpoch = p.end, p.epoch
	b, err := record.Build(o, recs)
	if err != nil {
		p.w.t.Fatal(err)
	}
	s := storage.NewSlab(len(b) + storage.SlabOverhead)
	at, _ := s.Add(len(b))
	copy(s.Batch(at), b)
	wr := &storage.Write{Records: []storage.Append{{PartID: p.id, Base: p.end, Last: p.end + int64(n) - 1, Slab: s, At: at, MaxTime: ts + int64(n) - 1}}}
	if err := p.w.data.Apply(wr); err != nil {
		p.w.t.Fatal(err)
	}
	if err := p.w.data.Wait(wr); err != nil {
		p.w.t.Fatal(err)
	}
	if tail {
		p.w.env.Tail.Publish(p.id, p.end, p.end+int64(n)-1, s, at)
	}
	s.Release()
	p.end += int64(n)
	p.grown(false)
}

func (p *fakePart) grown(all bool) {
	var left []*partition.Watch
	for _, m := range p.watches {
		if all || m.Offset < p.end {
			m.Reply(partition.Grown{Watch: m})
			continue
		}
		left = append(left, m)
	}
	p.watches = left
}

// resign makes the partition another broker's.
func (p *fakePart) resign() {
	p.leads = false
	p.grown(true)
}

func (p *fakePart) fence(epoch int32) code.Code {
	switch {
	case p.reply != code.OK:
		return p.reply
	case !p.leads:
		return code.NotLeaderForPartition
	case epoch >= 0 && epoch < p.epoch:
		return code.FencedLeaderEpoch
	case epoch > p.epoch:
		return code.UnknownLeaderEpoch
	}
	return code.OK
}

func (p *fakePart) receive(m any) {
	switch m := m.(type) {
	case *partition.Read:
		p.reads++
		bad := p.fence(m.LeaderEpoch)
		if bad == code.NotLeaderForPartition && m.Replica && p.follows {
			bad = code.OK
		}
		r := partition.Readable{Read: m, Code: bad, PartID: p.id, Start: p.start, High: p.end, Stable: p.end, Limit: p.end, Diverging: p.diverging}
		if r.Code == code.OK && (m.Offset < p.start || m.Offset > p.end) {
			r.Code = code.OffsetOutOfRange
		}
		m.Reply(r)
	case *partition.Watch:
		away := !p.leads && !(p.follows && m.Replica)
		if p.watches = append(p.watches, m); away || m.Offset < p.end {
			p.grown(away)
		}
	case partition.Unwatch:
		p.unwatched++
		for i, x := range p.watches {
			if x == m.Watch {
				p.watches = append(p.watches[:i], p.watches[i+1:]...)
				x.Reply(partition.Grown{Watch: x, Cancelled: true})
				return
			}
		}
	case *partition.Locate:
		r := partition.Located{Locate: m, Code: p.fence(m.LeaderEpoch), PartID: p.id, Start: p.start, Limit: p.end, Offset: -1, Timestamp: -1, LeaderEpoch: -1}
		switch {
		case m.Timestamp >= 0 || m.Timestamp == -3:
			r.Search = true
		case m.Timestamp == -1:
			r.Offset, r.LeaderEpoch = p.end, p.epoch
		case m.Timestamp == -2 || m.Timestamp == -4:
			r.Offset, r.LeaderEpoch = p.start, 0
		}
		m.Reply(r)
	case partition.Unreadable:
		p.unreadable = append(p.unreadable, m)
	case *partition.Measure:
		m.Reply(partition.Measured{Measure: m, Lag: p.lag})
	case *partition.Trim:
		switch r := (partition.Trimmed{Trim: m, Code: p.fence(-1), Start: -1}); {
		case p.deaf:
		case r.Code == code.OK && m.Offset > p.end:
			r.Code = code.OffsetOutOfRange
			m.Reply(r)
		default:
			if r.Code == code.OK {
				p.start = max(p.start, m.Offset)
				r.Start = p.start
			}
			m.Reply(r)
		}
	case *partition.ListProducers:
		m.Reply(partition.Producers{ListProducers: m, Code: p.fence(-1), List: p.producers})
	case *partition.FindEpoch:
		r := partition.FoundEpoch{FindEpoch: m, Code: p.fence(m.CurrentEpoch), EpochEnd: partition.EpochEnd{Epoch: -1, End: -1}}
		if r.Code == code.OK && m.Epoch == p.epoch {
			r.EpochEnd = partition.EpochEnd{Epoch: p.epoch, End: p.end}
		}
		m.Reply(r)
	default:
		p.w.t.Fatalf("a partition got %T", m)
	}
}
