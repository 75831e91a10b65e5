package trace

import (
	"sync/atomic"
	"time"
)

// Op is the record of one request under way. All methods may be called on nil, and from any goroutine.
type Op struct {
	rec  *Recorder
	refs atomic.Int32

	// Set by Begin, before anybody else knows the record; next and prev are guarded by the shard.
	id         uint64
	conn       uint64
	peer       string
	next, prev *Op
	chain      *Op // in Ops; whoever has that

	at      [NumStages]atomic.Int64 // nanoseconds of the recorder's clock, 0: not passed
	request atomic.Uint64           // key, version and correlation id; see SetRequest
	client  atomic.Pointer[string]
	topic   atomic.Pointer[string]
	part    atomic.Int64 // partition in the lower half, the number of partitions in the upper one
	base    atomic.Int64 // offsets: those given to a produce, those read by a fetch; -1: none
	last    atomic.Int64
	in, out atomic.Int64 // bytes
	charged atomic.Int64 // bytes of the requests' memory budget
	tail    atomic.Int32 // reads served from memory
	disk    atomic.Int32 // reads of the store
	code    atomic.Int32
	wait    atomic.Uint32 // Await
	ended   atomic.Uint32 // Await of the last wait that ended
	detail  atomic.Pointer[string]
	since   atomic.Int64 // of a wait for the budget
	budget  atomic.Int64 // nanoseconds of ended waits for the budget
	waited  atomic.Int64 // nanoseconds of ended waits that are meant to be: for AwaitBytes, its own and those it was behind; see ByDesign
	marked  atomic.Bool
}

// Outcome is how an operation ended.
type Outcome uint8

// The outcomes.
const (
	Open   Outcome = iota // it has not ended
	Done                  // answered, and the answer is on the socket
	Silent                // carried out; the client wants no answer (acks=0)
	Gone                  // the connection went before the answer
)

var outcomes = [...]string{"open", "done", "silent", "gone"}

// String is the stable name of an outcome.
func (o Outcome) String() string { return outcomes[o] }

// Now is the clock of its recorder; 0 for nil.
func (o *Op) Now() int64 {
	if o == nil {
		return 0
	}
	return o.rec.now()
}

// Stamp notes that a stage is passed now. A stage that is passed more than once (parts of a request that go different ways) counts the last time.
func (o *Op) Stamp(s Stage) {
	if o != nil {
		o.at[s].Store(o.rec.now())
	}
}

// StampAt notes that a stage was passed at a time of the recorder's clock: one reading for all operations of a commit. 0 notes nothing.
func (o *Op) StampAt(s Stage, t int64) {
	if o != nil && t != 0 {
		o.at[s].Store(t)
	}
}

// StampFirst notes a stage unless it was passed before.
func (o *Op) StampFirst(s Stage) {
	if o != nil && o.at[s].Load() == 0 {
		o.at[s].Store(o.rec.now())
	}
}

// Await says what the operation waits for from now on; Resume ends that. detail may be "": it names who is awaited.
func (o *Op) Await(a Await, detail string) {
	if o == nil {
		return
	}
	if detail != "" {
		d := detail // only now on the heap
		o.detail.Store(&d)
	}
	o.wait.Store(uint32(a))
	if a == AwaitBudget {
		o.since.Store(o.rec.now())
		return
	}
	o.StampFirst(Waiting)
}

// Resume says that what was awaited has come.
func (o *Op) Resume() {
	if o == nil {
		return
	}
	a := Await(o.wait.Load())
	switch a {
	case AwaitNothing:
		return
	case AwaitBudget:
		o.budget.Add(o.rec.now() - o.since.Load())
	case AwaitBytes:
		now := o.rec.now()
		o.waited.Add(now - o.at[Waiting].Load())
		o.at[Woken].Store(now)
	default:
		o.Stamp(Woken)
	}
	if a != AwaitBudget {
		o.ended.Store(uint32(a))
	}
	o.wait.Store(uint32(AwaitNothing))
}

// ByDesign says that for d of what it waited somebody meant it to: it is not slow for that. why names the setting.
func (o *Op) ByDesign(d time.Duration, why string) {
	if o == nil || d <= 0 {
		return
	}
	o.waited.Add(int64(d))
	why = Short(d) + " of it by design: " + why
	o.detail.Store(&why)
}

// Poll is a wait that a client asked for: from and to, by the recorder's clock.
type Poll struct{ from, to int64 }

// Polled is the operation's own such wait that has ended; the zero Poll if there was none.
func (o *Op) Polled() Poll {
	if o == nil || Await(o.ended.Load()) != AwaitBytes {
		return Poll{}
	}
	return Poll{o.at[Waiting].Load(), o.at[Woken].Load()}
}

// BeginBehind notes that the handler begins, on a connection whose last such wait was p. As long as the request waited for its turn because of
// that, it is not slow either: the client asked for it, and asked again on the same connection.
func (o *Op) BeginBehind(p Poll) {
	if o == nil {
		return
	}
	now := o.rec.now()
	o.at[Begun].Store(now)
	if both := min(p.to, now) - max(p.from, o.at[Parsed].Load()); both > 0 {
		o.waited.Add(both)
	}
}

// SetRequest says which request it is.
func (o *Op) SetRequest(key, version int16, correlation int32) {
	if o != nil {
		o.request.Store(uint64(uint16(key))<<48 | uint64(uint16(version))<<32 | uint64(uint32(correlation)))
	}
}

// SetClient names the client by its own words. The string behind the pointer must not change.
func (o *Op) SetClient(id *string) {
	if o != nil {
		o.client.Store(id)
	}
}

// SetTopic names the first of n partitions that the request is about, or with n = 0 what else it is about: a group. The string behind the
// pointer must not change.
func (o *Op) SetTopic(name *string, partition int32, n int) {
	if o != nil {
		o.part.Store(int64(n)<<32 | int64(uint32(partition)))
		o.topic.Store(name)
	}
}

// SetOffsets names the offsets of the first partition, both inclusive.
func (o *Op) SetOffsets(base, last int64) {
	if o != nil {
		o.base.Store(base)
		o.last.Store(last)
	}
}

// SetCode notes an error code of the answer; the first one counts.
func (o *Op) SetCode(code int16) {
	if o != nil && code != 0 && o.code.Load() == 0 {
		o.code.Store(int32(code))
	}
}

// SetIn is the size of the request in bytes.
func (o *Op) SetIn(n int) {
	if o != nil {
		o.in.Store(int64(n))
	}
}

// SetOut is the size of the answer in bytes.
func (o *Op) SetOut(n int) {
	if o != nil {
		o.out.Store(int64(n))
	}
}

// SetCharged is how much of the memory for requests it holds now.
func (o *Op) SetCharged(n int64) {
	if o != nil {
		o.charged.Store(n)
	}
}

// Reads counts reads of record bytes from memory and from the disk.
func (o *Op) Reads(tail, disk int32) {
	if o == nil {
		return
	}
	if tail != 0 {
		o.tail.Add(tail)
	}
	if disk != 0 {
		o.disk.Add(disk)
	}
}

// Mark makes sure that the operation is kept, however it ends.
func (o *Op) Mark() {
	if o != nil {
		o.marked.Store(true)
	}
}

// Hold takes one more reference: for whoever may stamp after the end.
func (o *Op) Hold() {
	if o != nil {
		o.refs.Add(1)
	}
}

// Release gives a reference back. The operation must not be touched afterwards.
func (o *Op) Release() {
	if o != nil && o.refs.Add(-1) == 0 {
		o.reset()
		o.rec.pool.Put(o)
	}
}

// reset makes the record as new. Nobody else knows it: it is not listed any more, and has no reference.
func (o *Op) reset() {
	*o = Op{rec: o.rec}
	o.base.Store(-1)
	o.last.Store(-1)
}

// End ends the operation: its durations go to the histograms, and it is kept if it is worth it. It gives the first reference back.
func (o *Op) End(how Outcome) {
	if o == nil {
		return
	}
	o.rec.end(o, how)
	o.Release()
}

// snapshot copies the record. The caller makes sure that it is not used again meanwhile.
func (o *Op) snapshot() Record {
	r := Record{ID: o.id, Conn: o.conn, Peer: o.peer, Base: o.base.Load(), Last: o.last.Load(), BytesIn: o.in.Load(), BytesOut: o.out.Load(),
		Charged: o.charged.Load(), TailReads: o.tail.Load(), DiskReads: o.disk.Load(), Code: int16(o.code.Load()), Wait: Await(o.wait.Load()),
		WaitedFor: Await(o.ended.Load()), Asked: o.waited.Load(), WaitSince: o.since.Load(), Budget: o.budget.Load()}
	for s := range o.at {
		r.At[s] = o.at[s].Load()
	}
	q := o.request.Load()
	r.Key, r.Version, r.Correlation = int16(q>>48), int16(q>>32), int32(uint32(q))
	r.Client, r.Topic, r.Detail = text(&o.client), text(&o.topic), text(&o.detail)
	p := o.part.Load()
	r.Partition, r.Partitions = int32(uint32(p)), int32(p>>32)
	return r
}

func text(p *atomic.Pointer[string]) string {
	s := p.Load()
	if s == nil {
		return ""
	}
	return *s
}

// Ops are the operations of the answers that go to a socket together. It allocates nothing.
type Ops struct{ first, last *Op }

// Add appends an operation; it may be in one Ops only.
func (l *Ops) Add(o *Op) {
	switch {
	case o == nil:
	case l.last == nil:
		l.first, l.last = o, o
	default:
		l.last.chain = o
		l.last = o
	}
}

// Stamp notes for all of them that a stage is passed now.
func (l *Ops) Stamp(s Stage) {
	if l.first == nil {
		return
	}
	now := l.first.rec.now()
	for o := l.first; o != nil; o = o.chain {
		o.at[s].Store(now)
	}
}

// End ends all of them, and empties the list.
func (l *Ops) End(how Outcome) {
	for o := l.first; o != nil; {
		next := o.chain
		o.End(how)
		o = next
	}
	*l = Ops{}
}
