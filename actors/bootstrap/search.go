package bootstrap

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"troupe/actors/kit"
	"troupe/actors/peer"
)

// visit asks whoever is at an address, unless that is under way.
func (b *bootstrap) visit(c kit.Context, i int) {
	v := &b.visits[i]
	if v.under || v.done || b.seats[i].self || b.state == settling {
		return
	}
	if v.timer != nil {
		v.timer.Stop()
		v.timer = nil
	}
	v.under = true
	b.o.Peers.Tell(&peer.Visit{Ask: kit.Ask{ReplyTo: c.Self(), Slot: uint64(i)}, Address: b.seats[i].address, Kind: peer.KindBootstrap,
		Head: encode(b.says()), Timeout: visitFor})
}

// later visits an address again after a pause, half of which is by chance so that founders do not keep step.
func (b *bootstrap) later(c kit.Context, i int, pause time.Duration) {
	b.visits[i].timer = c.After(c.Self(), pause/2+time.Duration(c.Rand()%uint64(pause)), again{i})
}

// visited takes in what a visit led to.
func (b *bootstrap) visited(c kit.Context, m peer.Visited) {
	i := int(m.Slot)
	s, v := &b.seats[i], &b.visits[i]
	v.under = false
	if m.Reason == peer.Refused && m.Who.StoreID == b.id.StoreID {
		s.self, s.heard, s.why, v.done = true, false, "", true
		b.judge(c)
		return
	}
	switch b.state {
	case settling:
		return // settled visits again if it has to
	case settled:
		b.met(c, i, m)
		return
	}
	s.heard, s.store, s.why = m.Who.StoreID != [16]byte{}, m.Who.StoreID, ""
	pause := b.learn(c, i, m)
	if b.state == searching {
		b.later(c, i, pause)
		b.judge(c)
	}
}

// learn takes in the answer to a question for a place, and says after what pause to ask again.
func (b *bootstrap) learn(c kit.Context, i int, m peer.Visited) time.Duration {
	s, v := &b.seats[i], &b.visits[i]
	r, err := reply{}, error(nil)
	if m.Reason == peer.OK {
		r, err = parseReply(m.Head)
	}
	if m.Reason != peer.OK || err != nil {
		s.heard = false
		s.why = cmp.Or(m.Text, m.Reason.String())
		if err != nil {
			s.why = "its answer is not understood: " + err.Error()
		}
		if m.Reason == peer.Refused || err != nil {
			b.say(c, "a broker does not help on the way to a cluster", s.address, s.why)
		}
		v.pause = min(max(2*v.pause, firstPause), lastPause)
		return v.pause
	}
	v.pause = 0
	switch r.State {
	case stateFounded:
		b.adopt(c, r.Record)
	case stateAdded:
		b.take(c, r)
	case stateRefused:
		s.why = r.Text
		b.say(c, "a place in the cluster was refused", s.address, r.Text)
		return lastPause
	default:
		s.why = r.Text
		if len(b.o.Seeds) > 0 && len(r.Seeds) > 0 && !same(r.Seeds, b.o.Seeds) {
			s.why = "its --seeds are " + strings.Join(r.Seeds, ",")
			b.say(c, "the founders of a cluster need the same --seeds", s.address, s.why)
		}
	}
	if len(b.o.Seeds) > 0 && i == 0 && s.why == "" {
		return heldPause
	}
	return nextPause
}

// say logs something about an address, each text once.
func (b *bootstrap) say(c kit.Context, text, address, why string) {
	key := address + " " + why
	if b.told[key] {
		return
	}
	if len(b.told) >= maxTold {
		clear(b.told)
	}
	b.told[key] = true
	c.Log().Warn(text, "address", address, "reason", why)
}

// maxTold bounds what say remembers.
const maxTold = 100

// judge looks whether the founders are complete, if it is for this node to decide, and says what is waited for.
func (b *bootstrap) judge(c kit.Context) {
	if b.state != searching {
		return
	}
	if !b.decides() {
		b.waitFor(b.hopes())
		return
	}
	var asking []founder
	for _, h := range b.held() {
		asking = append(asking, founder{h.asked.From.StoreID, h.says})
	}
	all, missing := seated(b.seats, founder{b.id.StoreID, b.says()}, asking)
	if len(missing) > 0 {
		b.waitFor("founders: " + strings.Join(missing, ", "))
		return
	}
	r, err := record(b.seats, all, b.o.NewClusterID(), c.Now().UnixMilli(), b.o.Configs)
	if err != nil {
		b.waitFor(err.Error())
		b.say(c, "the founders do not fit together", b.seats[0].address, err.Error())
		return
	}
	c.Log().Info("cluster founded", "cluster", r.ClusterID, "founders", strings.Join(b.o.Seeds, ","))
	b.settle(c, r, placeIn(r, b.id))
}

// hopes is what those wait for who cannot decide.
func (b *bootstrap) hopes() string {
	var list []string
	for _, s := range b.seats {
		if !s.self {
			list = append(list, s.address+" ("+cmp.Or(s.why, "no answer yet")+")")
		}
	}
	if len(b.o.Seeds) > 0 {
		return "the first of the seeds, or one that has a cluster: " + strings.Join(list, ", ")
	}
	return fmt.Sprintf("a cluster at %s", strings.Join(list, ", "))
}

func (b *bootstrap) waitFor(text string) {
	if text != b.waits {
		b.waits = text
		b.o.Waits(text)
	}
}

// kick visits those at once who did not answer the last time: somebody has just come up.
func (b *bootstrap) kick(c kit.Context) {
	for i := range b.seats {
		if !b.seats[i].heard {
			b.visit(c, i)
		}
	}
}
