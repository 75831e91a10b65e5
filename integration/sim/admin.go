package sim

import (
	"encoding/binary"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// admin makes topics, grows, changes and deletes them. What it has no answer for, it proposes again with the same ids.
type admin struct {
	w    *World
	id   string
	jobs []job
	busy int // proposals and asks under way
	p    proposals

	ensuring *api.EnsureTopics
	since    time.Duration
}

// job is one thing to do. It returns false if it is not possible yet.
type job func(c kit.Context) bool

func (x *admin) name() string { return x.id }

func (x *admin) receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		x.turn(c)
		if !x.done() {
			x.w.soon(c, 100*time.Millisecond)
		}
	case raftnode.Proposed:
		x.p.onProposed(m)
	case api.TopicsEnsured:
		x.ensured(m)
	}
}

// turn begins the next job. Clients propose at once, whether there is a leader or not: nobody waits for one.
func (x *admin) turn(c kit.Context) {
	if x.w.closing {
		return
	}
	if len(x.jobs) == 0 || x.busy > 2 {
		return
	}
	if j := x.jobs[0]; j(c) {
		x.jobs = x.jobs[1:]
	}
}

// ask proposes; again is queued as the next job if the outcome is not known.
func (x *admin) ask(c kit.Context, cmd meta.Command, again job, answered func(m raftnode.Proposed)) {
	x.busy++
	timeout := time.Duration(500+x.w.IntN(4000)) * time.Millisecond
	x.p.propose(c, cmd, timeout, func(m raftnode.Proposed) {
		x.busy--
		if m.Index == 0 || m.Result.Code == code.NotController || m.Result.Code == code.RequestTimedOut {
			x.first(again)
			return
		}
		answered(m)
	}, func() {
		x.busy--
		x.first(again)
	})
}

// first makes j the next job.
func (x *admin) first(j job) { x.jobs = append([]job{j}, x.jobs...) }

// create makes topics. Of several with one name only one may be made.
func (x *admin) create(list ...*topic) job {
	var again job
	again = func(c kit.Context) bool {
		var cmd meta.CreateTopics
		for _, t := range list {
			cmd.Topics = append(cmd.Topics, t.NewTopic)
		}
		x.ask(c, cmd, again, func(m raftnode.Proposed) {
			results, _ := m.Result.Value.([]meta.TopicResult)
			if m.Result.Code != code.OK || len(results) != len(list) {
				x.w.Fail("%s: CreateTopics: %s %s", x.id, m.Result.Code, m.Result.Message)
				return
			}
			for i, t := range list {
				x.created(t, results[i], m.Index)
			}
		})
		return true
	}
	return again
}

func (x *admin) created(t *topic, r meta.TopicResult, index uint64) {
	switch r.Code {
	case code.OK:
		if t.state == topicAsked {
			t.state, t.partitions = topicMade, len(t.Assignments)
			x.w.cluster.made++
		}
		t.index = index
		if x.w.broker.Published.Get().Image.TopicByID(t.ID) == nil {
			x.w.Fail("topic %s was acknowledged at %d, and the published view lacks it", t.Name, index)
		}
	case code.TopicAlreadyExists:
		t.state, t.index = topicRefused, index
	case code.InvalidReplicaAssignment, code.InvalidReplicationFactor: // no broker is registered, or it is fenced
		x.first(x.create(t))
	default:
		x.w.Fail("topic %s was refused: %s %s", t.Name, r.Code, r.Message)
	}
}

// auto asks for a topic as a Metadata request does, so that it is made if it does not exist.
func (x *admin) auto(name string) job {
	return func(c kit.Context) bool {
		x.ensuring, x.since = &api.EnsureTopics{Ask: kit.Ask{ReplyTo: c.Self()}, Names: []string{name}, Timeout: 2 * time.Second}, x.w.Now()
		x.busy++
		x.w.broker.Shared.TopicMaker.Tell(x.ensuring)
		return true
	}
}

// ensured: the topic is in the view, or could not be made yet. Whoever asks, it is the same one.
func (x *admin) ensured(m api.TopicsEnsured) {
	if x.ensuring != m.EnsureTopics {
		x.w.Fail("%s: a second answer to EnsureTopics", x.id)
		return
	}
	x.ensuring = nil
	x.busy--
	name := m.Names[0]
	img := x.w.broker.Published.Get().Image
	t := img.Topic(name)
	if t == nil {
		x.first(x.auto(name))
		return
	}
	for _, known := range x.w.cluster.topics {
		if known.Name == name && known.ID != t.ID {
			x.w.Fail("topic %s was made twice: %s and %s", name, known.ID, t.ID)
		}
		if known.Name == name {
			return
		}
	}
	x.w.cluster.made++
	x.w.cluster.topics = append(x.w.cluster.topics, &topic{NewTopic: meta.NewTopic{Name: name, ID: t.ID}, state: topicMade, index: img.Index(),
		partitions: len(t.Partitions)})
}

// remove deletes a topic.
func (x *admin) remove(t *topic) job {
	var again job
	again = func(c kit.Context) bool {
		if t.state == topicAsked {
			return false
		}
		if t.state == topicRefused {
			return true
		}
		t.state = topicLeaving
		for i := range len(t.Assignments) + 8 {
			x.w.ledger.part(t.ID, int32(i)).gone = true
		}
		x.ask(c, meta.DeleteTopics{IDs: []meta.TopicID{t.ID}}, again, func(m raftnode.Proposed) {
			results, _ := m.Result.Value.([]meta.TopicResult)
			if len(results) != 1 || results[0].Code != code.OK && results[0].Code != code.UnknownTopicId {
				x.w.Fail("%s: DeleteTopics %s: %s %s %v", x.id, t.Name, m.Result.Code, m.Result.Message, results)
				return
			}
			t.state, t.index = topicDeleted, m.Index
			x.w.cluster.deleted++
		})
		return true
	}
	return again
}

// grow adds a partition to a topic.
func (x *admin) grow(t *topic) job {
	var again job
	again = func(c kit.Context) bool {
		if t.state == topicAsked {
			return false
		}
		if t.state != topicMade {
			return true
		}
		now := int32(t.partitions)
		cmd := meta.CreatePartitions{Topics: []meta.MorePartitions{{ID: t.ID, Expected: now, Count: now + 1, Assignments: [][]int32{{nodeID}}}}}
		x.ask(c, cmd, again, func(m raftnode.Proposed) {
			results, _ := m.Result.Value.([]meta.TopicResult)
			switch {
			case len(results) != 1:
				x.w.Fail("%s: CreatePartitions %s: %s %s", x.id, t.Name, m.Result.Code, m.Result.Message)
			case results[0].Code == code.InvalidPartitions, results[0].Code == code.OK: // INVALID: an earlier try had been applied
				if t.state == topicMade {
					t.partitions, t.index = int(now)+1, m.Index
				}
			case results[0].Code == code.InvalidReplicaAssignment:
				x.first(again)
			case results[0].Code != code.UnknownTopicId || t.state == topicMade:
				x.w.Fail("%s: CreatePartitions %s: %s %s", x.id, t.Name, results[0].Code, results[0].Message)
			}
		})
		return true
	}
	return again
}

// alter sets one setting of a topic.
func (x *admin) alter(t *topic, key, value string) job {
	var again job
	again = func(c kit.Context) bool {
		if t.state == topicAsked {
			return false
		}
		if t.state != topicMade {
			return true
		}
		cmd := meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{{Type: meta.TopicResource, Name: t.Name,
			Ops: []meta.AlterOp{{Op: meta.ConfigSet, Key: key, Value: value}}}}}
		delete(x.w.cluster.configs, t.ID) // between two values until it is acknowledged
		x.ask(c, cmd, again, func(m raftnode.Proposed) {
			results, _ := m.Result.Value.([]meta.ConfigResult)
			switch {
			case len(results) != 1 || results[0].Code != code.OK && t.state == topicMade:
				x.w.Fail("%s: IncrementalAlterConfigs %s: %s %s %v", x.id, t.Name, m.Result.Code, m.Result.Message, results)
			case t.state == topicMade:
				x.w.cluster.configs[t.ID] = setting{key, value, m.Index}
			}
		})
		return true
	}
	return again
}

// newTopic chooses a topic; it is not proposed yet.
func (w *World) newTopic(name string, partitions int) *topic {
	t := &topic{NewTopic: meta.NewTopic{Name: name, Configs: map[string]string{}}}
	binary.BigEndian.PutUint64(t.ID[:8], w.Sim.Rand()|1)
	binary.BigEndian.PutUint64(t.ID[8:], w.Sim.Rand())
	for range partitions {
		t.Assignments = append(t.Assignments, []int32{nodeID})
	}
	w.cluster.topics = append(w.cluster.topics, t)
	return t
}

func (x *admin) cut() {
	x.p.cut()
	if m := x.ensuring; m != nil {
		x.ensuring = nil
		x.busy--
		x.first(x.auto(m.Names[0]))
	}
}

func (x *admin) done() bool { return len(x.jobs) == 0 && x.busy == 0 }

func (x *admin) waits() (string, time.Duration) {
	if x.ensuring != nil {
		return "topics to be ensured", x.since
	}
	return x.p.waits()
}
