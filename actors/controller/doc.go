// Package controller watches over the brokers of a cluster. There is one controller on every broker; it acts while its node leads Raft and
// has contact with most of the voters.
//
// It owns the sessions of brokers, in memory only, and which links of this node are lost. All it decides becomes a command in the Raft log;
// it keeps nothing that the next controller would need.
//
//	idle --this node leads Raft--> active --another leads, or most voters are out of reach--> idle
//
// # Sessions
//
// A broker that is registered sends heartbeats (250 ms) under its broker epoch. One that knows what was decided up to its registration is
// unfenced; one that is silent for a session time-out (2 s) is fenced, and so is one whose link is lost here and at one more broker. A
// controller that begins gives everybody a full session: heartbeats went to its predecessor. Time is counted in ticks of the controller
// itself, so that one that was stopped for a while finds nobody dead.
//
// A broker that wants to shut down is told to when what it leads has moved, as far as it can, and all others have seen that.
//
// # Invariants
//
//   - A heartbeat with another epoch than that of the broker's registration touches no session.
//   - At most one command about a broker is on its way; all of them carry its epoch.
//   - A controller never fences its own broker for silence: it would be the one that is silent.
//   - Every heartbeat is answered, at once.
package controller
