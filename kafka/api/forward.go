package api

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/peer"
)

// Some requests only the leader of the metadata log can answer, for only it knows how far the others are. Any broker takes them, as with Kafka,
// and passes them on: what a client sent goes there as it is, and the answer comes back as it is.

const (
	// ForwarderName is the name of the actor that answers what other brokers pass on.
	ForwarderName = "forwarder"
	// maxForwarded is how many requests of other brokers are under way here; those beyond are refused.
	maxForwarded = 100
	// forwardHead is the length of what precedes a request: key and version.
	forwardHead = 4
	// forwardTimeout is how long an answer of the leader is waited for.
	forwardTimeout = 30 * time.Second
)

// forLeader are the keys that are passed on to the leader of the metadata log.
var forLeader = []kmsg.Key{kmsg.DescribeQuorum, kmsg.AddRaftVoter, kmsg.RemoveRaftVoter}

// atLeader has the leader of the metadata log answer: here, if that is this broker, or if nobody can be asked. failed is called when the one
// that was asked did not answer; maybe says that it may have done what was asked all the same.
func (c *Call) atLeader(here func(), failed func(maybe bool)) {
	leader := c.Env.Quorum().LeaderNode()
	if c.Forwarded || c.Env.Peers == nil || leader < 0 || leader == c.Env.NodeID {
		here()
		return
	}
	head := binary.BigEndian.AppendUint16(nil, uint16(c.Key))
	head = binary.BigEndian.AppendUint16(head, uint16(c.Version))
	c.Next = func(c *Call, answer any) {
		m, ok := answer.(peer.Answered)
		if !ok {
			return
		}
		resp := kmsg.ResponseForKey(c.Key)
		resp.SetVersion(c.Version)
		if m.Reason != peer.OK || resp.ReadFrom(m.Head) != nil {
			failed(m.Reason.Maybe())
			return
		}
		c.Respond(resp)
	}
	c.Env.Peers.Tell(&peer.Ask{Ask: c.Ask(), To: leader, Kind: peer.KindForward, Head: c.Req.AppendTo(head), Timeout: forwardTimeout})
}

// forwarder answers requests that other brokers pass on. Each is a call as a connection has them.
//
// It owns the calls under way. It has one state. Invariant: a call is in calls until it has ended, and its ask is answered then.
type forwarder struct {
	env   *Env
	calls map[uint64]*forwarded
	slots uint64
}

func newForwarder(e *Env) *forwarder { return &forwarder{env: e, calls: map[uint64]*forwarded{}} }

// forwarded is a call that another broker has passed on, and how it ends.
type forwarded struct {
	*Call
	by    *forwarder
	asked *peer.Asked
}

// Receive implements kit.Actor.
func (a *forwarder) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		a.env.Peers.Tell(peer.Register{Kind: peer.KindForward, To: c.Self()})
	case *peer.Asked:
		a.onAsked(c, m)
	case *peer.Received:
		m.Done() // nothing comes that way
	case peer.Up, peer.Down: // who asks is answered over the link that it asked by
	case *kit.Inspect:
		m.Reply(kit.Inspected{Inspect: m, State: "running", Fields: []kit.Field{{Name: "calls", Value: len(a.calls)}}})
	case kit.Answer:
		a.onAnswer(c, m)
	case kit.Stopping:
		a.onStopping()
	}
}

func (a *forwarder) onAsked(c kit.Context, m *peer.Asked) {
	req, e := readForwarded(m.Head)
	if req == nil || len(a.calls) >= maxForwarded {
		m.Refuse()
		return
	}
	a.slots++
	f := &forwarded{by: a, asked: m}
	f.Call = &Call{Env: a.env, Sys: c, Conn: &Conn{}, View: a.env.Published.Get(), Table: Table, Key: e.Key, Version: req.GetVersion(), Req: req,
		Slot: a.slots, Forwarded: true}
	a.calls[f.Slot] = f
	f.Start(e, f)
}

// readForwarded reads a request as it was passed on; nil if it is none that is answered here.
func readForwarded(b []byte) (kmsg.Request, *Entry) {
	if len(b) < forwardHead {
		return nil, nil
	}
	key, version := int16(binary.BigEndian.Uint16(b)), int16(binary.BigEndian.Uint16(b[2:]))
	e := Find(Table, key)
	if e == nil || !e.Serves(version) || !slices.Contains(forLeader, kmsg.Key(key)) {
		return nil, nil
	}
	if _, err := Walk(key, version, b[forwardHead:]); err != nil {
		return nil, nil
	}
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	if req.ReadFrom(b[forwardHead:]) != nil {
		return nil, nil
	}
	return req, e
}

func (a *forwarder) onAnswer(c kit.Context, m kit.Answer) {
	if f := a.calls[m.AskSlot()]; f != nil {
		f.Sys = c
		f.Deliver(m)
		return
	}
	Drop(m)
}

func (a *forwarder) onStopping() {
	for _, slot := range slices.Sorted(maps.Keys(a.calls)) {
		a.calls[slot].asked.Refuse()
	}
	clear(a.calls)
}

// Rest implements Completion: nothing is charged here.
func (f *forwarded) Rest() {}

// Detach implements Completion.
func (f *forwarded) Detach() (give func()) { return func() {} }

// Respond implements Completion.
func (f *forwarded) Respond(resp Response) {
	delete(f.by.calls, f.Slot)
	body, rest, release := resp.AppendTo(nil)
	for _, b := range rest {
		body = append(body, b...)
	}
	if release != nil {
		release()
	}
	f.asked.Reply(peer.Answer{Asked: f.asked, Head: body})
}

// Silent implements Completion.
func (f *forwarded) Silent() { f.Disconnect("") }

// Disconnect implements Completion.
func (f *forwarded) Disconnect(string) {
	delete(f.by.calls, f.Slot)
	f.asked.Refuse()
}
