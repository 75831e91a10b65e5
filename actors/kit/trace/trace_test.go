package trace

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// hand is a clock that is moved by hand.
type hand struct{ t atomic.Int64 }

func newHand() *hand {
	h := &hand{}
	h.t.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return h
}

func (h *hand) now() int64            { return h.t.Load() }
func (h *hand) after(d time.Duration) { h.t.Add(int64(d)) }
func (h *hand) recorder(o Options) *Recorder {
	o.Now = h.now
	return New(o)
}

// produce passes all stages of a produce; the disk takes sync, everything else step.
func produce(h *hand, r *Recorder, step, sync time.Duration, code int16) *Op {
	o := r.Begin(7, "10.0.0.1")
	client, topic := "checkout", "orders"
	o.SetRequest(0, 9, 42)
	o.SetClient(&client)
	for s := Parsed; s <= Written; s++ {
		switch s {
		case Parsed, Begun, Settled, Taken, Applied, Answered, Encoded, Writing, Written:
			h.after(step)
		case Synced:
			h.after(sync)
		default:
			continue
		}
		if s == Settled {
			o.SetTopic(&topic, 3, 1)
			o.SetOffsets(100, 109)
		}
		o.Stamp(s)
	}
	o.SetCode(code)
	return o
}

// One produce of 300 ms among 100,000 quick ones, with nothing prepared, is found afterwards with every stage (T9).
func TestSlowOneAmongMany(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{})
	const n = 100_000
	for i := range n {
		sync := time.Millisecond
		if i == 70_000 {
			sync = 300 * time.Millisecond
		}
		produce(h, r, 10*time.Microsecond, sync, 0).End(Done)
	}
	all := r.Kept(Slow, Query{Key: -1})
	if len(all) != 1 {
		t.Fatalf("%d slow ones are kept", len(all))
	}
	got := all[0]
	if got.ID != 70_001 || got.Client != "checkout" || got.Topic != "orders" || got.Partition != 3 || got.Base != 100 || got.Last != 109 || got.Correlation != 42 {
		t.Errorf("%+v", got)
	}
	sum, names := time.Duration(0), []string{}
	for _, s := range got.Spans(0) {
		sum += s.Took
		names = append(names, s.Stage.String())
	}
	if want := "parsed begun settled taken applied synced answered encoded writing written"; strings.Join(names, " ") != want {
		t.Errorf("stages %v, want %s", names, want)
	}
	if total := got.Total(0); sum != total || total < 300*time.Millisecond {
		t.Errorf("the spans sum up to %v of %v", sum, total)
	}
	if len(r.Kept(Healthy, Query{Key: -1})) == 0 || len(r.Kept(Healthy, Query{Key: -1})) > MaxHealthy {
		t.Errorf("%d healthy ones", len(r.Kept(Healthy, Query{Key: -1})))
	}
}

// What is slow follows the API: p99.9 of the last minute, between floor and cap, and the floor where there is too little to tell.
func TestThreshold(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{})
	run := func(n int, sync time.Duration) {
		for range n {
			produce(h, r, 0, sync, 0).End(Done)
		}
	}
	slow := func() time.Duration { return r.APIs()[0].Slow }
	run(10, 300*time.Millisecond)
	if n := len(r.Kept(Slow, Query{Key: -1})); n != 10 || slow() != Floor {
		t.Errorf("of few, %d of 10 kept above %v", n, slow())
	}
	run(5000, 40*time.Millisecond)
	if s := slow(); s < 40*time.Millisecond || s > 50*time.Millisecond {
		t.Errorf("threshold %v", s)
	}
	for range 10 { // many at the same time
		var open []*Op
		for range 1000 {
			o := r.Begin(1, "")
			o.SetRequest(0, 9, 0)
			open = append(open, o)
		}
		h.after(2 * time.Second)
		for _, o := range open {
			o.Stamp(Written)
			o.End(Done)
		}
	}
	if s := slow(); s != Cap {
		t.Errorf("threshold %v", s)
	}
	h.after(time.Hour)
	run(2, time.Millisecond)
	h.after(10 * time.Second)
	run(1, time.Millisecond)
	if s := slow(); s != Floor {
		t.Errorf("threshold %v after a pause", s)
	}
	fixed := h.recorder(Options{Slow: time.Millisecond})
	produce(h, fixed, 0, 2*time.Millisecond, 0).End(Done)
	if len(fixed.Kept(Slow, Query{Key: -1})) != 1 {
		t.Error("not kept by a fixed threshold")
	}
}

// A long poll is not slow: the client asked for the wait.
func TestLongPollIsNotSlow(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{})
	for _, gone := range []bool{false, true} {
		o := r.Begin(1, "")
		o.SetRequest(1, 12, 1)
		o.Stamp(Parsed)
		o.Stamp(Begun)
		o.Await(AwaitBytes, "")
		h.after(5 * time.Second)
		if open := r.Open(); len(open) != 1 || open[0].Awaiting() != AwaitBytes || open[0].Total(h.now()) != 5*time.Second {
			t.Fatalf("%+v", open)
		}
		how := Gone
		if !gone {
			o.Resume()
			h.after(time.Millisecond)
			o.Stamp(Answered)
			o.Stamp(Written)
			how = Done
		}
		o.End(how)
	}
	if n := len(r.Kept(Slow, Query{Key: -1})); n != 0 {
		t.Errorf("%d kept", n)
	}
	if p := r.APIs()[0].Phases; p[Remote].Quantile(1) < 4*time.Second || p[Local].Quantile(1) > 2*time.Millisecond || p[Total].Count() != 1 {
		t.Errorf("remote %v local %v of %d", p[Remote].Quantile(1), p[Local].Quantile(1), p[Total].Count())
	}
}

// A request that its client sent behind a long poll, on the same connection, waits for its turn as long as the client wanted. What it waits for
// beyond that is slowness.
func TestBehindALongPollIsNotSlow(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{})
	poll := r.Begin(1, "")
	poll.SetRequest(1, 12, 1)
	h.after(time.Second)
	poll.Await(AwaitBytes, "")
	h.after(100 * time.Millisecond)
	behind := r.Begin(1, "")
	behind.SetRequest(2, 1, 2)
	behind.Stamp(Parsed)
	h.after(5 * time.Second)
	poll.Resume()
	p := poll.Polled()
	poll.Mark()
	poll.End(Done)
	for i, extra := range []time.Duration{0, 50 * time.Millisecond} {
		h.after(extra)
		behind.BeginBehind(p)
		behind.Stamp(Written)
		behind.End(Done)
		if n := len(r.Kept(Slow, Query{Key: 2})); n != i {
			t.Errorf("%d kept, %v behind", n, extra)
		}
		behind = r.Begin(1, "")
		behind.SetRequest(2, 1, 3)
		behind.Stamp(Parsed)
	}
	if other := (Poll{}); r.Begin(1, "").Polled() != other {
		t.Error("a poll out of nothing")
	}
}

// Who joins an empty group waits for others that may come, as the broker is set to: that is not slow, and the record says why it took so long.
func TestWaitByDesignIsNotSlow(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{})
	join := func(took, delay time.Duration) {
		o := r.Begin(1, "10.0.0.7")
		o.SetRequest(11, 9, 1)
		o.Stamp(Parsed)
		o.Stamp(Begun)
		o.Await(AwaitMembers, "")
		h.after(took)
		o.Resume()
		o.ByDesign(delay, "group.initial.rebalance.delay.ms")
		o.Stamp(Answered)
		o.End(Done)
	}
	join(3*time.Second, 3*time.Second-5*time.Millisecond)
	if n := len(r.Kept(Slow, Query{Key: -1})); n != 0 {
		t.Fatalf("%d slow ones are kept", n)
	}
	join(3*time.Second, 0)
	join(4*time.Second, 3*time.Second)
	all := r.Kept(Slow, Query{Key: -1})
	if len(all) != 2 || all[0].Busy(0) != time.Second || all[0].Total(0) != 4*time.Second {
		t.Fatalf("%+v", all)
	}
	if _, why := all[0].Cause(0); why != "Slow, 4.0 s: it waited 4.0 s for the other members of the group (3.0 s of it by design: group.initial.rebalance.delay.ms)." {
		t.Error(why)
	}
}

func TestFailuresAreKept(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{Trivial: func(c int16) bool { return c == 27 }})
	for range 100 {
		produce(h, r, 0, 0, 56).End(Done) // one second: a flood
	}
	produce(h, r, 0, 0, 27).End(Done)
	produce(h, r, 0, 0, 3).End(Done)
	o := produce(h, r, 0, 0, 0)
	o.Mark()
	o.End(Done)
	kept := r.Kept(Failed, Query{Key: -1})
	if len(kept) != failedPerCode+1 || kept[0].Code != 3 || kept[1].Code != 56 {
		t.Errorf("%d kept: %+v", len(kept), kept[0])
	}
	if c := r.APIs()[0].Codes; c[56] != 100 || c[27] != 1 || c[3] != 1 {
		t.Errorf("counted %v", c)
	}
	if m := r.Kept(Slow, Query{Key: -1}); len(m) != 1 || m[0].Why != Marked {
		t.Errorf("marked: %+v", m)
	}
}

func TestQuery(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{Slow: 1})
	var ids []uint64
	for i := range 5 {
		o := r.Begin(uint64(i), "")
		client, topic := fmt.Sprint("c", i%2), fmt.Sprint("t", i)
		o.SetRequest(int16(i%2), 9, 0)
		o.SetClient(&client)
		o.SetTopic(&topic, 0, 1)
		h.after(time.Duration(i+1) * time.Second)
		o.Stamp(Written)
		ids = append(ids, o.id)
		o.End(Done)
	}
	f := func(q Query, want ...int) {
		t.Helper()
		got := r.Kept(Slow, q)
		if len(got) != len(want) {
			t.Fatalf("%d records, want %v", len(got), want)
		}
		for i, w := range want {
			if got[i].ID != ids[w] {
				t.Errorf("record %d is %d, want %d", i, got[i].ID, ids[w])
			}
		}
	}
	f(Query{Key: -1}, 4, 3, 2, 1, 0)
	f(Query{Key: 1}, 3, 1)
	f(Query{Key: -1, Client: "c0"}, 4, 2, 0)
	f(Query{Key: -1, Topic: "t2"}, 2)
	f(Query{Key: -1, Min: 4 * time.Second}, 4, 3)
	f(Query{Key: -1, Since: time.Unix(0, h.now()).Add(-6 * time.Second)}, 4, 3)
	f(Query{Key: -1, Last: 2}, 4, 3)
	f(Query{Key: 0, Client: "c0", Min: 2 * time.Second, Last: 1}, 4)
	if rec, ok := r.Find(ids[2]); !ok || rec.Topic != "t2" {
		t.Errorf("%+v", rec)
	}
	if _, ok := r.Find(999); ok {
		t.Error("found what is not there")
	}
}

// Nothing grows with what clients send: rings, and each text of a record.
func TestBounds(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{Memory: 100 << 10, Slow: 1})
	long := strings.Repeat("x", 32<<10)
	for range 3000 {
		o := r.Begin(1, "")
		o.SetRequest(0, 9, 0)
		o.SetClient(&long)
		o.SetTopic(&long, 0, 1)
		h.after(time.Second)
		o.End(Done)
	}
	kept := r.Kept(Slow, Query{Key: -1})
	if len(kept) == 0 || len(kept) > 100 {
		t.Errorf("%d records kept of 100 KiB", len(kept))
	}
	rec := kept[0]
	if size := int(unsafe.Sizeof(rec)) + len(rec.Client) + len(rec.Topic) + 2*maxText; size > RecordBytes+512 || len(rec.Client) != maxText {
		t.Errorf("a record takes %d bytes", size)
	}
	for range 3 * maxListedShard {
		r.Begin(1, "")
	}
	if n := len(r.Open()); n != maxListedShard {
		t.Errorf("%d open ones listed", n)
	}
}

// A stage that is stamped after the end belongs to nobody else's record.
func TestLateStampsHitNobody(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{})
	o := r.Begin(1, "")
	o.Hold() // the writer's
	o.End(Silent)
	for range 10 {
		if n := r.Begin(1, ""); n == o {
			t.Fatal("the record is used again while the writer may stamp it")
		}
	}
	o.Stamp(Synced)
	o.Release()
	if o.at[Synced].Load() != 0 || o.base.Load() != -1 {
		t.Error("a record goes back as it was")
	}
}

// Everybody at once, for the race detector.
func TestManyGoroutines(t *testing.T) {
	r := New(Options{Now: func() int64 { return time.Now().UnixNano() }, Slow: 1})
	var workers, lister sync.WaitGroup
	stop := make(chan struct{})
	lister.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				r.Open()
				r.Kept(Slow, Query{Key: -1})
				r.APIs()
				r.Counts()
			}
		}
	})
	for w := range 4 {
		workers.Go(func() {
			name := "topic"
			for i := range 2000 {
				o := r.Begin(uint64(w+i), "host")
				o.SetRequest(int16(i%3), 1, int32(i))
				o.SetTopic(&name, 1, 1)
				o.Hold()
				done := make(chan struct{})
				go func() { o.Stamp(Synced); o.Release(); close(done) }()
				o.Await(AwaitMembers, "member")
				o.Resume()
				o.Stamp(Written)
				o.End(Done)
				<-done
			}
		})
	}
	workers.Wait()
	close(stop)
	lister.Wait()
	if c := r.Counts(); c.Open != 0 || c.Begun != 8000 {
		t.Errorf("%+v", c)
	}
}

// A nil recorder gives nil operations, and those take everything.
func TestNil(t *testing.T) {
	var r *Recorder
	o := r.Begin(1, "")
	o.Stamp(Parsed)
	o.StampAt(Synced, 1)
	o.StampFirst(Waiting)
	o.Await(AwaitBytes, "x")
	o.Resume()
	o.SetRequest(1, 1, 1)
	o.SetClient(nil)
	o.SetTopic(nil, 0, 0)
	o.SetOffsets(1, 2)
	o.SetCode(1)
	o.SetIn(1)
	o.SetOut(1)
	o.SetCharged(1)
	o.Reads(1, 1)
	o.BeginBehind(o.Polled())
	o.Mark()
	o.Hold()
	o.End(Done)
	if r.Open() != nil || r.Kept(Slow, Query{}) != nil || r.APIs() != nil || r.Counts() != (Counts{}) || r.Now() != 0 {
		t.Error("nil holds something")
	}
	if _, ok := r.Find(1); ok {
		t.Error("nil finds something")
	}
}

func full(r *Recorder, client, topic *string) {
	o := r.Begin(7, "10.0.0.1")
	o.SetRequest(0, 9, 42)
	o.SetClient(client)
	o.SetIn(1000)
	o.Stamp(Parsed)
	o.Stamp(Begun)
	o.SetTopic(topic, 3, 1)
	o.Hold()
	o.Stamp(Settled)
	t := r.now()
	o.StampAt(Taken, t)
	o.StampAt(Applied, r.now())
	o.StampAt(Synced, r.now())
	o.Release()
	o.SetOffsets(1, 2)
	o.Stamp(Answered)
	o.Stamp(Encoded)
	o.SetOut(100)
	o.Stamp(Writing)
	o.Stamp(Written)
	o.End(Done)
}

func TestStampsAllocateNothing(t *testing.T) {
	if raceOn {
		t.Skip("the race detector makes pools forget")
	}
	base := time.Now()
	r := New(Options{Now: func() int64 { return 1e18 + int64(time.Since(base)) }})
	r.nextHealthy.Store(1 << 62)
	client, topic := "c", "t"
	if n := testing.AllocsPerRun(1000, func() { full(r, &client, &topic) }); n != 0 {
		t.Errorf("%v allocations for a request", n)
	}
	poll := func() {
		o := r.Begin(1, "")
		o.SetRequest(1, 12, 1)
		o.Await(AwaitBytes, "")
		o.Resume()
		o.Stamp(Written)
		o.End(Done)
	}
	if n := testing.AllocsPerRun(1000, poll); n != 0 {
		t.Errorf("%v allocations for a long poll", n)
	}
}

// BenchmarkRequest is all that tracing does for one produce.
func BenchmarkRequest(b *testing.B) {
	base := time.Now()
	r := New(Options{Now: func() int64 { return 1e18 + int64(time.Since(base)) }})
	client, topic := "c", "t"
	b.ReportAllocs()
	for b.Loop() {
		full(r, &client, &topic)
	}
}

// BenchmarkOff is the same with tracing switched off.
func BenchmarkOff(b *testing.B) {
	r := New(Options{Now: func() int64 { return 1 }})
	r.SetOff(true)
	client, topic := "c", "t"
	for b.Loop() {
		full(r, &client, &topic)
	}
}

// The sentence names the stage that took the time, and says so when none did (T7, as far as one node goes).
func TestCause(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{Slow: time.Millisecond})
	f := func(want, sentence string, does func(o *Op)) {
		t.Helper()
		o := r.Begin(1, "")
		o.SetRequest(0, 9, 0)
		does(o)
		id := o.id
		how := Done
		if o.at[Written].Load() == 0 {
			how = Gone
		}
		o.End(how)
		rec, ok := r.Find(id)
		if !ok {
			t.Fatalf("%s: not kept", want)
		}
		got, text := rec.Cause(h.now())
		if got != want || text != sentence {
			t.Errorf("%s: %s\nwant %s: %s", got, text, want, sentence)
		}
	}
	// passes goes through stages; the slow one takes 300 ms.
	passes := func(slow Stage, all ...Stage) func(o *Op) {
		return func(o *Op) {
			for _, s := range all {
				if s == slow {
					h.after(299 * time.Millisecond)
				}
				h.after(time.Millisecond)
				if s == Woken {
					o.Resume()
				} else if s == Waiting {
					o.Await(AwaitMembers, "member c-1")
				} else {
					o.Stamp(s)
				}
			}
		}
	}
	prod := []Stage{Parsed, Begun, Settled, Taken, Applied, Synced, Answered, Encoded, Writing, Written}
	f("request-in", "Slow, 309 ms: it took 300 ms for the whole request to come in and be checked.", passes(Parsed, prod...))
	f("connection-order", "Slow, 309 ms: it waited 300 ms behind earlier requests of its connection.", passes(Begun, prod...))
	f("partition", "Slow, 309 ms: its partitions took 300 ms to take the batches.", passes(Settled, prod...))
	f("commit-queue", "Slow, 309 ms: it waited 300 ms for a place in a commit: the writer was busy with the commits before it.", passes(Taken, prod...))
	f("store", "Slow, 309 ms: the store took 300 ms to take the commit.", passes(Applied, prod...))
	f("fsync", "Slow, 309 ms: the disk took 300 ms: fsync.", passes(Synced, prod...))
	f("high-watermark", "Slow, 309 ms: after the fsync the high watermark and the answer took 300 ms.", passes(Answered, prod...))
	f("answer-order", "Slow, 309 ms: it waited 300 ms for the answers of earlier requests of its connection.", passes(Encoded, prod...))
	f("client-reads", "Slow, 309 ms: the socket took 300 ms for the answer: the client reads slowly, or the cores are busy.", passes(Written, prod...))
	f("unknown", "Slow, 10.0 ms: no stage stands out; the longest: it took 1.0 ms for the whole request to come in and be checked.", passes(NumStages, prod...))
	f("unknown", "Slow, 10.1 ms: no stage stands out; the longest: the socket took 1.1 ms for the answer.", func(o *Op) {
		passes(NumStages, prod[:len(prod)-1]...)(o)
		h.after(1100 * time.Microsecond) // a little more than the other stages
		o.Stamp(Written)
	})
	f("rebalance", "Slow, 306 ms: it waited 300 ms for the other members of the group (member c-1).", passes(Woken, Parsed, Begun, Waiting, Woken, Answered, Writing, Written))
	f("fsm-apply", "Slow, 310 ms: the metadata state machine took 300 ms.", passes(Decided, Parsed, Begun, Entered, Appended, Committed, Decided, Seen, Answered, Encoded, Writing, Written))
	f("disk-read", "Slow, 306 ms: reading from the disk took 300 ms (2 reads; 1 from memory).", func(o *Op) {
		o.Reads(1, 2)
		passes(Gathered, Parsed, Begun, Located, Gathered, Answered, Writing, Written)(o)
	})
	f("request-budget", "Slow, 303 ms: it waited 300 ms for memory for requests: other requests hold it.", func(o *Op) {
		o.Await(AwaitBudget, "")
		h.after(300 * time.Millisecond)
		o.Resume()
		passes(NumStages, Parsed, Begun, Written)(o)
	})
	f("error", "UNKNOWN_TOPIC_OR_PARTITION in 100 µs: This broker knows no such topic or partition.", func(o *Op) {
		o.SetCode(3)
		h.after(100 * time.Microsecond)
		o.Stamp(Written)
	})
	f("fsync", "The connection went before the answer, after 2.0 s: for 2.0 s it waited for the disk: fsync.", func(o *Op) {
		o.Stamp(Applied)
		h.after(2 * time.Second)
	})
	f("fsync", "KAFKA_STORAGE_ERROR in 309 ms (The broker's disk is full, or cannot be read or written): the disk took 300 ms: fsync.", func(o *Op) {
		o.SetCode(56)
		passes(Synced, prod...)(o)
	})
}

// What an open operation waits for follows from its last stage.
func TestOpenSaysWhatItAwaits(t *testing.T) {
	h := newHand()
	r := h.recorder(Options{})
	for s := Received; s < Written; s++ {
		o := r.Begin(1, "")
		o.Stamp(s)
		h.after(2 * time.Second)
		rec := r.Open()[0]
		if code, text := rec.Cause(h.now()); code == "" || !strings.HasPrefix(text, "Open for 2.0 s: for 2.0 s it has waited for ") {
			t.Errorf("%s: %s %s", s, code, text)
		}
		o.End(Gone)
	}
}
