package node

import (
	"fmt"
	"slices"
	"time"

	"troupe/actors/controller"
	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// beats is the broker's side of its session with the controller.
type beats struct {
	seq    uint64
	open   []sentBeat // without an answer, oldest first
	to     int32      // who was sent the last one
	told   state      // what the last one was sent for
	lost   []int32    // nodes without a link
	heard  time.Time  // when the last one was sent that was answered
	partAt time.Time  // since when we wait for leave to shut down
	held   bool       // the lease was held since the broker is in service
	cut    bool       // the lease is over, and that was said
	leased bool       // the lease was held when it was last looked at
	denied bool       // the controller has refused it last
	// goal is what Raft had committed here at goalAt, the latest that the image did not have then; offered is when the lead in Raft was offered
	// because of that.
	goal            uint64
	goalAt, offered time.Time
}

// sentBeat is a heartbeat on its way.
type sentBeat struct {
	seq   uint64
	epoch int64
	at    time.Time
}

// state is what the controller should hear of at once when it changes.
type state struct {
	epoch      int64
	fenced     bool
	controller int32
	term       uint64
}

// maxBeats bounds the heartbeats without an answer: the oldest are forgotten.
const maxBeats = 32

func (n *Node) onBeatDue(c kit.Context) {
	b := n.image.Broker(n.o.NodeID)
	if !n.alone() || n.life.parting || b == nil || b.Fenced {
		n.beat(c)
	}
	n.watchImage(c)
	n.watchLease(c)
	if n.life.parting && c.Now().Sub(n.beats.partAt) >= unheard && c.Now().Sub(n.beats.heard) >= unheard {
		c.Log().Warn("controlled shutdown: no controller hears this broker; it goes without", "waited", unheard)
		n.depart(c)
	}
	c.After(c.Self(), n.o.Timing.Beat, beatDue{})
}

// tellState sends a heartbeat at once if something has changed that the controller, or another controller, should know.
func (n *Node) tellState(c kit.Context, fenced bool) {
	if s := (state{n.life.epoch, fenced, n.o.Leader(), n.told.term}); s != n.beats.told {
		n.beats.told = s
		n.beat(c)
	}
}

// beat sends a heartbeat to the controller. The first of a registration goes out when the local apply has caught up with it.
func (n *Node) beat(c kit.Context) {
	to := n.o.Leader()
	if n.life.epoch == 0 || n.life.leaving || n.image.Index() < n.life.registered || to < 0 {
		return
	}
	if to == n.o.NodeID && (!n.part().leads || n.behind(c.Now())) {
		return // its own controller would grant it the right to lead, and perhaps is none any more, or knows as little as this broker does
	}
	s := &n.beats
	s.seq++
	s.to = to
	s.open = append(s.open, sentBeat{s.seq, n.life.epoch, c.Now()})
	if len(s.open) > maxBeats {
		s.open = slices.Delete(s.open, 0, 1)
	}
	b := controller.Beat{BrokerID: n.o.NodeID, BrokerEpoch: n.life.epoch, Applied: n.image.Index(), WantShutdown: n.life.parting,
		DiskOK: n.o.DiskOK == nil || n.o.DiskOK(), Lost: s.lost}
	ask := kit.Ask{ReplyTo: c.Self(), Slot: s.seq}
	switch {
	case to == n.o.NodeID:
		n.controller.Tell(&controller.Heartbeat{Ask: ask, Beat: b})
	case n.o.Peers != nil:
		n.o.Peers.Tell(&peer.Ask{Ask: ask, To: to, Kind: peer.KindController, Head: controller.EncodeBeat(b), Timeout: n.o.Timing.Session})
	}
}

// behind reports whether the image lacks what was committed here long ago. Others hear it from their controller, which compares their images with its own.
func (n *Node) behind(now time.Time) bool {
	if n.o.Raft == nil || n.alone() {
		return false
	}
	s := &n.beats
	if n.image.Index() >= s.goal {
		s.goal, s.goalAt = n.o.Raft.Status().Committed, now
	}
	return n.image.Index() < s.goal && now.Sub(s.goalAt) >= n.o.Timing.Lag()
}

// watchImage gives the lead in Raft away if this node applies nothing: its controller could not even fence it.
func (n *Node) watchImage(c kit.Context) {
	s, now := &n.beats, c.Now()
	if !n.behind(now) || n.o.Leader() != n.o.NodeID || n.o.Quorum == nil || now.Sub(s.offered) < n.o.Timing.Lag() {
		return
	}
	s.offered = now
	c.Log().Error("metadata is committed and not applied here: another node shall lead it", "applied", n.image.Index(), "committed", s.goal)
	n.o.Quorum.Tell(&raftnode.TransferLeadership{Ask: kit.Ask{ReplyTo: c.Self()}, Timeout: handOver})
}

func (n *Node) onHeard(c kit.Context, m controller.Heard) { n.answered(c, m.AskSlot(), m.Verdict) }

func (n *Node) onAnswered(c kit.Context, m peer.Answered) {
	v, err := controller.DecodeVerdict(m.Head)
	if m.Reason != peer.OK || err != nil {
		n.forget(m.AskSlot())
		return
	}
	n.answered(c, m.AskSlot(), v)
}

// forget takes a heartbeat from those without an answer.
func (n *Node) forget(seq uint64) (b sentBeat, known bool) {
	i := slices.IndexFunc(n.beats.open, func(b sentBeat) bool { return b.seq == seq })
	if i < 0 {
		return b, false
	}
	b = n.beats.open[i]
	n.beats.open = slices.Delete(n.beats.open, i, i+1)
	return b, true
}

// answered takes what the controller says. What it grants counts from the moment at which the heartbeat was sent: the controller's own
// count begins later.
func (n *Node) answered(c kit.Context, seq uint64, v controller.Verdict) {
	b, known := n.forget(seq)
	if !known || b.epoch != n.life.epoch || n.life.leaving {
		return
	}
	switch {
	case v.Code == code.StaleBrokerEpoch || v.Code == code.BrokerIdNotRegistered:
		n.unknown(c, v.Code)
		return
	case v.Code != code.OK:
		return
	}
	if b.at.After(n.beats.heard) {
		n.beats.heard = b.at
	}
	switch {
	case n.alone():
	case v.Fenced:
		n.lease.Revoke()
		n.beats.denied = true
		if n.life.unfenced { // one of us is behind the other: ask again soon
			n.beats.told = state{}
		}
	default:
		n.beats.denied = false
		n.lease.Extend(b.at, b.at.Add(n.o.Timing.Session-n.o.Timing.Margin()))
	}
	n.o.Steps.Finish(StepBeat)
	if v.Fenced && v.CaughtUp {
		n.o.Steps.Wait(StepUnfence, "UnfenceBroker to be applied")
	}
	n.watchLease(c)
	if v.ShouldShutDown && n.life.parting {
		n.depart(c)
	}
}

// unknown begins again: the cluster has another registration of this broker than we know of, or none.
func (n *Node) unknown(c kit.Context, why code.Code) {
	c.Log().Warn("the controller does not know this run of the broker; registering again", "epoch", n.life.epoch, "code", why.String())
	n.lease.Revoke()
	n.noteLease(c)
	if n.life.parting {
		n.depart(c)
		return
	}
	n.life.epoch = 0
	n.outOfService(StepRegister, "RegisterBroker to be applied")
	n.step(c)
}

// onLinks takes which links are lost. The controller is told at once: it may need us to be sure of a broker that is gone.
func (n *Node) onLinks(c kit.Context, m controller.Links) {
	n.beats.lost = m.Lost
	n.hasten(c)
	if isolated(m.Lost, len(n.linked)+1, n.beats.to) {
		n.lease.Revoke()
		n.watchLease(c)
	}
	n.beat(c)
}

// isolated reports whether the cluster may fence us right away: we reach less than most of its nodes, or neither the controller nor one
// more. Who has lost links with us has told, or will tell, the controller of now.
func isolated(lost []int32, nodes int, controller int32) bool {
	return nodes > 2 && (nodes-len(lost) <= nodes/2 || slices.Contains(lost, controller) && len(lost) > 1)
}

// company is called when nodes may have come or gone. As long as nobody else is there, nobody else can lead.
func (n *Node) company(c kit.Context, wasAlone bool) {
	switch {
	case n.alone():
		n.lease.Free()
	case wasAlone && n.life.unfenced:
		now := c.Now()
		n.lease.Extend(now, now.Add(n.o.Timing.Session-n.o.Timing.Margin()))
	case wasAlone:
		n.lease.Revoke()
	}
	n.noteLease(c)
}

// noteLease tells those who lead here, or coordinate, when the lease has ended or is held again. Each looks at the lease with every request,
// so this is for who waits already.
func (n *Node) noteLease(c kit.Context) {
	held := n.lease.Held()
	if held == n.beats.leased {
		return
	}
	n.beats.leased = held
	if !held {
		for t := range n.image.Topics() {
			for i := range t.Partitions {
				if p := &t.Partitions[i]; p.Leader == n.o.NodeID && n.replicas[p.ID] != nil {
					n.replicas[p.ID].ref.Tell(partition.LeaseEnded{})
				}
			}
		}
	}
	n.coordinateAll(c)
	n.coordinateNow()
}

// watchLease says it when this broker stops serving as a leader for want of a controller, and when it begins again.
func (n *Node) watchLease(c kit.Context) {
	n.noteLease(c)
	held := n.lease.Held()
	n.beats.held = n.life.unfenced && (n.beats.held || held)
	cut := n.beats.held && !held && !n.life.leaving
	if cut == n.beats.cut {
		return
	}
	n.beats.cut = cut
	if cut {
		n.o.Steps.Undo(StepBeat, n.beatText(c))
		if n.beats.denied {
			c.Log().Warn("the controller does not let this broker lead: it is being fenced, or has not applied what was long ago", "applied", n.image.Index())
			return
		}
		c.Log().Warn("cut off: no controller has answered for too long; this broker does not serve as a leader until one does", "lost", n.beats.lost)
		return
	}
	if n.life.unfenced {
		n.o.Steps.Finish(StepBeat)
		c.Log().Info("a controller answers again", "controller", n.beats.to)
	}
}

// awaitUnfence says what a broker that is fenced waits for.
func (n *Node) awaitUnfence(c kit.Context) {
	n.o.Steps.Wait(StepBeat, n.beatText(c))
	n.o.Steps.Wait(StepUnfence, "the controller to hear that it has caught up")
}

// beatText says what the heartbeats wait for.
func (n *Node) beatText(c kit.Context) string {
	to := n.o.Leader()
	if to < 0 {
		return "a metadata leader"
	}
	text := fmt.Sprintf("the controller, node %d", to)
	if n.o.Links == nil || to == n.o.NodeID {
		return text
	}
	if why := n.o.Links.Awaiting(to, c.Now()); why != "" {
		text += " (" + why + ")"
	}
	return text
}
