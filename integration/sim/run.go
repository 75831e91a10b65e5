package sim

import (
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// A run that does less than this proves little, and fails.
const (
	leastMessages = 1000
	leastAcked    = 20
)

// Result is how a run ended.
type Result struct {
	Totals Totals
	Hash   uint64   // of the trace: the same seed must give the same
	Err    error    // nil: nothing is wrong
	Trace  []string // the last lines
}

// Run makes one run. It owns the process's randomness and slabs meanwhile, so runs must not be parallel.
func Run(o Options) Result {
	was := cryptorand.Reader
	cryptorand.Reader = chance{rand.New(rand.NewPCG(o.Seed, 1))} // Raft draws its election time-outs from it
	defer func() { cryptorand.Reader = was }()
	storage.PoisonSlabs(true)
	defer storage.PoisonSlabs(false)
	var w interface {
		play()
		totals() Totals
		Hash() uint64
		Err() error
	}
	var trace *kitsim.Trace
	if o.Nodes > 1 {
		t := newTown(o)
		w, trace = t, &t.Trace
	} else {
		x := newWorld(o)
		w, trace = x, &x.Trace
	}
	trace.Keep(50)
	w.play()
	r := Result{Totals: w.totals(), Hash: w.Hash(), Err: w.Err(), Trace: trace.Lines()}
	var f *kitsim.Failure
	if errors.As(r.Err, &f) {
		r.Trace = f.Trace
	}
	return r
}

// chance is a reader of seeded bytes.
type chance struct{ r *rand.Rand }

// Read implements io.Reader.
func (c chance) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c.r.Uint32())
	}
	return len(b), nil
}

var _ io.Reader = chance{}

// play is the whole run: trouble, then rest, then the reckoning.
func (w *World) play() {
	w.cast()
	w.start()
	lives := 2 + w.IntN(7)
	for i := range lives {
		w.trouble()
		target := w.Stats().Messages + uint64(w.IntN(1<<(4+w.IntN(10))))
		w.RunUntil(20*time.Second, func() bool { return w.Stats().Messages >= target || !w.node.Up() })
		w.calm()
		if w.Chance(.3) || w.filled {
			w.heal()
		}
		w.end(i == 0 || w.failing || w.Chance(.8))
		if w.Chance(.5) {
			w.Run(time.Duration(w.IntN(int(2 * time.Second))))
		}
		if w.Err() != nil {
			return
		}
		w.start()
	}
	w.rest()
	if w.Err() != nil {
		return
	}
	w.reckon()
}

func (w *World) end(crash bool) {
	if w.Err() != nil {
		return
	}
	if crash {
		w.crash()
		return
	}
	w.stop()
}

// rest: the faults have ended. The broker must come into service, and every client finish.
func (w *World) rest() {
	done := func() bool {
		for _, c := range w.clients {
			if !c.done() {
				return false
			}
		}
		return w.broker.Ready
	}
	if !w.RunUntil(2*time.Minute, done) && w.Err() == nil {
		state := ""
		for _, s := range w.broker.Steps.Get() {
			if !s.Done {
				state += fmt.Sprintf("\n  start: %q waits for %s", s.Name, s.WaitsFor)
			}
		}
		w.Fail("two minutes after the last fault there are clients that wait:%s%s", w.waiting(), state)
	}
}

// reckon kills the broker a last time and compares what is there afterwards with everything that was promised.
func (w *World) reckon() {
	w.clients = nil
	w.crash()
	w.start()
	caught := func() bool { return w.broker.Ready && w.broker.Published.Get().Image.Index() >= w.cluster.acked }
	if !w.RunUntil(time.Minute, caught) {
		w.failIfWell("the broker does not serve a minute after its last start")
		return
	}
	w.Run(2 * time.Second) // what nobody names is dropped meanwhile
	if err := w.checkStore(); err != nil {
		w.Fail("%v", err)
		return
	}
	for _, a := range w.ledger.order {
		if err := w.settle(a); err != nil {
			w.failIfWell("at the end: %v", err)
			return
		}
	}
	w.stop()
	t := w.totals()
	switch {
	case w.Err() != nil:
	case t.Messages < leastMessages || t.Acked < leastAcked || t.Crashes < 1:
		w.Fail("this seed does too little to prove anything: %s", t)
	}
}

func (w *World) failIfWell(format string, args ...any) {
	if w.Err() == nil {
		w.Fail(format, args...)
	}
}

// settle reads a whole partition, from the actor its bounds and from the store its bytes.
func (w *World) settle(a *account) error {
	view := w.broker.Published.Get()
	t := view.Image.TopicByID(a.topic)
	if a.gone || len(a.sent) == 0 && t == nil {
		return nil
	}
	if t == nil || int(a.index) >= len(t.Partitions) {
		return fmt.Errorf("%s is not in the image", a)
	}
	id := t.Partitions[a.index].ID
	at, ok := kitsim.Ask[partition.Located](w.Sim, time.Minute, func(to *kit.Ref) {
		view.Partition(id).Tell(&partition.Locate{Ask: kit.Ask{ReplyTo: to}, Timestamp: -2, LeaderEpoch: -1})
	})
	if !ok || at.Code != code.OK {
		return fmt.Errorf("%s: no log start: %v %s", a, ok, at.Code)
	}
	r, ok := kitsim.Ask[partition.Readable](w.Sim, time.Minute, func(to *kit.Ref) {
		view.Partition(id).Tell(&partition.Read{Ask: kit.Ask{ReplyTo: to}, Offset: at.Offset, LeaderEpoch: -1, LastEpoch: -1})
	})
	if !ok || r.Code != code.OK {
		return fmt.Errorf("%s: cannot be read at its start %d: %v %s", a, at.Offset, ok, r.Code)
	}
	if err := a.look(r.High, r.Start, a.marks()); err != nil {
		return err
	}
	l := log{start: r.Start, end: r.High}
	for at := l.start; at < l.end; {
		got, err := w.broker.Data.Read(id, at, l.end, 1<<20, true)
		if err != nil || len(got.Data) == 0 {
			return fmt.Errorf("%s: the store has nothing at offset %d of [%d, %d): %v", a, at, l.start, l.end, err)
		}
		err = eachBatch(got.Data, func(b record.Batch) error {
			recs, bad := record.Records(slices.Clone(b))
			if bad != nil {
				return fmt.Errorf("%s: the batch at offset %d cannot be read: %s", a, at, bad.Message)
			}
			l.recs = append(l.recs, recs...)
			at = b.LastOffset() + 1
			return nil
		})
		got.Release()
		if err != nil {
			return err
		}
	}
	return a.settle(l)
}

// EveryPebble is how often a seed runs on the real engines.
const EveryPebble = 50

// OptionsOf are the options of a seed.
func OptionsOf(seed uint64) Options {
	o := Options{Seed: seed, Pebble: seed%EveryPebble == 0}
	if seed%EveryCluster == EveryCluster-1 {
		switch {
		case seed%11 == 0:
			o.Nodes = 2
		case seed%7 == 0:
			o.Nodes = 4
		default:
			o.Nodes, o.Grows = 3, seed%5 == 0
		}
		o.Groups = seed%16 == 11
	}
	return o
}

// EveryCluster is how often a seed runs a cluster: never one on the real engines.
const EveryCluster = 4
