package node

import (
	"cmp"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// life is where the broker is on its way from started to serving. Only one proposal of it is under way at a time, and
// each is tried for ever: nothing here gives up, nothing here waits.
type life struct {
	asked      bool   // a proposal of the life is under way
	epoch      int64  // broker epoch, 0 before registration
	registered uint64 // Raft index of the registration
	unfenced   bool
	parting    bool // waiting for leave to shut down
	leaving    bool // fencing ourselves for a shutdown
	retryAt    time.Time
	refusal    string // that was logged last
	// what the proposal under way is for, as the steps of the start show it
	step, what string
}

// forever bounds the proposals of a broker's life: they are answered when they are applied. Metadata re-proposes them under
// the same request id meanwhile.
const forever = 365 * 24 * time.Hour

// retryAfter is the pause after a refusal that a retry may cure.
const retryAfter = 200 * time.Millisecond

func (l *life) state() string {
	switch {
	case l.leaving:
		return "stopping"
	case l.parting:
		return "parting"
	case l.unfenced:
		return "running"
	case l.epoch != 0:
		return "catching up"
	default:
		return "registering"
	}
}

// onTick moves the broker's life on. It is called at every change of the image, and by timer while starting.
func (n *Node) onTick(c kit.Context) {
	n.watchLeader()
	n.step(c)
	n.explain(c)
	every := tickEvery
	switch {
	case n.life.unfenced && n.alone():
		every = 10 * tickEvery
	case n.life.unfenced:
		every = 2 * tickEvery // another leader wants a heartbeat
	}
	c.After(c.Self(), every, tick{})
}

// explain says what keeps the proposal that is under way from being applied, as far as this node can know.
func (n *Node) explain(c kit.Context) {
	if !n.life.asked || n.life.unfenced {
		return
	}
	to, why := n.o.Leader(), ""
	switch {
	case n.life.refusal != "":
		why = "refused: " + n.life.refusal
	case to < 0:
		why = "no metadata leader is known"
	case n.o.Links != nil && to != n.o.NodeID:
		why = n.o.Links.Awaiting(to, c.Now())
	}
	text := n.life.what
	if why != "" {
		text += "; " + why
	}
	n.o.Steps.Wait(n.life.step, text)
}

// watchLeader publishes a change of the Raft leader: clients see it as the controller.
func (n *Node) watchLeader() {
	id := n.o.Leader()
	if id != n.view.LeaderID && n.image.Index() > 0 {
		n.publish(edit(n.view))
	}
	if n.image.Index() > 0 && !n.part().same(n.told) {
		n.informController(false)
	}
}

func (n *Node) step(c kit.Context) {
	defer n.tellEpoch()
	n.lookForStrays(c)
	n.startCoordinating(c)
	if n.o.Leader() >= 0 {
		n.o.Steps.Finish(StepLeader)
	}
	if n.life.asked || n.shutdown != nil || n.image.Index() == 0 && n.o.Leader() < 0 || c.Now().Before(n.life.retryAt) {
		return
	}
	switch b := n.image.Broker(n.o.NodeID); {
	case n.image.ClusterID() == "":
		n.initialise(c)
	case n.life.epoch == 0:
		n.o.Steps.Finish(StepInit)
		if n.moved() {
			n.move(c)
			return
		}
		n.register(c)
	case n.image.Index() < n.life.registered:
		n.o.Steps.Wait(StepCaughtUp, "the local apply")
	case b == nil || b.Epoch != n.life.epoch: // another run of us, or the cluster forgot us: begin again
		n.life.epoch = 0
		n.outOfService(StepRegister, "RegisterBroker to be applied")
	case b.Fenced:
		n.o.Steps.Finish(StepCaughtUp)
		n.outOfService(StepUnfence, "UnfenceBroker to be applied")
		n.awaitUnfence(c)
		n.tellState(c, true)
	case !n.life.unfenced:
		n.life.unfenced = true
		n.admitClients()
		n.o.Steps.Finish(StepCaughtUp) // both were seen in one change
		n.o.Steps.Finish(StepBeat)
		n.o.Steps.Finish(StepUnfence)
		c.Log().Info("broker running", "node", n.o.NodeID, "epoch", n.life.epoch, "cluster", n.image.ClusterID())
		n.tellState(c, false)
	default:
		n.tellState(c, false)
	}
}

// admitClients tells the connections that they may answer from the view. Our own registration came after all that was committed before
// this start, and it is applied; that we are unfenced makes this broker show up in what they answer. Kafka opens its port then.
func (n *Node) admitClients() {
	if n.caughtUp {
		return
	}
	n.caughtUp = true
	n.publish(edit(n.view))
}

// outOfService opens a step of the start again, if the broker was through with all: it is not ready while it does not serve.
func (n *Node) outOfService(step, waitsFor string) {
	if !n.life.unfenced {
		return
	}
	n.life.unfenced = false
	n.o.Steps.Undo(step, waitsFor)
	if step != StepUnfence {
		n.o.Steps.Undo(StepUnfence, "its turn")
	}
}

func (n *Node) initialise(c kit.Context) {
	n.o.Steps.Wait(StepInit, "InitCluster to be applied")
	n.life.step, n.life.what = StepInit, "InitCluster to be applied"
	if n.o.ClusterID == "" {
		return // somebody else founds it
	}
	founders := n.o.Founders
	if len(founders) == 0 {
		founders = []meta.Node{{ID: n.o.NodeID, RaftID: n.o.RaftID, StoreID: n.o.StoreID, Endpoints: n.o.Listeners, Version: n.o.Version}}
	}
	n.ask(c, meta.InitCluster{
		ClusterID: n.o.ClusterID, CreatedMs: c.Now().UnixMilli(), FeatureLevel: cmp.Or(n.o.Level, meta.MaxFeatureLevel), Configs: n.o.Founding, Founders: founders,
	})
}

// moved reports whether other nodes look for this one at another address than it has now.
func (n *Node) moved() bool {
	me := n.image.Node(n.o.NodeID)
	return me != nil && n.o.Peer.Port != 0 && meta.PeerAddress(me) != meta.PeerAddress(&meta.Node{Endpoints: []meta.Endpoint{n.o.Peer}})
}

// move tells the cluster the address. Other nodes can do without it as long as this one reaches them.
func (n *Node) move(c kit.Context) {
	n.o.Steps.Wait(StepRegister, "its new peer address to be applied")
	n.life.step, n.life.what = StepRegister, "its new peer address to be applied"
	n.ask(c, meta.AddNode{StoreID: n.o.StoreID, RequestedID: n.o.NodeID, Endpoints: []meta.Endpoint{n.o.Peer}, Version: n.o.Version})
}

func (n *Node) register(c kit.Context) {
	n.o.Steps.Wait(StepRegister, "RegisterBroker to be applied")
	n.life.step, n.life.what = StepRegister, "RegisterBroker to be applied"
	n.ask(c, meta.RegisterBroker{
		BrokerID: n.o.NodeID, Incarnation: n.o.Incarnation, StoreID: n.o.StoreID, PrevBrokerEpoch: n.o.PrevEpoch,
		Listeners: n.o.Listeners, Rack: n.o.Rack, Features: meta.SupportedFeatures(), LogDirs: [][16]byte{n.o.StoreID},
	})
}

func (n *Node) ask(c kit.Context, cmd meta.Command) {
	n.life.asked = true
	n.o.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self()}, Cmd: cmd, Timeout: forever})
}

func (n *Node) onProposed(c kit.Context, m raftnode.Proposed) {
	n.life.asked = false
	if n.shutdown != nil {
		n.onFenced(c, m)
		return
	}
	if m.Result.Code != code.OK {
		n.refused(c, m)
		return
	}
	n.life.refusal = ""
	if r, ok := m.Result.Value.(meta.Registered); ok {
		n.life.epoch, n.life.registered = r.Epoch, m.Index
		n.o.Steps.Finish(StepRegister)
		c.Log().Info("broker registered", "node", n.o.NodeID, "epoch", r.Epoch)
		if n.o.Registered != nil {
			n.o.Registered(r.Epoch)
		}
	}
	n.step(c)
}

// refused tries again later. What is refused in the same way again and again is said once.
func (n *Node) refused(c kit.Context, m raftnode.Proposed) {
	n.life.retryAt = c.Now().Add(retryAfter)
	if text := m.Result.Code.String() + " " + m.Result.Message; text != n.life.refusal {
		n.life.refusal = text
		c.Log().Warn("broker life: proposal refused, will retry", "command", m.Cmd.Kind(), "code", m.Result.Code.String(), "message", m.Result.Message)
	}
}
