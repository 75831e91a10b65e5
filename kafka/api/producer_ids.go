package api

import (
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// NextProducerID asks for a producer id that nobody else has, nor ever will.
//
// From: conn (InitProducerId). Answer: ProducerIDGiven.
type NextProducerID struct{ kit.Ask }

// ProducerIDGiven answers NextProducerID.
//
// From: producer-ids.
type ProducerIDGiven struct {
	*NextProducerID
	Code code.Code // OK, or COORDINATOR_LOAD_IN_PROGRESS: ask again
	ID   int64
}

// Refuse implements kit.Refuser.
func (m *NextProducerID) Refuse() {
	m.Reply(ProducerIDGiven{m, code.CoordinatorLoadInProgress, -1})
}

const (
	// producerIDBlock is how many ids a broker takes at a time (Kafka's PRODUCER_ID_BLOCK_SIZE).
	producerIDBlock = 1000
	// producerIDLow is how few are left when the next block is taken.
	producerIDLow = 100
	// maxProducerIDWaiters bounds who waits for a block; those beyond are told to ask again.
	maxProducerIDWaiters = 10_000
)

// producerIDs gives producer ids out of blocks that this broker got from the cluster. Ids of a block that is not used up when the
// broker ends are lost, never given again.
//
// It owns the blocks and who waits for one. Two states: proposing a block, or not. Invariants: whoever waits does so because
// no id is left, and then a proposal is under way; an id is given once.
type producerIDs struct {
	env       *Env
	blocks    []meta.ProducerIDs // not empty each, at most two
	waiting   []*NextProducerID
	proposing bool
}

func newProducerIDs(e *Env) *producerIDs { return &producerIDs{env: e} }

// Receive implements kit.Actor.
func (a *producerIDs) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case *NextProducerID:
		a.onNext(c, m)
	case raftnode.Proposed:
		a.onProposed(c, m)
	case *kit.Inspect:
		m.Reply(kit.Inspected{Inspect: m, State: "running", Fields: []kit.Field{
			{Name: "left", Value: a.left()}, {Name: "waiting", Value: len(a.waiting)}, {Name: "proposing", Value: a.proposing}}})
	case kit.Stopping:
		a.refuse()
	}
}

func (a *producerIDs) left() (n int32) {
	for _, b := range a.blocks {
		n += b.Count
	}
	return n
}

func (a *producerIDs) onNext(c kit.Context, m *NextProducerID) {
	switch {
	case len(a.blocks) > 0:
		a.give(m)
	case len(a.waiting) >= maxProducerIDWaiters:
		m.Refuse()
		return
	default:
		a.waiting = append(a.waiting, m)
	}
	a.propose(c)
}

func (a *producerIDs) give(m *NextProducerID) {
	b := &a.blocks[0]
	id := b.First
	b.First++
	if b.Count--; b.Count == 0 {
		a.blocks = a.blocks[1:]
	}
	m.Reply(ProducerIDGiven{m, code.OK, id})
}

// propose takes the next block if few ids are left.
func (a *producerIDs) propose(c kit.Context) {
	if a.proposing || a.left() >= producerIDLow {
		return
	}
	self := a.env.Published.Get().Image.Broker(a.env.NodeID)
	if self == nil { // not registered yet
		a.refuse()
		return
	}
	a.proposing = true
	a.env.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self()},
		Cmd: meta.AllocateProducerIds{BrokerID: self.ID, BrokerEpoch: self.Epoch, Count: producerIDBlock}})
}

func (a *producerIDs) onProposed(c kit.Context, p raftnode.Proposed) {
	a.proposing = false
	block, ok := p.Result.Value.(meta.ProducerIDs)
	if p.Result.Code != code.OK || !ok {
		a.refuse()
		return
	}
	a.blocks = append(a.blocks, block)
	for len(a.waiting) > 0 && len(a.blocks) > 0 {
		a.give(a.waiting[0])
		a.waiting = a.waiting[1:]
	}
	a.propose(c)
}

// refuse tells all who wait to ask again.
func (a *producerIDs) refuse() {
	for _, m := range a.waiting {
		m.Refuse()
	}
	a.waiting = nil
}
