package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/node"
	"troupe/storage"
)

// Env is what handlers work with. One per broker, shared by all connections, immutable.
type Env struct {
	Metadata  *kit.Ref // told raftnode.Propose
	Writer    *kit.Ref
	Published *node.Published
	Data      storage.Data
	Tail      *storage.Tail
	NodeID    int32
	ClusterID func() string
	// Static holds the broker's own configuration by Kafka's property names (flags, file, --set).
	Static map[string]string
	// Advertised is what Metadata tells about a broker that is this one before it is registered.
	Sessions *Sessions // fetch sessions (KIP-227), shared by all connections
}

// Call is one request in flight. It lives inside its connection's actor: the handler runs there, answers arrive there.
// A handler either calls Respond at once, or sends asks with Self and Slot and sets Next to what handles their answers.
type Call struct {
	Env  *Env
	Sys  kit.Context // valid during the handler and during Next only
	Conn *Conn
	View *node.View // taken once, at the beginning

	Key, Version  int16
	CorrelationID int32
	ClientID      *string
	Req           kmsg.Request    // nil for Produce, which is streamed
	Produce       *ProduceRequest // only for Produce
	Received      time.Time

	// Slot marks answers to this call; put it into every ask.
	Slot uint64
	// Next is called with every answer, until Respond.
	Next func(c *Call, answer any)

	done Completion
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
	// order after b; release is called when they have been written.
	AppendTo(b []byte) (head []byte, rest [][]byte, release func())
}
