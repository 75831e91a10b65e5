package sim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// mayor makes, changes, moves and deletes topics through whatever broker it happens to ask. What it gets no answer for it asks again, of
// another one.
type mayor struct {
	t     *town
	id    string
	jobs  []task
	open  map[*raftnode.Propose]*letter
	autos map[*api.EnsureTopics]*letter
}

// letter is an ask under way.
type letter struct {
	to    *house
	since time.Duration
	limit time.Duration
	task
}

// task is one thing to do: what to propose, nil if there is nothing to do; and what to make of the answer, false: propose it again.
type task struct {
	cmd      func() meta.Command
	answered func(h *house, m raftnode.Proposed) bool
	auto     string // or a topic that is asked for by its name
	of       *topic // nothing is done to it before it is known what became of its creation
}

func (x *mayor) name() string { return x.id }

func (x *mayor) receive(h *house, c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		x.turn(h, c)
		if !x.done() {
			x.t.soon(c, 150*time.Millisecond)
		}
	case raftnode.Proposed:
		x.onProposed(h, m)
	case api.TopicsEnsured:
		x.onEnsured(h, m)
	}
}

func (x *mayor) turn(h *house, c kit.Context) {
	if len(x.jobs) == 0 || len(x.open)+len(x.autos) > 1 {
		return
	}
	j := x.jobs[0]
	x.jobs = x.jobs[1:]
	if j.of != nil && j.of.state == topicAsked {
		x.again(j)
		return
	}
	limit := time.Duration(500+x.t.IntN(3000)) * time.Millisecond
	l := &letter{h, x.t.Now(), limit, j}
	if j.auto != "" {
		m := &api.EnsureTopics{Ask: kit.Ask{ReplyTo: c.Self()}, Names: []string{j.auto}, Timeout: limit}
		x.autos[m] = l
		h.broker.Shared.TopicMaker.Tell(m)
		return
	}
	if cmd := j.cmd(); cmd != nil {
		m := &raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self()}, Cmd: cmd, Timeout: limit}
		x.open[m] = l
		h.broker.Metadata.Tell(m)
	}
}

func (x *mayor) again(j task) { x.jobs = append(x.jobs, j) }

func (x *mayor) onProposed(h *house, m raftnode.Proposed) {
	l := x.open[m.Propose]
	if l == nil {
		x.t.Fail("%s: a second answer to %T", x.id, m.Cmd)
		return
	}
	delete(x.open, m.Propose)
	if m.Index > 0 {
		x.t.ackedAt(h, m.Index)
	}
	if m.Index == 0 || m.Result.Code == code.NotController || m.Result.Code == code.RequestTimedOut || !l.answered(h, m) {
		x.again(l.task)
	}
}

// onEnsured: whoever asks, at whatever broker, it is the same topic.
func (x *mayor) onEnsured(h *house, m api.TopicsEnsured) {
	l := x.autos[m.EnsureTopics]
	if l == nil {
		x.t.Fail("%s: a second answer to EnsureTopics", x.id)
		return
	}
	delete(x.autos, m.EnsureTopics)
	found := h.image().Topic(l.auto)
	if found == nil {
		x.again(l.task)
		return
	}
	for _, known := range x.t.cluster.topics {
		if known.Name == l.auto && known.ID != found.ID {
			x.t.Fail("topic %s was made twice: %s and %s", l.auto, known.ID, found.ID)
		}
		if known.Name == l.auto {
			return
		}
	}
	x.t.cluster.made++
	x.t.cluster.topics = append(x.t.cluster.topics, &topic{NewTopic: meta.NewTopic{Name: l.auto, ID: found.ID}, state: topicMade, index: h.index,
		partitions: len(found.Partitions)})
}

// newTopic chooses a topic; it is not proposed yet.
func (t *town) newTopic(name string, partitions int) *topic {
	x := &topic{NewTopic: meta.NewTopic{Name: name, Configs: map[string]string{}}}
	binary.BigEndian.PutUint64(x.ID[:8], t.Sim.Rand()|1)
	binary.BigEndian.PutUint64(x.ID[8:], t.Sim.Rand())
	for range partitions {
		var list []int32
		for _, i := range t.rng.Perm(len(t.ids)) {
			list = append(list, t.ids[i])
		}
		if list = list[:min(len(list), 3)]; len(list) > 2 && t.Chance(.2) {
			list = list[:2]
		}
		x.Assignments = append(x.Assignments, list)
	}
	for _, a := range x.Assignments { // as many replicas for each
		x.Assignments[0] = x.Assignments[0][:min(len(x.Assignments[0]), len(a))]
	}
	for i := range x.Assignments {
		x.Assignments[i] = x.Assignments[i][:len(x.Assignments[0])]
	}
	if x.MinISRAuto = t.Chance(.5); !x.MinISRAuto {
		x.Configs["min.insync.replicas"] = strconv.Itoa(1 + t.IntN(2))
	}
	t.cluster.topics = append(t.cluster.topics, x)
	return x
}

func (x *mayor) create(p *topic) task {
	return task{cmd: func() meta.Command { return meta.CreateTopics{Topics: []meta.NewTopic{p.NewTopic}} },
		answered: func(h *house, m raftnode.Proposed) bool {
			list, _ := m.Result.Value.([]meta.TopicResult)
			if len(list) != 1 {
				x.t.Fail("%s: CreateTopics %s: %s %s", x.id, p.Name, m.Result.Code, m.Result.Message)
				return true
			}
			switch r := list[0]; r.Code {
			case code.OK:
				if p.state == topicAsked {
					p.state, p.partitions = topicMade, len(p.Assignments)
					x.t.cluster.made++
				}
				p.index = m.Index
			case code.TopicAlreadyExists:
				p.state, p.index = topicRefused, m.Index
			case code.InvalidReplicaAssignment, code.InvalidReplicationFactor: // a broker is not registered yet, or fenced
				return false
			default:
				x.t.Fail("topic %s was refused: %s %s", p.Name, r.Code, r.Message)
			}
			return true
		}}
}

func (x *mayor) remove(p *topic) task {
	return task{of: p, cmd: func() meta.Command {
		if p.state == topicRefused {
			return nil
		}
		if p.state == topicMade {
			p.state = topicLeaving
		}
		for i := range p.Assignments {
			x.t.ledger.part(p.ID, int32(i)).gone = true
		}
		return meta.DeleteTopics{IDs: []meta.TopicID{p.ID}}
	}, answered: func(_ *house, m raftnode.Proposed) bool {
		list, _ := m.Result.Value.([]meta.TopicResult)
		if len(list) != 1 || list[0].Code != code.OK && list[0].Code != code.UnknownTopicId {
			x.t.Fail("%s: DeleteTopics %s: %s %v", x.id, p.Name, m.Result.Code, list)
			return true
		}
		p.state, p.index = topicDeleted, m.Index
		x.t.cluster.deleted++
		return true
	}}
}

// alter sets one setting of a topic.
func (x *mayor) alter(p *topic, key, value string) task {
	return task{of: p, cmd: func() meta.Command {
		if p.state != topicMade {
			return nil
		}
		delete(x.t.cluster.configs, p.ID) // between two values until it is acknowledged
		return meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{{Type: meta.TopicResource, Name: p.Name,
			Ops: []meta.AlterOp{{Op: meta.ConfigSet, Key: key, Value: value}}}}}
	}, answered: func(_ *house, m raftnode.Proposed) bool {
		if p.state == topicMade {
			x.t.cluster.configs[p.ID] = setting{key, value, m.Index}
		}
		return true
	}}
}

// move gives a partition other replicas, in another order.
func (x *mayor) move(p *topic) task {
	return task{of: p, cmd: func() meta.Command {
		if p.state != topicMade {
			return nil
		}
		var to []int32
		for _, i := range x.t.rng.Perm(len(x.t.ids)) {
			to = append(to, x.t.ids[i])
		}
		if to = to[:min(len(to), 3)]; len(to) > 2 && x.t.Chance(.5) {
			to = to[:2]
		}
		return meta.AlterReassignments{Partitions: []meta.Reassignment{{PartitionRef: x.t.someOf(p), Target: to}}}
	}, answered: func(*house, raftnode.Proposed) bool { return true }}
}

// elect asks that the preferred replica leads.
func (x *mayor) elect(p *topic) task {
	return task{of: p, cmd: func() meta.Command {
		if p.state != topicMade {
			return nil
		}
		return meta.ElectLeaders{Partitions: []meta.Election{{PartitionRef: x.t.someOf(p), Candidate: meta.NoLeader}}}
	}, answered: func(*house, raftnode.Proposed) bool { return true }}
}

func (t *town) someOf(p *topic) meta.PartitionRef {
	return meta.PartitionRef{Topic: p.ID, Index: int32(t.IntN(p.partitions))}
}

func (x *mayor) cut(h *house) {
	var lost []*letter
	for m, l := range x.open {
		if l.to == h {
			delete(x.open, m)
			lost = append(lost, l)
		}
	}
	for m, l := range x.autos {
		if l.to == h {
			delete(x.autos, m)
			lost = append(lost, l)
		}
	}
	slices.SortFunc(lost, func(a, b *letter) int { return cmp.Compare(a.since, b.since) })
	for _, l := range lost {
		x.again(l.task)
	}
}

func (x *mayor) done() bool { return len(x.jobs)+len(x.open)+len(x.autos) == 0 }

func (x *mayor) waits() (what string, since time.Duration) {
	for m, l := range x.open {
		if at := l.since + l.limit; what == "" || at < since {
			since, what = at, fmt.Sprintf("the answer of %s to %T", host(l.to.id), m.Cmd)
		}
	}
	for _, l := range x.autos {
		if at := l.since + l.limit; what == "" || at < since {
			since, what = at, fmt.Sprintf("topic %s, asked of %s", l.auto, host(l.to.id))
		}
	}
	return what, since
}
