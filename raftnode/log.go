package raftnode

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/kit"
	"troupe/storage"
)

// logActor makes the log durable. What arrives during a write goes into the next one: group commit without a timer.
type logActor struct {
	store storage.Meta
	fsm   *kit.Ref
	raft  *kit.Ref
	disk  kit.Blocker

	tail       tail
	queue      []*pb.Message // not yet begun; bounded by what Raft lets be uncommitted
	compact    *compactLog   // not yet begun; a newer one replaces it
	installing *pb.Message
	flushing   bool // a flush is in the mailbox
	busy       bool // the blocker works
	writes     uint64
	joined     uint64 // messages in those writes
}

// Receive implements kit.Actor.
func (a *logActor) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		a.disk = c.Blocker(c.Self(), "raft log")
	case attach:
		a.raft = m.raft
	case write:
		a.queue = append(a.queue, m.m)
		a.wake(c)
	case compactLog:
		a.compact = &m
		a.wake(c)
	case flush:
		a.flushing = false
		a.next(c)
	case written:
		a.written(c, m)
	case Installed:
		a.installed(c, m)
	case *kit.Inspect:
		a.inspect(m)
	case kit.Stopping:
		a.disk.Close()
	}
}

// wake begins a write behind all that is in the mailbox now.
func (a *logActor) wake(c kit.Context) {
	if !a.flushing && !a.busy && a.installing == nil {
		a.flushing = true
		c.Self().Tell(flush{})
	}
}

// next begins the next piece of work, if none is under way.
func (a *logActor) next(c kit.Context) {
	for !a.busy && a.installing == nil && (len(a.queue) > 0 || a.compact != nil) {
		switch {
		case a.compact != nil:
			a.forget()
		case a.queue[0].GetSnapshot() != nil:
			a.install(c)
		default:
			a.append()
		}
	}
}

// append writes all that waits, up to a snapshot, in one commit.
func (a *logActor) append() {
	n := 0
	for n < len(a.queue) && a.queue[n].GetSnapshot() == nil {
		n++
	}
	ms := a.queue[:n:n]
	a.queue = a.queue[n:]
	j := a.tail.join(ms)
	if j.empty() {
		a.raft.Tell(appended{ms})
		return
	}
	a.busy = true
	a.writes++
	a.joined += uint64(n)
	w := storage.MetaAppend{Entries: j.entries, HardState: j.hard, OldLast: j.oldLast}
	a.disk.Do(func() any { return written{ms, a.store.Append(w, j.sync)} })
}

func (a *logActor) forget() {
	k := *a.compact
	a.compact, a.busy = nil, true
	a.disk.Do(func() any { return written{nil, a.store.Compact(k.index, k.term)} })
}

func (a *logActor) written(c kit.Context, m written) {
	if m.err != nil {
		c.Fatal("DISK: the metadata log cannot be written", "error", m.err)
		return
	}
	a.busy = false
	if len(m.ms) > 0 {
		a.raft.Tell(appended{m.ms})
	}
	a.next(c)
}

// install hands a snapshot to the state machine, which writes it: an apply that was under way there cannot overwrite it afterwards.
func (a *logActor) install(c kit.Context) {
	m := a.queue[0]
	a.queue = a.queue[1:]
	a.installing = m
	s := m.GetSnapshot()
	md := s.GetMetadata()
	a.fsm.Tell(&Install{Ask: kit.Ask{ReplyTo: c.Self()}, Mark: Mark{md.GetIndex(), md.GetTerm(), md.GetConfState()}, Data: s.GetData(), Hard: hardState(m)})
}

func (a *logActor) installed(c kit.Context, i Installed) {
	if !i.Done {
		return // the broker is stopping, and nothing was written: the leader will send it again
	}
	m := a.installing
	a.installing = nil
	a.tail.last = i.Mark.Index
	if m.Term != nil {
		a.tail.term, a.tail.vote = m.GetTerm(), m.GetVote()
	}
	a.compact = nil // whatever it was, the snapshot begins behind it
	a.raft.Tell(appended{[]*pb.Message{m}})
	a.next(c)
}

func (a *logActor) inspect(m *kit.Inspect) {
	state := "idle"
	switch {
	case a.installing != nil:
		state = "installing"
	case a.busy:
		state = "writing"
	}
	m.Reply(kit.Inspected{Inspect: m, State: state, Fields: []kit.Field{
		{Name: "last index", Value: a.tail.last}, {Name: "waiting writes", Value: len(a.queue)},
		{Name: "commits", Value: a.writes}, {Name: "writes in them", Value: a.joined},
	}})
}
