// Package kit is what every actor stands on: spawning, mailboxes, names, timers, the pool for short blocking work,
// blockers for long-lived blocking work, counters, traces, the flight recorder and invariants. It is the only package
// that knows protoactor, which keeps the lifecycle, the registry and the supervision; mailboxes are our own.
//
// # What an actor may rely on
//
//   - Receive gets one message at a time: first Started, last Stopping, in the order in which each sender sent them.
//   - Tell never blocks. TryTell reports a full mailbox. A message to an actor that has stopped is dropped; an ask
//     (a Refuser) is refused, in the goroutine of the sender or of the actor that stops.
//   - Stop works off what is queued, then Stopping, then refuses what came behind, then frees the name, and only then
//     tells the notification. A second Stop is harmless and is notified too.
//   - Context and its Ref stay the same for the actor's whole life. Context is safe for any goroutine.
//   - Nothing is ever restarted: state is never lost behind an actor's back.
//
// # What it costs
//
// A mailbox is a double-buffered slice: senders append under a short lock, the consumer takes all of it at once. A hop
// allocates nothing. A mailbox's goroutine waits between batches and ends after some idle seconds (one janitor per
// system looks after that, there is no timer per wait); the next message starts another. Buffers that a burst made
// large are given back. An idle actor is a few hundred bytes.
//
// Counters are kept per batch. One message in 64 is timed, and every message of an actor that is slow, so a hot actor
// shows within a message or two. A Tracer sees every message; without one, that is an atomic load per message and batch.
//
// # Panics
//
// A panic in an actor dumps the flight recorder (the last message types, the mailbox depth, the stack, the busiest
// other actors; never a payload) and ends the process: its state may be half changed, and nothing may be built on that.
// Only an actor with Options.MayDie stops alone. Its Stopping is not run, because it would work on broken state; what
// it holds outside of itself (a socket) it gives back in Crashed, if it implements Crasher.
package kit
