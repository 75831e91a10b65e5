package metadata

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// A dropped proposal is entered again after firstBackoff, then after twice as long each time, up to lastBackoff. A new leader, and anything
// that is applied, begins anew.
const (
	firstBackoff = 10 * time.Millisecond
	lastBackoff  = 500 * time.Millisecond
)

// forwardTimeout is how long the leader may take to say that a proposal is in its log; it says so at once.
const forwardTimeout = 2 * time.Second

// propose takes a command; from here on its asker gets exactly one answer.
func (a *Metadata) propose(c kit.Context, p *raftnode.Propose) {
	kit.Invariant(p.Cmd != nil, "BUG: a proposal without a command")
	timeout := p.Timeout
	if timeout <= 0 {
		timeout = raftnode.DefaultTimeout
	}
	now := c.Now()
	w := a.book.add(p, now, timeout)
	if w == nil {
		p.Reply(raftnode.Proposed{Propose: p, Result: meta.Result{Code: code.ThrottlingQuotaExceeded,
			Message: fmt.Sprintf("%d changes of the cluster wait for an answer on this broker; try again.", MaxWaiting)}})
		return
	}
	a.armSweep(c, w.deadline)
	a.admit(now)
}

// admit gives ids to waiting proposals while there is room, and enters them. The waiter is in the book before Raft has its entry.
func (a *Metadata) admit(now time.Time) {
	for w := a.book.admit(); w != nil; w = a.book.admit() {
		w.ask.ID = meta.RequestID{Node: a.o.Node, Incarnation: a.o.Incarnation, Seq: w.seq}
		w.data = meta.Encode(meta.Envelope{ID: w.ask.ID, TimeMs: now.UnixMilli(), Cmd: w.ask.Cmd})
		if len(w.data) > raftnode.MaxCommand {
			a.answer(w, meta.Result{Code: code.InvalidRequest,
				Message: fmt.Sprintf("The change takes %d bytes, and %d is the most for one: split it.", len(w.data), raftnode.MaxCommand)})
		}
	}
	a.enter(false)
}

// enter hands the dropped proposals, or all that are undecided, to Raft: to that of the leader, if another node is known to lead.
func (a *Metadata) enter(all bool) {
	if a.raft == nil {
		return
	}
	for _, w := range a.book.enter(all) {
		w.ask.Op.Stamp(trace.Entered)
		if w.ask.Term == 0 && a.leader != 0 && !a.leads && a.o.Peers != nil {
			a.o.Peers.Tell(&peer.Ask{Ask: kit.Ask{ReplyTo: a.self, Slot: w.seq}, To: raftnode.NodeOf(a.leader), Kind: peer.KindProposal, Head: w.data, Timeout: forwardTimeout})
			continue
		}
		a.raft.Tell(raftnode.Enter{ReplyTo: a.self, ID: w.ask.ID, Data: w.data, Term: w.ask.Term})
	}
}

// answered hears what became of a proposal at the leader. If it was entered, it comes back by an Apply, or another leader does. Whatever else
// happened, perhaps it was entered: it is tried again, and the memory of requests sees to it that it is applied once.
func (a *Metadata) answered(c kit.Context, m peer.Answered) {
	v := raftnode.NotEntered
	if m.Reason == peer.OK {
		var err error
		if v, err = raftnode.ReadVerdict(m.Head); err != nil {
			c.Log().Warn("the metadata leader answers what nobody understands", "node", m.To, "error", err)
			v = raftnode.NotEntered
		}
	}
	switch v {
	case raftnode.NotEntered:
		a.dropped(c, m.Slot)
	case raftnode.Unreadable:
		if w := a.book.bySeq[m.Slot]; w != nil {
			a.answer(w, meta.Result{Code: code.UnsupportedVersion,
				Message: fmt.Sprintf("Node %d leads the metadata and cannot read this change: it may run an older version.", m.To)})
		}
	}
}

func (a *Metadata) attached(m raftnode.Attached) {
	a.raft = m.Raft
	a.nodes = nil
	a.tellMembers()
	a.enter(true)
}

// leaderChanged enters everything again: what the former leader had taken may be gone with it. But what was meant for a leadership of this node ends
// with that.
func (a *Metadata) leaderChanged(m raftnode.LeaderChanged) {
	a.leader, a.leads = m.Leader, m.Self
	for _, w := range a.book.all() {
		if t := w.ask.Term; w.place != settled && t != 0 && (t < m.Term || t == m.Term && !m.Self) {
			a.answer(w, meta.Result{Code: code.NotController, Message: "This node does not lead the metadata any more; the change may still be applied."})
		}
	}
	if m.Leader != 0 {
		a.backoff = 0
		a.enter(true)
	}
}

func (a *Metadata) dropped(c kit.Context, seq uint64) {
	if !a.book.drop(seq) || a.retry != nil {
		return
	}
	a.backoff = min(max(2*a.backoff, firstBackoff), lastBackoff)
	a.retry = c.After(c.Self(), a.backoff, again{})
}

func (a *Metadata) again() {
	a.retry = nil
	a.enter(false)
}

// answer ends a proposal that was not applied, unless it was answered before.
func (a *Metadata) answer(w *waiter[*raftnode.Propose], r meta.Result) {
	if a.book.answer(w) {
		w.ask.Reply(raftnode.Proposed{Propose: w.ask, Result: r})
	}
}

// finish answers proposals whose change this node has seen.
func (a *Metadata) finish(list []*waiter[*raftnode.Propose]) {
	for _, w := range list {
		if a.book.answer(w) {
			w.ask.Op.Stamp(trace.Seen)
			w.ask.Reply(raftnode.Proposed{Propose: w.ask, Index: w.index, Result: w.result})
		}
	}
}

// armSweep makes sure that expire comes by the time at.
func (a *Metadata) armSweep(c kit.Context, at time.Time) {
	if !a.sweepAt.IsZero() && !at.Before(a.sweepAt) {
		return
	}
	if a.sweep != nil {
		a.sweep.Stop()
	}
	a.sweepAt = at
	a.sweep = c.After(c.Self(), at.Sub(c.Now()), expire{})
}

// expire answers what is past its deadline.
func (a *Metadata) expire(c kit.Context) {
	a.sweep, a.sweepAt = nil, time.Time{}
	now := c.Now()
	late, next := a.book.expired(now)
	for _, w := range late {
		a.answer(w, meta.Result{Code: code.RequestTimedOut, Message: a.why(w)})
	}
	if !next.IsZero() {
		a.armSweep(c, next)
	}
	a.admit(now)
}

// why says what a proposal was waiting for when its time was over.
func (a *Metadata) why(w *waiter[*raftnode.Propose]) string {
	s := a.o.Board.Status()
	switch {
	case w.place == settled:
		return "The change is applied, but this broker did not take it up in time."
	case s.Leader == 0:
		return "No metadata leader is known; the change may still be applied later."
	case w.place == inBacklog:
		return fmt.Sprintf("%d changes were before this one; it was not proposed.", MaxOpen)
	case s.Committed > s.Applied:
		return fmt.Sprintf("Metadata is committed up to %d and applied up to %d only; the change may still be applied later.", s.Committed, s.Applied)
	}
	return "The change was not committed in time; it may still be applied later."
}

// stop answers all who wait: their changes may still be applied, so the code is a retriable one.
func (a *Metadata) stop() {
	for _, w := range a.book.all() {
		if a.book.answer(w) {
			w.ask.Refuse()
		}
	}
	if a.installing != nil {
		a.installing.Refuse()
	}
}
