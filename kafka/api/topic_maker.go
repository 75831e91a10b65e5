package api

import (
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// EnsureTopics asks that topics of these names exist, with what the broker's settings say where nobody said more.
//
// From: conn (Metadata). Answer: TopicsEnsured, when for each name the cluster has decided or Timeout has passed.
type EnsureTopics struct {
	kit.Ask
	Names   []string // legal, each once
	Timeout time.Duration

	left int // names that are being made
}

// TopicsEnsured answers EnsureTopics: which of the topics there are now, the View says.
//
// From: topic-maker.
type TopicsEnsured struct{ *EnsureTopics }

// Refuse implements kit.Refuser.
func (m *EnsureTopics) Refuse() { m.Reply(TopicsEnsured{m}) }

// maxTopicsInMaking bounds the names that are being made at a time; those beyond are not made, and their clients ask again.
const maxTopicsInMaking = 1000

// topicMaker makes the topics that clients ask about and that do not exist: one proposal per name at a time, however many
// connections ask for it.
//
// It owns the names that are being made, and who waits for them. It has one state. Invariants: a name is in making from its proposal
// to the answer of that; every EnsureTopics is answered when none of its names is in making any more.
type topicMaker struct {
	env    *Env
	making map[string][]*EnsureTopics // who waits, in the order of asking
}

func newTopicMaker(e *Env) *topicMaker {
	return &topicMaker{env: e, making: map[string][]*EnsureTopics{}}
}

// Receive implements kit.Actor.
func (a *topicMaker) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case *EnsureTopics:
		a.onEnsure(c, m)
	case raftnode.Proposed:
		a.onProposed(m)
	case *kit.Inspect:
		m.Reply(kit.Inspected{Inspect: m, State: "running", Fields: []kit.Field{{Name: "making", Value: len(a.making)}}})
	case kit.Stopping:
		a.onStopping()
	}
}

func (a *topicMaker) onEnsure(c kit.Context, m *EnsureTopics) {
	img, d := a.env.Published.Get().Image, a.env.defaults()
	plan := newTopicPlan(img, d, c)
	var cmd meta.CreateTopics
	partitions := 0
	for _, name := range m.Names {
		if waiters, ok := a.making[name]; ok {
			a.making[name] = append(waiters, m)
			m.left++
			continue
		}
		if img.Topic(name) != nil || len(a.making) >= maxTopicsInMaking {
			continue
		}
		n, e, _ := plan.add(wantedAuto(img, d, name))
		if partitions += len(n.Assignments); e != code.OK || partitions > meta.MaxPartitionsPerRequest {
			continue
		}
		cmd.Topics = append(cmd.Topics, n)
		a.making[name] = []*EnsureTopics{m}
		m.left++
	}
	if len(cmd.Topics) > 0 {
		a.env.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self()}, Cmd: cmd, Timeout: m.Timeout})
	}
	if m.left == 0 {
		m.Reply(TopicsEnsured{m})
	}
}

// onProposed does not look at the result: whoever waits looks for the topic itself. Another broker may have made it.
func (a *topicMaker) onProposed(p raftnode.Proposed) {
	for _, t := range p.Cmd.(meta.CreateTopics).Topics {
		waiters := a.making[t.Name]
		delete(a.making, t.Name)
		for _, m := range waiters {
			if m.left--; m.left == 0 {
				m.Reply(TopicsEnsured{m})
			}
		}
	}
}

func (a *topicMaker) onStopping() {
	names := make([]string, 0, len(a.making))
	for name := range a.making {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, m := range a.making[name] {
			if !m.Answered() {
				m.Reply(TopicsEnsured{m})
			}
		}
	}
	clear(a.making)
}
