package controller

import (
	"fmt"
	"slices"
	"time"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// Timing is how long things may take.
type Timing struct {
	Beat    time.Duration // between two heartbeats of a broker
	Session time.Duration // without a heartbeat, and a broker is fenced
	Suspect time.Duration // without a link, and a node counts as lost
}

// DefaultTiming is shorter than Kafka's (2 s and 9 s): a heartbeat costs a few dozen bytes here, and a link that breaks tells at once.
var DefaultTiming = Timing{Beat: 250 * time.Millisecond, Session: 2 * time.Second, Suspect: 300 * time.Millisecond}

// Margin is how much earlier than its session ends a broker stops serving as a leader: what it takes for granted about its clock, and the
// controller's about its own.
func (t Timing) Margin() time.Duration { return t.Session * 3 / 20 }

// Lag is how much older than the controller's a broker's image may be. A broker that is heard, and applies nothing, would serve for ever what others
// lead by now.
func (t Timing) Lag() time.Duration { return 2 * t.Session }

// tickEvery is the controller's measure of time.
const tickEvery = 50 * time.Millisecond

func ticks(d time.Duration) int { return int((d + tickEvery - 1) / tickEvery) }

// session is what the controller knows of one run of a broker.
type session struct {
	epoch int64
	heard int  // tick of the last heartbeat, or of the session's begin
	spoke bool // a heartbeat has come
	last  Beat
	left  uint64 // Raft index by which it was known to be in controlled shutdown, 0 before
	asked bool   // a command about it is on its way
	// fencing says that this one or an earlier command of this leadership is to fence it, and is not known to be decided. It may be applied at any
	// moment, so no heartbeat makes the broker a leader for longer.
	fencing bool
	// goal is an index that was applied here at a tick, the latest that the broker was not known to have then.
	goal   uint64
	goalAt int
}

// link is what this node knows of its link with another one.
type link struct {
	session uint64 // of the peers that is up; 0: down
	down    int    // tick since when it is down
	lost    bool   // down for so long that it counts
}

// core decides, and sends nothing.
type core struct {
	me     int32
	timing Timing
	o      Upkeep
	img    *meta.Image
	now    int // ticks
	links  map[int32]*link

	leads    bool
	term     uint64
	voters   []int32
	active   bool
	era      uint64 // one per time that this controller became active
	sessions map[int32]*session
	upkeep   upkeep
}

func newCore(me int32, t Timing, o Upkeep) *core {
	return &core{me: me, timing: t, o: o, img: meta.NewImage(), links: map[int32]*link{}, sessions: map[int32]*session{}}
}

// update takes the cluster's state and this node's part in Raft.
func (k *core) update(u Update) {
	if u.Leads && k.leads && u.Term != k.term {
		k.active = false // another leadership: heartbeats went elsewhere in between
	}
	if u.Term != k.term {
		clear(k.sessions) // what was proposed before is decided: this node's image has all that was, before it acts in another leadership
	}
	k.img, k.leads, k.term, k.voters = u.Image, u.Leads, u.Term, u.Voters
	k.upkeep.dirty = k.upkeep.dirty || u.Moved
	for _, n := range k.img.Nodes() {
		if n.ID != k.me && k.links[n.ID] == nil {
			k.links[n.ID] = &link{down: k.now}
		}
	}
	for id, l := range k.links {
		if k.img.Node(id) == nil && l.session == 0 {
			delete(k.links, id)
		}
	}
	k.settle()
}

// settle begins or ends being active, and keeps a session for each registered broker.
func (k *core) settle() {
	if was := k.active; was != (k.leads && k.contact()) {
		k.active = !was
		if k.active {
			k.era++
			for id, s := range k.sessions { // what was proposed in this leadership is still on its way
				k.sessions[id] = &session{epoch: s.epoch, heard: k.now, asked: s.asked, fencing: s.fencing}
			}
			k.upkeep = upkeep{dirty: true, surveyed: k.now}
		}
	}
	for id := range k.sessions {
		if k.img.Broker(id) == nil {
			delete(k.sessions, id)
		}
	}
	for _, b := range k.img.Brokers() {
		s := k.sessions[b.ID]
		if s == nil || s.epoch != b.Epoch {
			s = &session{epoch: b.Epoch, heard: k.now}
			k.sessions[b.ID] = s
		}
		if b.InControlledShutdown && s.left == 0 {
			s.left = k.img.Index()
		}
	}
}

// contact reports whether most of Raft's voters can be reached. A leader that has lost them is deposed or will be: it must not
// tell brokers, its own first, that they serve.
func (k *core) contact() bool {
	reached := 0
	for _, id := range k.voters {
		if l := k.links[id]; id == k.me || l != nil && !l.lost {
			reached++
		}
	}
	return reached > len(k.voters)/2 || len(k.voters) == 0
}

func (k *core) up(node int32, session uint64) {
	k.links[node] = &link{session: session}
}

func (k *core) down(node int32, session uint64) {
	if l := k.links[node]; l != nil && l.session == session {
		l.session, l.down = 0, k.now
	}
}

// lost are the nodes of the cluster that count as lost, by id.
func (k *core) lost() (ids []int32) {
	for _, n := range k.img.Nodes() {
		if l := k.links[n.ID]; l != nil && l.lost {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// watch moves time on by a tick.
func (k *core) watch() []meta.Command {
	k.now++
	for _, l := range k.links {
		l.lost = l.session == 0 && k.now-l.down >= ticks(k.timing.Suspect)
	}
	k.settle()
	if !k.active {
		return nil
	}
	var out []meta.Command
	for _, b := range k.img.Brokers() {
		s := k.sessions[b.ID]
		why := k.missing(b.ID, s)
		if why == "" && s.fencing {
			why = "nobody knows whether it will be by an earlier command" // with this one, that is decided, too
		}
		if why != "" && !b.Fenced && !s.asked {
			s.asked, s.fencing = true, true
			out = append(out, meta.FenceBroker{BrokerID: b.ID, BrokerEpoch: b.Epoch, Reason: why})
		}
	}
	return append(out, k.tend()...)
}

// missing says why a broker is taken for dead; "" if it is not.
func (k *core) missing(id int32, s *session) string {
	switch {
	case id == k.me:
		return ""
	case k.expired(s):
		return fmt.Sprintf("no heartbeat for %s", time.Duration(k.now-s.heard)*tickEvery)
	}
	if l := k.links[id]; l == nil || !l.lost {
		return ""
	}
	for _, o := range k.img.Brokers() {
		if o.ID == id || o.ID == k.me || o.Fenced {
			continue
		}
		if w := k.sessions[o.ID]; w.spoke && !k.expired(w) && slices.Contains(w.last.Lost, id) {
			return fmt.Sprintf("nodes %d and %d have lost their links with it", k.me, o.ID)
		}
	}
	return ""
}

func (k *core) expired(s *session) bool { return k.now-s.heard >= ticks(k.timing.Session) }

// beat takes a heartbeat, and gives the answer and what is to be proposed; nil if nothing is.
func (k *core) beat(h Beat) (Verdict, meta.Command) {
	b := k.img.Broker(h.BrokerID)
	switch {
	case !k.active:
		return Verdict{Code: code.NotController}, nil
	case h.BrokerEpoch > int64(k.img.Index()): // registered later than what is applied here
		return Verdict{Code: code.CoordinatorNotAvailable}, nil
	case b == nil:
		return Verdict{Code: code.BrokerIdNotRegistered}, nil
	case b.Epoch != h.BrokerEpoch:
		return Verdict{Code: code.StaleBrokerEpoch}, nil
	}
	s := k.sessions[b.ID]
	s.heard, s.spoke, s.last = k.now, true, h
	if h.Applied >= s.goal {
		s.goal, s.goalAt = k.img.Index(), k.now
	}
	v := Verdict{Fenced: b.Fenced || s.fencing || k.behind(b.ID) && k.others(b.ID), CaughtUp: h.Applied >= uint64(b.Epoch)}
	if h.WantShutdown {
		v.ShouldShutDown = b.Fenced || b.InControlledShutdown && k.seen(s.left, b.ID)
	}
	if s.asked {
		return v, nil
	}
	cmd := k.next(b, h, v.CaughtUp)
	s.asked = cmd != nil
	if _, fence := cmd.(meta.FenceBroker); fence {
		s.fencing, v.Fenced = true, true
	}
	return v, cmd
}

// next is what follows from what a broker says of itself.
func (k *core) next(b *meta.Broker, h Beat, caughtUp bool) meta.Command {
	switch {
	case h.WantShutdown && !b.Fenced && !b.InControlledShutdown:
		return meta.BeginControlledShutdown{BrokerID: b.ID, BrokerEpoch: b.Epoch}
	case h.WantShutdown:
		return nil
	case b.Fenced && caughtUp && !h.WantFence && h.DiskOK && !k.behind(b.ID):
		return meta.UnfenceBroker{BrokerID: b.ID, BrokerEpoch: b.Epoch}
	case !b.Fenced && h.WantFence:
		return meta.FenceBroker{BrokerID: b.ID, BrokerEpoch: b.Epoch, Reason: "it asked for it"}
	case !b.Fenced && !h.DiskOK && k.others(b.ID):
		return meta.FenceBroker{BrokerID: b.ID, BrokerEpoch: b.Epoch, Reason: "its disk does not answer"}
	case !b.Fenced && k.behind(b.ID) && k.others(b.ID) && k.leading(b.ID):
		return meta.FenceBroker{BrokerID: b.ID, BrokerEpoch: b.Epoch,
			Reason: fmt.Sprintf("it has applied metadata up to %d only, and lacks what is older than %s", h.Applied, k.timing.Lag())}
	}
	return nil
}

// leading reports whether a broker leads anything, as far as is known here.
func (k *core) leading(id int32) bool { _, leads := k.img.Load(id); return leads > 0 }

// behind reports whether a broker that is heard lacks what was applied here long ago. It does not get the right to lead then, and if it leads anything
// others shall. One that only follows stays in sync: it follows by the epochs that it knows.
func (k *core) behind(id int32) bool {
	s := k.sessions[id]
	return s.last.Applied < s.goal && k.now-s.goalAt >= ticks(k.timing.Lag())
}

// others reports whether another broker is in service.
func (k *core) others(id int32) bool {
	return slices.ContainsFunc(k.img.Brokers(), func(b meta.Broker) bool { return b.ID != id && !b.Fenced && !b.InControlledShutdown })
}

// seen reports whether every other broker that is in service has applied an index.
func (k *core) seen(index uint64, but int32) bool {
	for _, b := range k.img.Brokers() {
		s := k.sessions[b.ID]
		switch {
		case b.ID == but || b.Fenced || k.expired(s):
		case b.ID == k.me && k.img.Index() >= index:
		case s.last.Applied < index:
			return false
		}
	}
	return true
}

// proposed notes that a command is answered; decided says that it was applied, or refused where it would have been. What an earlier leadership proposed
// is nobody's any more, and neither is the upkeep of an earlier era.
func (k *core) proposed(era, term uint64, cmd meta.Command, decided bool) {
	if term == k.term {
		switch c := cmd.(type) {
		case meta.FenceBroker:
			k.free(c.BrokerID, c.BrokerEpoch, decided)
		case meta.UnfenceBroker:
			k.free(c.BrokerID, c.BrokerEpoch, decided)
		case meta.BeginControlledShutdown:
			k.free(c.BrokerID, c.BrokerEpoch, decided)
		}
	}
	if era != k.era {
		return
	}
	switch cmd.(type) {
	case meta.AlterReassignments:
		k.upkeep.growing = false
	case meta.ElectLeaders:
		k.upkeep.electing = false
	}
}

// free lets the next command about a broker go. One that is decided tells the same of all that were proposed before it, for they are applied in order;
// one whose time was over may be applied later.
func (k *core) free(id int32, epoch int64, decided bool) {
	if s := k.sessions[id]; s != nil && s.epoch == epoch {
		s.asked, s.fencing = false, s.fencing && !decided
	}
}
