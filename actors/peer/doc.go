// Package peer carries messages between brokers: one link per other broker, each with three lanes.
//
// # Who is who
//
// The actor peers owns the peer address: it shakes hands with whoever connects, and only who has shown the secret and belongs to the same
// cluster gets any further. A link (peer/<node>) owns all that goes to and comes from one node. A visit is one question to an address, by
// who does not know yet, or is not yet, a node of a cluster; a guest is its counterpart at the side that is visited.
//
// # Sessions
//
// A session is one TCP connection per lane, of which none waits for another: a snapshot on bulk never delays a heartbeat on control. It
// lives and dies as a whole. Both sides may dial, for either may be the one that knows the other's address. The side with the lower node id
// decides which session works, and says so by its first frame (go); the other waits for that word. It drops a session that seems to work
// for a new one only if the new one comes from another run of the broker, or from one that has known the old one as up and so has lost it
// (hello.last): two that dial each other at the same moment keep the first of the two. States of a link, as its Status says:
//
//	waiting --dial or joined--> dialling --all connections, go--> up --error, silence--> waiting
//
// Both sides send something on every lane with each pulse (200 ms). Five pulses without a byte on any of them end the session. Pulses are
// counted, not time: a broker that was stopped itself finds nobody dead. Pauses between dials double up to 1.5 s, half of it by chance;
// a new address, or a connection from the other side, ends them.
//
// # What is promised
//
//   - In order on a lane, once or never. What did not leave is told: Dropped for a Send (Unreachable, Full, TooLarge, or Lost when the link
//     broke while it was written). What left and was lost with the link shows only as Down.
//   - Up comes before the first Received of a session, Down after the last, at every actor that registered.
//   - An Ask is answered exactly once, whatever happens. Reason.Maybe says whether the other side may have acted on it.
//   - Each lane's queue is bounded by bytes. A message that finds it full is dropped and never waits; who was told Full is told Drained when
//     half is free. Append and bulk keep to the credit of the receiver, which gives it when Received.Done is called: what one link can make
//     another broker hold is bounded by the windows. A frame that is larger than a window travels when nothing else is under way.
//   - Bytes of parts are not copied: they are written from the sender's slabs, and read into a slab that the storage engine can commit as it
//     is. Each part's reference is given back when the part was written or lost.
//
// # What is not
//
// The secret proves who is there when a connection is made; it encrypts nothing, and does not protect the bytes behind the handshake from
// somebody who can change packets. TLS does both: with certificates (NewSockets) each side must show one of an authority that the other trusts,
// before the handshake begins. Either keeps strangers out; with both, a stolen key is not enough.
//
// # Invariants
//
//   - Nothing of a stranger is parsed before its proof is checked; all it can make us do is read 589 bytes within two seconds.
//     Strangers are bounded, and the oldest makes room for the newest.
//   - A frame is checked against all bounds before memory is taken for it, and against its checksum before anybody sees it. One wrong frame
//     ends the session.
package peer
