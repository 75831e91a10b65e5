package api

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/raftnode"
	"troupe/storage"
)

// Env is what handlers work with. One per broker, shared by all connections, immutable once Spawn has
// completed it.
type Env struct {
	Metadata  *kit.Ref // told raftnode.Propose
	Peers     *kit.Ref // the links to other brokers; nil: there are none
	Writer    *kit.Ref
	Published *node.Published
	Data      storage.Data
	Tail      *storage.Tail
	Lending   *storage.Lending // bounds what fetches have under way
	NodeID    int32
	ClusterID func() string
	// DataDir is the folder of the data store, as clients are told it.
	DataDir string
	// Quorum is the state of the metadata log on this node, and Controller the address for those who keep it with us.
	Quorum     func() raftnode.Status
	Controller meta.Endpoint
	// Static holds the broker's own configuration by Kafka's property names (flags, file, --set).
	Static map[string]string
	// LogLevel is the level of the broker's log, which clients may change (KIP-412); nil if it is fixed.
	LogLevel *slog.LevelVar

	// What Spawn adds, shared by all connections.
	Sessions    *Sessions    // fetch sessions (KIP-227)
	TopicMaker  *kit.Ref     // told EnsureTopics
	ProducerIDs *kit.Ref     // told NextProducerID
	waiting     atomic.Int64 // partitions that large fetches wait for
	joining     atomic.Int64 // bytes of JoinGroup and SyncGroup requests that wait for their groups
}

// Call is one request in flight. It lives inside its connection's actor: the handler runs there, answers arrive there.
// A handler either calls Respond at once, or sends asks (see Ask, After, Go) and sets Next to what handles their answers.
type Call struct {
	Env   *Env
	Sys   kit.Context // valid during the handler and during Next only
	Conn  *Conn
	View  *node.View // taken once, at the beginning
	Table []Entry    // what this door serves; ApiVersions tells it

	Key, Version  int16
	CorrelationID int32
	ClientID      *string
	Req           kmsg.Request    // nil for Produce, which is streamed, and for ApiVersions in a version that is not known
	Produce       *ProduceRequest // only for Produce
	Op            *trace.Op       // its record; the handler says what it is about, what it waits for, and what it answers

	// Slot marks answers to this call; put it into every ask.
	Slot uint64
	// Forwarded says that another broker has passed the call on, because this one leads the metadata log: it is not passed on again.
	Forwarded bool
	// Next is called with every answer, until Respond.
	Next func(c *Call, answer any)
	// OnClose, if set, is called once when the connection has gone before the answer. What the call waits for should be
	// called off, and the call still ends by Respond, Silent or Disconnect; its answer is dropped.
	OnClose func(c *Call)

	done  Completion
	ended bool
}

// Conn is what handlers may know of their connection.
type Conn struct {
	ID             uint64
	RemoteHost     string
	Listener       string
	ClientSoftware string
	ClientVersion  string
}

// Completion is how a call ends; the connection implements it. Exactly one of its methods is called, once.
type Completion interface {
	// Rest gives back what the call is charged as a request, before its end; see Call.Rest.
	Rest()
	// Detach takes over what the call is charged: what is returned gives it back, from any goroutine, the first time it is called.
	Detach() (give func())
	// Respond answers with resp; the connection writes answers in the order of the requests.
	Respond(resp Response)
	// Silent ends a call without an answer (acks=0).
	Silent()
	// Disconnect closes the connection without an answer, with a reason for the log.
	Disconnect(reason string)
}

// Response is an answer: a kmsg response, or for Fetch its own encoding with slabs.
type Response interface {
	// AppendTo encodes the body (header excluded). Big byte ranges may be returned as further buffers, to be written in
	// order after b; release, if not nil, is called exactly once: when they have been written, or never will be.
	AppendTo(b []byte) (head []byte, rest [][]byte, release func())
}

// Streamed is a Response whose body is made piece by piece while it is written: it may be large and its client slow. One goroutine at a time
// uses it.
type Streamed interface {
	Response
	// Size is the length of the whole body. It is asked before Next.
	Size() int
	// Held is about how many bytes of memory it keeps until it is written, what is shared aside.
	Held() int
	// Next appends the next piece of the body, some ten kilobytes; nothing at its end.
	Next(b []byte) []byte
}

// Start runs the handler of e for c, whose end is told to done.
func (c *Call) Start(e *Entry, done Completion) {
	c.done = done
	if c.Op != nil && c.Req != nil && e.Key != int16(kmsg.Fetch) {
		about(c)
	}
	e.Handle(c)
}

// Ended says whether the call has its answer. Answers to its asks that arrive later do not reach Next.
func (c *Call) Ended() bool { return c.ended }

// Respond answers with resp, in the version of the request.
func (c *Call) Respond(resp kmsg.Response) {
	resp.SetVersion(c.Version)
	if c.Op != nil {
		c.Op.SetCode(codeOf(resp))
	}
	c.Send(Encoded(resp))
}

// Send answers with a response that encodes itself.
func (c *Call) Send(resp Response) { c.end(); c.done.Respond(resp) }

// Rest says that from now on the call only waits, for something that may take long, and that it has let go of what its request
// brought: the memory of requests is free for others. What it keeps while it waits must be bounded elsewhere.
func (c *Call) Rest() { c.done.Rest() }

// Silent ends the call without an answer.
func (c *Call) Silent() { c.end(); c.done.Silent() }

// Disconnect closes the connection instead of answering; reason is for the log.
func (c *Call) Disconnect(reason string) { c.end(); c.done.Disconnect(reason) }

func (c *Call) end() {
	kit.Invariant(!c.ended, "BUG: second answer to a request of key %d", c.Key)
	c.ended, c.Next, c.OnClose = true, nil, nil
}

// Ask is what an ask embeds so that its answer comes to this call's Next.
func (c *Call) Ask() kit.Ask { return kit.Ask{ReplyTo: c.Sys.Self(), Slot: c.Slot} }

// Propose asks the metadata log for a change; the answer, raftnode.Proposed, comes to Next. The call's record sees it through.
func (c *Call) Propose(cmd meta.Command, timeout time.Duration) {
	c.Op.Hold()
	c.Env.Metadata.Tell(&raftnode.Propose{Ask: c.Ask(), Cmd: cmd, Timeout: timeout, Op: c.Op})
}

// After calls Next with m when d has passed, unless the timer is stopped or the call has ended.
func (c *Call) After(d time.Duration, m any) kit.Timer {
	return c.Sys.After(c.Sys.Self(), d, Event{c.Slot, m})
}

// Go runs fn on the pool for short blocking work and calls Next with what it returns. If the call has ended by then, and
// the result has a method Release, that is called instead.
func (c *Call) Go(fn func() any) {
	slot := c.Slot
	c.Sys.Go(c.Sys.Self(), func() any { return Event{slot, fn()} })
}

// Event brings something of a call's own back to it: a timer, the result of blocking work.
//
// From: the conn's own call (see After, Go).
type Event struct {
	Slot  uint64
	Value any
}

// AskSlot implements kit.Answer.
func (e Event) AskSlot() uint64 { return e.Slot }

// Deliver hands an answer to the call. One that comes after the end is dropped, and released if it can be.
func (c *Call) Deliver(answer any) {
	if e, ok := answer.(Event); ok {
		answer = e.Value
	}
	if c.Next != nil && !c.ended {
		c.Next(c, answer)
		return
	}
	Drop(answer)
}

// Drop releases an answer that nobody takes.
func Drop(answer any) {
	if e, ok := answer.(Event); ok {
		answer = e.Value
	}
	if r, ok := answer.(interface{ Release() }); ok {
		r.Release()
	}
}
