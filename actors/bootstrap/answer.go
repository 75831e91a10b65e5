package bootstrap

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// held is the question of a founder that waits for the others.
type held struct {
	asked *peer.Asked
	says  statement
	since time.Time
}

// held are all questions that wait, oldest first.
func (b *bootstrap) held() []*held {
	return slices.SortedFunc(maps.Values(b.asks), func(x, y *held) int {
		return cmp.Or(x.since.Compare(y.since), slices.Compare(x.asked.From.StoreID[:], y.asked.From.StoreID[:]))
	})
}

// maxHeld bounds the questions that wait.
const maxHeld = 2 * MaxSeeds

// asked handles the question of another node.
func (b *bootstrap) asked(c kit.Context, m *peer.Asked) {
	says, err := parseStatement(m.Head)
	if err != nil || m.From.StoreID == [16]byte{} {
		m.Refuse()
		return
	}
	switch {
	case says.RaftID != 0:
		answer(m, replaced(b.o.Image(), m.From.ClusterID, m.From.NodeID, says.RaftID))
	case b.state == settled:
		b.admit(c, m, says)
	default:
		b.hold(c, m, says)
	}
}

// hold keeps a question while it may help to found the cluster, or until this node has a place itself.
func (b *bootstrap) hold(c kit.Context, m *peer.Asked, says statement) {
	if b.state == searching {
		b.kick(c)
	}
	if b.state == searching && !(b.decides() && same(says.Seeds, b.o.Seeds)) {
		answer(m, b.emptyHanded())
		return
	}
	if old := b.asks[m.From.StoreID]; old != nil { // its connection broke, or it runs anew
		answer(old.asked, b.emptyHanded())
	} else if len(b.asks) >= maxHeld {
		m.Refuse()
		return
	}
	b.asks[m.From.StoreID] = &held{m, says, c.Now()}
	if !b.seatOf(m.From.StoreID) {
		b.look(c)
	}
	b.armRelease(c)
	b.judge(c)
}

// emptyHanded is what somebody without a cluster can say.
func (b *bootstrap) emptyHanded() reply {
	text := ""
	switch {
	case len(b.o.Seeds) == 0:
		text = "it waits to join a cluster itself"
	case !b.decides():
		text = "it waits to be founded, too"
	}
	return reply{State: stateWaiting, Text: text, Seeds: b.o.Seeds}
}

// seatOf says whether the last visits found a store at one of the addresses.
func (b *bootstrap) seatOf(store [16]byte) bool {
	return slices.ContainsFunc(b.seats, func(s seat) bool { return s.heard && s.store == store })
}

// look visits all addresses at once: a store has asked that none of them led to.
func (b *bootstrap) look(c kit.Context) {
	for i := range b.seats {
		b.visit(c, i)
	}
}

func (b *bootstrap) armRelease(c kit.Context) {
	if !b.releasing && len(b.asks) > 0 {
		b.releasing = true
		c.After(c.Self(), holdFor/4, release{})
	}
}

// release answers those who have waited for long enough: they ask again, and who of them still lives shows in that.
func (b *bootstrap) release(c kit.Context) {
	b.releasing = false
	for _, h := range b.held() {
		if b.state == searching && c.Now().Sub(h.since) >= holdFor {
			delete(b.asks, h.asked.From.StoreID)
			answer(h.asked, b.emptyHanded())
		}
	}
	b.armRelease(c)
}

// admit gives a node its place in the cluster that this node is part of.
func (b *bootstrap) admit(c kit.Context, m *peer.Asked, says statement) {
	img := b.o.Image()
	if r := offer(img, b.record, b.id.Founding, m.From.StoreID, says); r != nil {
		answer(m, *r)
		return
	}
	if b.o.Metadata == nil {
		answer(m, reply{State: stateWaiting, Text: "it is starting"})
		return
	}
	b.slot++
	b.adds[b.slot] = m
	cmd := meta.AddNode{StoreID: m.From.StoreID, RequestedID: wanted(img, says), Version: says.Version}
	if _, err := Canonical([]string{says.Address}); err == nil {
		cmd.Endpoints = []meta.Endpoint{endpoint(says.Address)}
	}
	b.o.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self(), Slot: b.slot}, Cmd: cmd, Timeout: addFor})
}

// added answers a newcomer.
func (b *bootstrap) added(m raftnode.Proposed) {
	asked := b.adds[m.Slot]
	if asked == nil {
		return
	}
	delete(b.adds, m.Slot)
	switch v := m.Result.Value.(type) {
	case meta.NodeAdded:
		img := b.o.Image()
		answer(asked, reply{State: stateAdded, ClusterID: img.ClusterID(), NodeID: v.NodeID, RaftID: v.RaftID, Nodes: places(img.Nodes())})
	default:
		r := reply{State: stateWaiting, Text: m.Result.Message}
		switch m.Result.Code {
		case code.DuplicateBrokerRegistration, code.PolicyViolation, code.InvalidRequest:
			r.State = stateRefused
		}
		answer(asked, r)
	}
}

func answer(m *peer.Asked, r reply) { m.Reply(peer.Answer{Asked: m, Head: encode(r)}) }

func same(a, b []string) bool { return slices.Equal(a, b) }
