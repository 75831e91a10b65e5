// Package raftnode runs one Raft group, the one that the cluster's metadata goes through, as two actors around etcd's RawNode with
// asynchronous storage writes.
//
// The raft actor owns the RawNode and the view of the log (logView, the library's Storage). The log actor makes entries and hard state
// durable, many at a time. The third party is the state machine (the metadata actor, one floor up), which applies committed entries and is
// the only one who proposes.
//
//	metadata --Enter--> raft --write--> log --Meta.Append, fsync--> written --> log --appended--> raft
//	                     raft --Apply--> metadata --Applied--> raft
//	                     raft --peer.Send--> peer/n ~~~ peer/n of another node --peer.Received--> raft there
//	metadata --peer.Ask--> peer/n ~~~ the leader's raft: a proposal of a node that does not lead
//
// Who is in the group follows from the nodes of the cluster (Members): the leader makes all of them learners, and the largest odd number up to
// Options.Voters voters, one change at a time (membership_core.go). When the link to the leader breaks, its followers forget it and stand for
// election by rank (failover.go); the election timeout is only for what breaks no link.
//
// Rules, each with what happens when it is broken:
//
//   - A write's responses are stepped when it is durable, all of them, in order, those to this node too. Otherwise a leader never counts its
//     own vote or acknowledgement: entries are persisted and never committed.
//   - Every Apply is answered by Applied, in order. Otherwise the library stops handing out committed entries once
//     maxCommittedSizePerReady bytes of them are unanswered: entries are committed and never applied.
//   - A conf change is given to the RawNode before the response of the batch that holds it. Otherwise joint configurations are not left.
//   - The view moves only when a write is durable, so no reader of the log is ever shown an entry that a crash could take back.
//   - A write is synced iff it holds entries or changes term or vote. A mere commit index may be lost: it is learnt again.
//   - What got lost on its way to another node is told to the library (ReportUnreachable, ReportSnapshot). Otherwise a leader streams on to
//     who never got the beginning, or waits for ever for a snapshot to arrive.
//   - What comes in is checked before the library sees it (readMessage), and a command before it is in the log: every node must be able to
//     read it.
//   - Nobody waits for a leader. Both actors run as soon as they are spawned; what is proposed before there is a leader comes back as
//     Dropped, and is tried again by the proposer.
//
// None of the three may be restarted: a panic or a failed write ends the process, for a message lost in between stalls the group for ever.
//
// States of the raft actor: follower, pre-candidate, candidate, leader (the library's). Of the log actor: idle, writing, installing.
package raftnode
