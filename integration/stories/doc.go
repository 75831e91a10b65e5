// Package stories tells of whole simulated brokers, command by command: what a client asks, and what it hears. The brokers are those of
// integration/sim, without chance: time stands still between commands, and a network that nobody slows down takes none. Stories are in testdata;
// go test -rewrite records them anew, and the diff is the review.
//
// # One broker
//
// testdata/broker: a start, a crash, a full disk; the faults that this project was born from, and what the doctor says of them.
//
// # Several brokers
//
// testdata/cluster: two to four brokers with their links, Raft group, controllers and replicas, each on a disk of its own. A story tells who
// asks for which change of the cluster (metadata <- Propose), what the cluster has decided, by the first broker that knows it (node <- Changed),
// what brokers log, and what the client is answered; each with the time since the command, if it was not at once. Heartbeats and Raft's own
// messages are left out; a story that is about others names them (hear). The commands:
//
//	cluster 3                 founders on empty disks, started and in service; commands in the lines below are done without a word. up=no: not started
//	start n1 n2, kill n1      kill takes the power away, of all that are named at the same moment
//	shutdown n1               in order
//	join n4                   an empty disk gets a place; of a node that is there: in its stead
//	cut n1, cut n1 n2, cut n1->n2, mend, latency 20ms, disk n1 slow=1s, advance 1s
//	topic orders replicas=1,2,3 min=2, delete, reassign orders-0 to=2,3, elect orders-0 [unclean], unregister n1, remove n1, voter n1 no
//	auto NAME at=n1,n2        asks for a topic that nobody has made, at several brokers in the same moment
//	produce orders-0 a b, fetch orders-0 a b, watch orders-0 from=2, commit GROUP orders-0 7, committed GROUP orders-0 7
//	beat n3 run=1, alter      what comes late: a heartbeat, an AlterPartition of an earlier run or reign
//
// The client asks the leader, or who at= names. A recorded text alone proves nothing, for a wrong one is recorded as readily: so each of these
// insists on NONE, or the code that want= names, fetch on the records that it reads, and until and expect on what is so in the end (see look). None
// of that is rewritten, and a story that insists on nothing fails.
package stories
