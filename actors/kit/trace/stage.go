package trace

// Stage is a point that an operation passes. The order of the constants is the order of causes: whatever a request does, it passes its
// stages in this order, and the time between two of them belongs to the later one.
type Stage uint8

// The stages. Which of them a request passes depends on its API.
const (
	Received  Stage = iota // its first bytes are here
	Parsed                 // it is read, decoded and checked
	Begun                  // its turn on the connection has come: the handler runs
	Located                // fetch: every partition has said what may be read
	Waiting                // it waits for something outside of the broker's own work: more bytes, other members of a group
	Woken                  // that wait has ended
	Gathered               // fetch: the bytes are here, from the tail or the disk
	Settled                // produce: every partition has accepted or refused its batch
	Taken                  // produce: the writer has put it into a commit
	Applied                // produce: the store has taken the commit
	Synced                 // produce: the commit is on the disk
	Entered                // proposal: it is handed to Raft
	Appended               // proposal: it is durable in the metadata log
	Committed              // proposal: a quorum has it
	Decided                // proposal: the state machine has applied it
	Seen                   // proposal: this broker has taken it up
	Answered               // the answer is known
	Encoded                // the answers before it on the connection are out of the way: it is encoded
	Writing                // the socket is free for it
	Written                // it is on the socket
	NumStages
)

// stageInfo is how a stage is shown.
type stageInfo struct {
	name     string // stable: labels, JSON
	span     string // what happens until this stage is passed, as one reads it in a waterfall
	awaiting Await  // what an operation that has passed this stage last waits for
}

var stages = [NumStages]stageInfo{
	Received:  {"received", "", AwaitBody},
	Parsed:    {"parsed", "read and check the request", AwaitTurn},
	Begun:     {"begun", "wait for its turn on the connection", AwaitHandler},
	Located:   {"located", "partitions say what may be read", AwaitRead},
	Waiting:   {"waiting", "look at what there is", AwaitHandler},
	Woken:     {"woken", "wait", AwaitHandler},
	Gathered:  {"gathered", "read the bytes", AwaitHandler},
	Settled:   {"settled", "partitions check and give offsets", AwaitWriter},
	Taken:     {"taken", "wait for a place in a commit", AwaitStore},
	Applied:   {"applied", "the store takes the commit", AwaitSync},
	Synced:    {"synced", "fsync", AwaitHigh},
	Entered:   {"entered", "wait for a place in the metadata log", AwaitAppend},
	Appended:  {"appended", "the metadata log is written and synced", AwaitQuorum},
	Committed: {"committed", "a quorum confirms", AwaitDecision},
	Decided:   {"decided", "the state machine applies it", AwaitSeen},
	Seen:      {"seen", "this broker takes the change up", AwaitHandler},
	Answered:  {"answered", "make the answer", AwaitOrder},
	Encoded:   {"encoded", "wait for the answers before it", AwaitSocket},
	Writing:   {"writing", "wait for the socket", AwaitClient},
	Written:   {"written", "write to the socket", AwaitNothing},
}

// String is the stable name of a stage.
func (s Stage) String() string { return stages[s].name }

// Span says what happens between the stage before and this one.
func (s Stage) Span() string { return stages[s].span }

// Await is what an open operation waits for.
type Await uint8

// What there is to wait for. The first ones follow from the last stage; those from AwaitBudget on are said by whoever waits.
const (
	AwaitNothing  Await = iota
	AwaitBody           // the client sends the rest of its request
	AwaitTurn           // an earlier request of its connection
	AwaitHandler        // an actor that answers the handler
	AwaitRead           // tail or disk
	AwaitWriter         // a place in a commit
	AwaitStore          // the store takes the commit
	AwaitSync           // fsync
	AwaitHigh           // the high watermark
	AwaitAppend         // the metadata log's write
	AwaitQuorum         // the metadata log's commit
	AwaitDecision       // the state machine
	AwaitSeen           // the node takes the change up
	AwaitOrder          // the answer of an earlier request
	AwaitSocket         // an earlier write to the same socket
	AwaitClient         // the client reads its answers
	AwaitBudget         // memory for requests
	AwaitBytes          // fetch: min.bytes, or its max.wait
	AwaitMembers        // a group: other members join, or its leader assigns
	AwaitDurable        // a group: its change is on the disk
	AwaitTopic          // a topic that is being made
	numAwaits
)

var awaits = [numAwaits]struct{ code, text string }{
	AwaitNothing:  {"", ""},
	AwaitBody:     {"request-body", "the client has not sent the whole request"},
	AwaitTurn:     {"connection-turn", "an earlier request of the same connection"},
	AwaitHandler:  {"handler", "the actors it asks"},
	AwaitRead:     {"read", "record bytes from the tail or the disk"},
	AwaitWriter:   {"commit", "a place in a commit of the writer"},
	AwaitStore:    {"store-apply", "the store to take the commit"},
	AwaitSync:     {"fsync", "the disk: fsync"},
	AwaitHigh:     {"high-watermark", "the high watermark"},
	AwaitAppend:   {"raft-append", "the metadata log to be written"},
	AwaitQuorum:   {"quorum", "the metadata log to be committed"},
	AwaitDecision: {"fsm-apply", "the metadata state machine"},
	AwaitSeen:     {"node-seen", "this broker to take the change up"},
	AwaitOrder:    {"answer-order", "the answer of an earlier request of the same connection"},
	AwaitSocket:   {"socket", "an earlier write to the same socket"},
	AwaitClient:   {"client", "the client, which does not read its answers"},
	AwaitBudget:   {"request-budget", "memory for requests: other requests hold it"},
	AwaitBytes:    {"fetch-min-bytes", "more bytes: fetch.min.bytes or fetch.max.wait.ms"},
	AwaitMembers:  {"rebalance", "the other members of the group"},
	AwaitDurable:  {"group-durable", "the group's change to be durable"},
	AwaitTopic:    {"topic", "a topic that is being made"},
}

// Code is the stable name of what is awaited.
func (a Await) Code() string { return awaits[a].code }

// Text says what is awaited.
func (a Await) Text() string { return awaits[a].text }
