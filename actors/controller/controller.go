package controller

import (
	"slices"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// Name is the actor.
const Name = "controller"

// Options of a controller.
type Options struct {
	NodeID   int32
	Metadata *kit.Ref
	Peers    *kit.Ref // nil: there are no other nodes
	Node     *kit.Ref // is told Links
	Timing   Timing
	Upkeep   Upkeep
	Board    *Board // nil: nobody looks
}

// Controller is the actor; see doc.go.
type Controller struct {
	o       Options
	core    *core
	lost    []int32 // as the node was told
	ticking bool
}

// New makes a controller.
func New(o Options) *Controller {
	if o.Board == nil {
		o.Board = &Board{}
	}
	return &Controller{o: o, core: newCore(o.NodeID, o.Timing, o.Upkeep)}
}

// Receive implements kit.Actor.
func (a *Controller) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		a.onStarted(c)
	case Update:
		a.onUpdate(c, m)
	case *Heartbeat:
		a.onHeartbeat(c, m)
	case *peer.Asked:
		a.onAsked(c, m)
	case *peer.Received:
		m.Done() // no message of this kind is sent
	case peer.Up:
		a.core.up(m.Node, m.Session)
	case peer.Down:
		a.core.down(m.Node, m.Session)
	case raftnode.Proposed:
		a.onProposed(c, m)
	case tick:
		a.onTick(c)
	case *kit.Inspect:
		a.inspect(m)
	case kit.Stopping:
	default:
		kit.Invariant(false, "BUG: controller got %T", m)
	}
}

func (a *Controller) onStarted(c kit.Context) {
	if a.o.Peers != nil {
		a.o.Peers.Tell(peer.Register{Kind: peer.KindController, To: c.Self()})
	}
}

func (a *Controller) onUpdate(c kit.Context, m Update) {
	was := a.core.active
	a.core.update(m)
	a.tellChange(c, was)
	if !a.ticking && len(a.core.links) > 0 {
		a.ticking = true
		c.After(c.Self(), tickEvery, tick{})
	}
}

func (a *Controller) onTick(c kit.Context) {
	was := a.core.active
	a.propose(c, a.core.watch()...)
	a.tellChange(c, was)
	a.o.Board.post(a.core)
	if lost := a.core.lost(); !slices.Equal(lost, a.lost) {
		a.lost = lost
		a.o.Node.Tell(Links{Lost: slices.Clone(lost)})
	}
	c.After(c.Self(), tickEvery, tick{})
}

// tellChange says that this controller began or ended to act.
func (a *Controller) tellChange(c kit.Context, was bool) {
	k := a.core
	if k.active == was {
		return
	}
	a.o.Board.post(k)
	switch {
	case k.active:
		c.Log().Info("controller active", "node", a.o.NodeID, "term", k.term)
	default:
		c.Log().Info("controller idle", "node", a.o.NodeID, "leads", k.leads, "lost", k.lost())
	}
}

func (a *Controller) onHeartbeat(c kit.Context, m *Heartbeat) {
	m.Reply(Heard{m, a.beat(c, m.Beat)})
}

// onAsked takes the heartbeat of another node. A node speaks for its own broker only.
func (a *Controller) onAsked(c kit.Context, m *peer.Asked) {
	b, err := DecodeBeat(m.Head)
	if err != nil || b.BrokerID != m.From.NodeID {
		c.Log().Warn("a heartbeat was not understood", "from", m.From.NodeID, "bytes", len(m.Head))
		m.Reply(peer.Answer{Asked: m, Head: EncodeVerdict(Verdict{Code: code.InvalidRequest})})
		return
	}
	m.Reply(peer.Answer{Asked: m, Head: EncodeVerdict(a.beat(c, b))})
}

func (a *Controller) beat(c kit.Context, b Beat) Verdict {
	v, cmd := a.core.beat(b)
	if cmd != nil {
		a.propose(c, cmd)
	}
	a.o.Board.post(a.core)
	return v
}

// propose enters commands, into the log of this leadership only: under another leader they would be about what is not true any more. For the same
// reason their time is short, but what is in the log by then may be applied later.
func (a *Controller) propose(c kit.Context, list ...meta.Command) {
	for _, cmd := range list {
		switch x := cmd.(type) {
		case meta.FenceBroker:
			c.Log().Warn("fencing a broker", "broker", x.BrokerID, "epoch", x.BrokerEpoch, "reason", x.Reason)
		case meta.AlterReassignments:
			c.Log().Info("more replicas for topics that grow with the cluster", "partitions", len(x.Partitions))
		case meta.ElectLeaders:
			c.Log().Info("leaderships go to the preferred replicas", "partitions", len(x.Partitions))
		}
		a.o.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self(), Slot: a.core.era}, Cmd: cmd, Timeout: a.o.Timing.Session, Term: a.core.term})
	}
}

func (a *Controller) onProposed(c kit.Context, m raftnode.Proposed) {
	a.core.proposed(m.AskSlot(), m.Term, m.Cmd, m.Index > 0)
	if m.Result.Code != code.OK {
		c.Log().Warn("a command of the controller was refused; it is tried again if it is still needed", "command", m.Cmd.Kind(),
			"code", m.Result.Code.String(), "message", m.Result.Message)
	}
}

func (a *Controller) inspect(m *kit.Inspect) {
	state := "idle"
	if a.core.active {
		state = "active"
	}
	f := []kit.Field{{Name: "term", Value: a.core.term}, {Name: "voters", Value: a.core.voters}, {Name: "lost links", Value: a.core.lost()}}
	if a.core.active {
		for _, s := range a.core.status().Sessions {
			f = append(f, kit.Field{Name: "broker " + itoa(s.Broker), Value: s.String()})
		}
	}
	m.Reply(kit.Inspected{Inspect: m, State: state, Fields: f})
}
