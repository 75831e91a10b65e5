package group

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/kafka/code"
)

// onAsk passes what concerns a group to its actor, or answers for a group that does not exist.
func (s *Shard) onAsk(c kit.Context, m ask) {
	if bad := s.check(m); bad != code.OK {
		m.refuse(bad)
		return
	}
	if bad := s.serves(); bad != code.OK {
		m.refuse(bad)
		return
	}
	if s.term.full(m) {
		m.refuse(code.CoordinatorNotAvailable)
		return
	}
	id := m.group()
	x := s.term.groups[id]
	switch {
	case x != nil:
	case !creates(m):
		absent(m)
		return
	case len(s.term.groups) >= maxGroups, s.o.Stats.tight.Load():
		m.refuse(code.CoordinatorNotAvailable)
		return
	default:
		x = &slot{listing: listing{nothing: true}, core: newCore(id, s.facts.Config, s.clock.at(c.Now()))}
		s.term.groups[id] = x
	}
	s.pass(c, id, x, m)
}

// serves says whether this shard coordinates now. Without the lease another broker may do so by now, and have taken commits that are not here.
func (s *Shard) serves() code.Code {
	switch {
	case s.role != leading && s.role != loading, !s.o.Lease.Held():
		return code.NotCoordinator
	case s.role == loading:
		return code.CoordinatorLoadInProgress
	}
	return code.OK
}

// check refuses what is wrong whatever the group is, in Kafka's order (GroupCoordinatorService, KafkaApis).
func (s *Shard) check(m ask) code.Code {
	switch m := m.(type) {
	case *Join:
		t := int64(m.Req.SessionTimeoutMillis)
		switch {
		case m.Req.Group == "":
			return code.InvalidGroupId
		case s.role == leading && (t < s.facts.Config.MinSessionMs || t > s.facts.Config.MaxSessionMs):
			return code.InvalidSessionTimeout
		}
	case *Sync:
		if m.Req.Version >= 5 && (m.Req.ProtocolType == nil || m.Req.Protocol == nil) {
			return code.InconsistentGroupProtocol
		}
		return idGiven(m.Req.Group)
	case *Heartbeat, *Leave, *DeleteOffsets:
		return idGiven(m.group())
	}
	return code.OK
}

func idGiven(id string) code.Code {
	if id == "" {
		return code.InvalidGroupId
	}
	return code.OK
}

// creates says whether an ask may make the group: a join without a member id, a commit without a generation.
func creates(m ask) bool {
	switch m := m.(type) {
	case *Join:
		return m.Req.MemberID == ""
	case *Commit:
		return m.Req.Generation < 0
	}
	return false
}

// absent answers for a group that does not exist.
func absent(m ask) {
	switch m := m.(type) {
	case *Leave:
		if m.Req.Version < 3 {
			m.refuse(code.UnknownMemberId)
			return
		}
		list := make([]kmsg.LeaveGroupResponseMember, len(m.Req.Members))
		for i, x := range m.Req.Members {
			list[i].MemberID, list[i].InstanceID, list[i].ErrorCode = x.MemberID, x.InstanceID, int16(code.UnknownMemberId)
		}
		m.answer(list, code.OK)
	case *Commit:
		if m.Req.Version >= 9 {
			m.refuse(code.GroupIdNotFound)
			return
		}
		m.refuse(code.IllegalGeneration)
	case *FetchOffsets:
		m.Reply(FetchedOffsets{m, (&core{}).fetchOffsets(m.Req, nil)})
	case *Describe:
		m.Reply(Described{m, describeAbsent(m)})
	case *Delete, *DeleteOffsets, *Explain:
		m.refuse(code.GroupIdNotFound)
	default:
		m.refuse(code.UnknownMemberId)
	}
}

// pass hands a message to a group's actor, which is made if the group had nothing to do so far.
func (s *Shard) pass(c kit.Context, id string, x *slot, m any) {
	if x.stopping {
		if len(x.held) >= maxHeld {
			refuseAll([]any{m}, code.CoordinatorLoadInProgress)
			return
		}
		x.held = append(x.held, m)
		return
	}
	if x.ref == nil {
		core := x.core
		core.cfg = s.facts.Config
		x.core, x.sent = nil, 0
		s.term.shows(x, core.listing())
		x.ref = c.Spawn(actorName(s.o.Index, id), newGroup(core, c.Self(), s.o.Topic, s.clock, s.o.Stats), kit.Options{Kind: "group"})
	}
	s.tell(x, m)
}

func (s *Shard) tell(x *slot, m any) {
	x.sent++
	x.ref.Tell(m)
}

// maxShown is the longest id that is shown as it is. What is shown of longer ones is longer than that, 69 to 72 bytes and the hash: or a client
// could name a group as another one's actor.
const maxShown = 100

// actorName is the name of a group's actor: people find a group by it, and no two groups have the same.
func actorName(p int32, id string) string {
	shown := strconv.QuoteToGraphic(id)
	shown = shown[1 : len(shown)-1]
	if len(shown) > maxShown {
		sum := sha256.Sum256([]byte(id))
		shown = strings.ToValidUTF8(shown[:72], "") + "~" + hex.EncodeToString(sum[:16])
	}
	return "group/" + strconv.Itoa(int(p)) + "/" + shown
}

func (s *Shard) onMoved(m moved) {
	if x := s.slotOf(m.id, m.ref); x != nil {
		s.term.shows(x, m.listing)
	}
}

func (s *Shard) slotOf(id string, ref *kit.Ref) *slot {
	if s.term == nil {
		return nil
	}
	if x := s.term.groups[id]; x != nil && x.ref == ref {
		return x
	}
	return nil
}

// onRested takes a group back, unless something is on its way to its actor.
func (s *Shard) onRested(c kit.Context, m rested) {
	x := s.slotOf(m.id, m.ref)
	if x == nil || x.sent != m.handled || x.stopping {
		return
	}
	x.core, x.stopping = m.core, true
	s.term.shows(x, m.core.listing())
	c.Stop(x.ref, c.Self(), stopped{m.id, x.ref})
}

// onStopped lets a group have another actor, now that the name is free.
func (s *Shard) onStopped(c kit.Context, m stopped) {
	x := s.slotOf(m.id, m.ref)
	if x == nil { // of an earlier term
		if s.leaving > 0 {
			s.leaving--
		}
		s.settle(c)
		return
	}
	held := x.held
	x.ref, x.stopping, x.held = nil, false, nil
	for _, h := range held {
		s.pass(c, m.id, x, h)
	}
	if x.ref == nil && x.core.worthless() {
		s.term.shows(x, listing{nothing: true})
		delete(s.term.groups, m.id)
	}
}

func refuseAll(list []any, bad code.Code) {
	for _, m := range list {
		if a, ok := m.(ask); ok {
			a.refuse(bad)
		}
	}
}

// onList shows the groups of this shard.
func (s *Shard) onList(m *List) {
	if bad := s.serves(); bad != code.OK {
		m.Reply(Listed{List: m, Code: bad})
		return
	}
	out := Listed{List: m}
	for _, id := range s.term.ids() {
		x := s.term.groups[id]
		if x.nothing || !wantsState(m.States, x.state.String()) || !wantsType(m.Types, "classic") {
			continue
		}
		g := kmsg.NewListGroupsResponseGroup()
		g.Group, g.ProtocolType, g.GroupState, g.GroupType = id, x.protocolType, x.state.String(), "classic"
		out.Groups = append(out.Groups, g)
	}
	m.Reply(out)
}

// wantsState ignores case and blanks around a name, wantsType case alone: so does Kafka. An empty filter wants all.
func wantsState(list []string, state string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(strings.TrimSpace(x), state) })
}

func wantsType(list []string, what string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, what) })
}
