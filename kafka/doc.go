// Package kafka is the door for Kafka clients: listeners, connections, framing, and the bounds on what a stranger may cost.
//
//   - door (one actor) owns the listeners, counts connections, and spawns a conn for each.
//   - conn (one actor per connection) owns the socket, the calls in flight and the order of their answers. It may die alone.
//   - a conn's reader (a kit.Blocker) reads one frame per ask: small requests whole, Produce field by field off the socket,
//     with record batches straight into slabs. Its writer (another) writes what is ready.
//
// States of a conn: open -> closing (no more frames are read; what was read is finished) -> gone.
//
// Invariants: answers go out in the order of the requests. A call other than Produce begins when all earlier ones of its
// connection have ended. Bytes of requests are charged to one budget of all connections from when memory is taken for them
// until their call has ended; memory grows with what has arrived, never with what a client claims. A connection that does not read its answers
// stops being read itself, and costs nobody else anything.
package kafka
