package raftnode

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/peer"
	"troupe/storage"
)

// The names of the two actors.
const (
	RaftName = "raft"
	LogName  = "raft/log"
)

// Faults are for tests: each is asked with a running number, from 0, whether to lose a response.
type Faults struct {
	DropAppendResponse func(n int) bool // the responses of a durable write
	DropApplyResponse  func(n int) bool // the response of an applied batch
}

// Options of a group. All fields are needed, but those that say otherwise.
type Options struct {
	ID     uint64             // this node's Raft id, never reused: a node that lost its disk gets another
	Store  storage.Meta       // open for as long as the actors live
	Loaded storage.MetaLoaded // from Found, or from Store.Load for a node that joins
	FSM    *kit.Ref           // the state machine: the metadata actor
	Peers  *kit.Ref           // the actor of package peer that owns the links; nil on a node that is alone
	Board  *Board
	Voters int             // of a cluster that is large enough: odd; 0: DefaultVoters
	Tick   time.Duration   // 0: DefaultTick
	Faults Faults          // for tests
	Trace  *trace.Recorder // nil: entries carry no times
}

// Spawn starts the raft actor and its log actor and returns the former at once: a leader comes when it comes.
// To stop, stop the raft actor, then LogName, then the state machine, then close the store.
func Spawn(sys kit.System, o Options) *kit.Ref {
	o.Tick, o.Voters = cmp.Or(o.Tick, DefaultTick), cmp.Or(o.Voters, DefaultVoters)
	hs := o.Loaded.HardState
	log := sys.Spawn(LogName, &logActor{store: o.Store, fsm: o.FSM,
		tail: tail{o.Loaded.LastIndex, hs.GetTerm(), hs.GetVote()}}, kit.Options{Kind: "raft"})
	return sys.Spawn(RaftName, &raftActor{o: o, log: log, links: map[int32]*kit.Ref{}, contacts: map[uint64]*contact{}, byHand: map[uint64]bool{}}, kit.Options{Kind: "raft"})
}

type raftActor struct {
	o   Options
	rn  *raft.RawNode
	log *kit.Ref

	view     *logView
	flushing bool          // a flush is in the mailbox
	moved    bool          // the status is to be posted
	conf     *pb.ConfState // the membership after the last Apply that was sent
	inForce  *pb.ConfState // the membership that the library works with: what was reported as applied
	applying []batch       // sent and not answered; bounded by maxCommittedSizePerReady
	begun    Mark          // the first entry of its term among those that were sent to be applied; see Status.Begun
	status   Status        // as posted last

	links     map[int32]*kit.Ref  // to other nodes, those that are up
	contacts  map[uint64]*contact // with other members, by Raft id
	nodes     []uint64            // of the cluster, by Raft id; none: not known yet
	byHand    map[uint64]bool     // wishes, in force or on their way: who is to vote, and who is not
	ticks     uint64
	leads     uint64    // tick since when this node is seen to lead; 0: it does not
	stands    int       // candidacies so far
	standing  int       // the one that counts; 0: none
	standTerm uint64    // in which it began, or another node was seen to stand
	changing  uint64    // until this tick a change of the group is under way
	disk      diskWatch // writes of the log
	replicas  []Replica // as of the last tick; nil unless this node leads

	pending   []proposal     // to be entered by the next drain; bounded by what nodes have open at a time, and the mailbox
	transfers []transferring // at most maxTransfers
	wishes    []wish         // at most maxWishes

	appends int // responses of writes so far, for Faults
	applies int // likewise of Applies
	durable durability
}

// batch is one MsgStorageApply, with the membership after it.
type batch struct {
	m    *pb.Message
	conf *pb.ConfState
}

// Receive implements kit.Actor.
func (a *raftActor) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		a.start(c)
	case Enter:
		a.enter(proposal{Enter: m})
	case appended:
		a.appended(c, m)
	case Applied:
		a.applied(c, m)
	case SnapshotBuilt:
		a.snapshotBuilt(m)
	case Compact:
		a.compact(m)
	case Members:
		a.setMembers(c, m)
	case *ChangeVoters:
		a.changeVoters(c, m)
	case *TransferLeadership:
		a.handOver(m)
	case peer.Up:
		a.up(c, m)
	case peer.Down:
		a.down(c, m)
	case *peer.Received:
		a.received(c, m)
	case peer.Dropped:
		a.lost(m)
	case peer.Sent:
		a.rn.ReportSnapshot(m.Slot, raft.SnapshotFinish)
	case *peer.Asked:
		a.forwarded(c, m)
	case candidacy:
		a.campaign(c, m)
	case tick:
		a.tick(c)
	case flush:
		a.flushing = false
		a.drain(c)
	case *kit.Inspect:
		a.inspect(m)
	case kit.Stopping:
		a.endAsks()
	}
	a.wake(c)
}

func (a *raftActor) start(c kit.Context) {
	l := a.o.Loaded
	a.view = newLogView(a.o.Store, l)
	a.conf, a.inForce = l.ConfState, l.ConfState
	rn, err := raft.NewRawNode(config(a.o.ID, a.view, l.Applied, c.Log()))
	kit.Invariant(err == nil, "BUG: raft: %v", err)
	a.rn = rn
	a.log.Tell(attach{c.Self()})
	a.o.FSM.Tell(Attached{c.Self()})
	if a.o.Peers != nil {
		a.o.Peers.Tell(peer.Register{Kind: peer.KindRaft, To: c.Self()})
		a.o.Peers.Tell(peer.Register{Kind: peer.KindProposal, To: c.Self()})
	}
	if soleVoter(l.ConfState, a.o.ID) {
		err := rn.Campaign()
		kit.Invariant(err == nil, "BUG: raft: campaign: %v", err)
	}
	a.publish(c)
	c.After(c.Self(), a.o.Tick, tick{})
}

func (a *raftActor) tick(c kit.Context) {
	a.rn.Tick()
	a.ticks++
	a.watchDisk(c)
	a.pushTransfers()
	a.grant()
	if a.ticks%memberTicks == 0 {
		a.arrange(c)
	}
	a.look()
	c.After(c.Self(), a.o.Tick, tick{})
}

// appended moves the view, then steps what became true with the writes. Order: the view first, for the responses let the library read it.
func (a *raftActor) appended(c kit.Context, m appended) {
	a.moved = true
	a.disk.done(len(m.ms))
	for _, w := range m.ms {
		if s := w.GetSnapshot(); s != nil {
			a.view.installed(s.GetMetadata().GetIndex(), s.GetMetadata().GetTerm())
			a.inForce = s.GetMetadata().GetConfState()
		}
		a.view.appended(w.GetEntries())
		a.durable.note(w.GetEntries(), a.o.Trace)
		a.appends++
		if f := a.o.Faults.DropAppendResponse; f != nil && f(a.appends-1) {
			continue
		}
		for _, r := range w.GetResponses() {
			a.respond(c, r)
		}
	}
}

func (a *raftActor) respond(c kit.Context, r *pb.Message) {
	if r.GetTo() != a.o.ID {
		a.send(c, r)
		return
	}
	err := a.rn.Step(r)
	if errors.Is(err, raft.ErrStepPeerNotFound) && !slices.Contains(a.members(), a.o.ID) {
		return // this node has left the group, and its word does not count
	}
	kit.Invariant(err == nil, "BUG: raft: own %v refused: %v", r.GetType(), err)
}

// applied answers the library for every batch up to the index. A membership change is given to it before its batch is answered.
func (a *raftActor) applied(c kit.Context, m Applied) {
	a.moved = true
	for len(a.applying) > 0 {
		first := a.applying[0]
		es := first.m.GetEntries()
		if es[len(es)-1].GetIndex() > m.Index {
			return
		}
		a.applying = a.applying[1:]
		var conf *pb.ConfState
		for _, e := range es {
			if cc := confChange(e); cc != nil {
				conf = a.rn.ApplyConfChange(cc)
				a.inForce = conf
				a.changed(cc)
			}
		}
		kit.Invariant(conf == nil || sameConf(conf, first.conf), "BUG: raft: membership %v was stored as %v", conf, first.conf)
		a.applies++
		if f := a.o.Faults.DropApplyResponse; f != nil && f(a.applies-1) {
			continue
		}
		for _, r := range first.m.GetResponses() {
			a.respond(c, r)
		}
	}
}

func (a *raftActor) snapshotBuilt(m SnapshotBuilt) {
	a.view.snapshot = &pb.Snapshot{Data: m.Data, Metadata: &pb.SnapshotMetadata{Index: new(m.Mark.Index), Term: new(m.Mark.Term), ConfState: m.Mark.Conf}}
}

func (a *raftActor) compact(m Compact) {
	if m.Index <= a.view.trunc || m.Index > a.view.last {
		return
	}
	term, err := a.view.Term(m.Index)
	kit.Invariant(err == nil, "BUG: raft: no term of %d: %v", m.Index, err)
	a.view.compacted(m.Index, term)
	a.moved = true
	a.log.Tell(compactLog{m.Index, term})
}

func (a *raftActor) inspect(m *kit.Inspect) {
	s := a.status
	m.Reply(kit.Inspected{Inspect: m, State: s.Role, Fields: []kit.Field{
		{Name: "id", Value: s.ID}, {Name: "term", Value: s.Term}, {Name: "leader", Value: s.Leader},
		{Name: "first", Value: s.First}, {Name: "persisted", Value: s.Persisted}, {Name: "committed", Value: s.Committed}, {Name: "applied", Value: s.Applied},
		{Name: "applies without an answer", Value: len(a.applying)}, {Name: "log reads from disk", Value: a.view.misses},
		{Name: "voters", Value: s.Voters}, {Name: "learners", Value: s.Learners},
	}})
}

func sameConf(a, b *pb.ConfState) bool {
	return proto.Equal(withAutoLeave(a), withAutoLeave(b))
}

// withAutoLeave makes an unset flag false: the library takes them as equal, proto does not.
func withAutoLeave(c *pb.ConfState) *pb.ConfState {
	c = proto.CloneOf(c)
	c.AutoLeave = new(c.GetAutoLeave())
	return c
}
