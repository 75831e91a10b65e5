package kit

import (
	"log/slog"
	"time"
)

// Actor is the behaviour of one actor. Receive is called with one message at a time, never concurrently.
// The first message is Started, the last Stopping.
type Actor interface {
	Receive(c Context, m any)
}

// System is all that an actor sees of the world: who is there, what time it is, and who does blocking work.
// The real one is made by New, the simulated one by kit/sim.
type System interface {
	// Spawn starts an actor under a name that no living actor has (a second use is an invariant failure).
	Spawn(name string, a Actor, o Options) *Ref
	// Lookup finds a living actor by name; nil if there is none.
	Lookup(name string) *Ref
	// Stop lets r work off what is queued, hands it Stopping, refuses what came after, and then,
	// if notify is not nil, tells notify m.
	Stop(r *Ref, notify *Ref, m any)
	// Now is the wall clock.
	Now() time.Time
	// After tells to m when d has passed, unless the timer was stopped before.
	After(to *Ref, d time.Duration, m any) Timer
	// Go runs fn on the bounded pool for short blocking work and tells to what it returns (nothing if nil).
	Go(to *Ref, fn func() any)
	// Blocker makes a goroutine of its own for long-lived blocking work of the actor owner.
	Blocker(owner *Ref, name string) Blocker
	// Rand is a random number; seeded in the simulator.
	Rand() uint64
	// Log is the structured log. Static messages, one line per change of state, nothing on the hot path.
	Log() *slog.Logger
	// Fatal ends the process: it logs the reason, dumps the flight recorder and exits with ExitFatal.
	Fatal(reason string, attrs ...any)
}

// Context is what Receive gets: the system, and who is running.
type Context interface {
	System
	// Self is the running actor.
	Self() *Ref
}

// Timer is a pending After.
type Timer interface {
	// Stop prevents the message; it reports false if it was sent already.
	Stop() bool
}

// Blocker runs functions one after the other, in the order of Do, on a goroutine that belongs to one actor.
// What a function returns is told to the owner (nothing if nil).
type Blocker interface {
	Do(fn func() any)
	// Close ends the goroutine when the queue is worked off.
	Close()
}

// Afresh is returned by a Blocker's function that is going to wait, perhaps for hours: Fn runs next, before what is queued, on a goroutine
// whose stack is small again. What the work before it needed of stack would otherwise stay for as long as the wait.
type Afresh struct{ Fn func() any }

// Then is returned by a Blocker's function that goes on with another one: Fn runs next, before what is queued. It saves the way through the
// owner's mailbox and the waking of another goroutine, and is two steps to the simulator all the same.
type Then struct{ Fn func() any }

// Options of a spawned actor.
type Options struct {
	// Kind groups actors in metrics and traces: partition, conn, writer, ...; "" = the name up to the first '/'.
	Kind string
	// Limit bounds the messages that TryTell accepts; 0 = DefaultLimit. Tell is not bounded by it: answers and
	// completions use Tell and are bounded by the outstanding asks.
	Limit int
	// MayDie: a panic stops this actor alone. Without it a panic ends the process. See Crasher.
	MayDie bool
}

// Crasher is implemented by an actor with MayDie that holds something outside of itself, such as a socket. After a
// panic Crashed is called once in place of Stopping. The actor's state may be half changed, so Crashed only closes and
// never releases what is counted: a leak is harmless, a double release is not.
type Crasher interface {
	Crashed(c Context, reason any)
}

// DefaultLimit bounds a mailbox whose Options name none.
const DefaultLimit = 4096

// Started is an actor's first message.
type Started struct{}

// Stopping is an actor's last message: it answers all who wait, with a retriable code.
type Stopping struct{}

// Refuser is implemented by every ask. Refuse answers the asker with a retriable code; the kit calls it for
// messages that reached an actor that had stopped.
type Refuser interface{ Refuse() }

// Answer is implemented by every answer, by embedding the pointer to the ask: it carries the asker's slot back.
type Answer interface{ AskSlot() uint64 }

// Ask is embedded in messages that expect exactly one answer.
type Ask struct {
	ReplyTo  *Ref
	Slot     uint64 // the asker's own mark
	answered bool
}

// AskSlot is the asker's own mark.
func (a *Ask) AskSlot() uint64 { return a.Slot }

// Answered reports whether Reply was called. Only for the owner of the ask, and for the kit.
func (a *Ask) Answered() bool { return a.answered }

func (a *Ask) base() *Ask { return a }

// AskOf is the Ask that m embeds, directly or through the ask it answers; nil if there is none.
func AskOf(m any) *Ask {
	if a, ok := m.(interface{ base() *Ask }); ok {
		return a.base()
	}
	return nil
}

// Reply sends the one answer. A second one is an invariant failure.
func (a *Ask) Reply(answer any) {
	Invariant(!a.answered, "BUG: second answer %T", answer)
	a.answered = true
	if a.ReplyTo != nil {
		a.ReplyTo.Tell(answer)
	}
}

// Inspect asks any actor for its state, for people and tools.
//
// From: admin. Answer: Inspected.
type Inspect struct{ Ask }

// Refuse answers that the actor is gone.
func (i *Inspect) Refuse() { i.Reply(Inspected{Inspect: i}) }

// Inspected is what an actor says of itself: a few fields in a fixed order.
type Inspected struct {
	*Inspect
	State  string // one word: running, loading, leader, ...
	Fields []Field
}

// Field is one line of an Inspected.
type Field struct {
	Name  string
	Value any
}
