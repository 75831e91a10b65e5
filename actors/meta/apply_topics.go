package meta

import (
	"math"
	"slices"

	"troupe/kafka/code"
)

func (e *edit) createTopics(c CreateTopics) Result {
	out := make([]TopicResult, len(c.Topics))
	for i := range c.Topics {
		t := &c.Topics[i]
		r := e.createTopic(t)
		out[i] = TopicResult{Name: t.Name, Code: r.Code, Message: r.Message}
		if r.Code == code.OK {
			out[i].ID = t.ID
		}
	}
	return Result{Value: out}
}

func (e *edit) createTopic(n *NewTopic) Result {
	if why := ValidateTopicName(n.Name); why != "" {
		return refuse(code.InvalidTopicException, "%s", why)
	}
	if n.Name == ClusterMetadataTopic || n.ID == (TopicID{}) {
		return refuse(code.InvalidRequest, "Topic '%s' cannot be made: the name is reserved or the topic id is missing.", n.Name)
	}
	if old := e.img.sameFold(n.Name); old != nil {
		switch {
		case old.Name == n.Name && old.ID == n.ID:
			return Result{}
		case old.Name == n.Name:
			return refuse(code.TopicAlreadyExists, "Topic '%s' already exists.", n.Name)
		}
		return refuse(code.InvalidTopicException, "Topic '%s' collides with existing topic: %s", n.Name, old.Name)
	}
	if old := e.img.TopicByID(n.ID); old != nil {
		return refuse(code.InvalidRequest, "The topic id given for '%s' is that of '%s'.", n.Name, old.Name)
	}
	if len(n.Assignments) == 0 {
		return refuse(code.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	if r := e.roomFor(len(n.Assignments), 0); r.Code != code.OK {
		return r
	}
	if r := e.checkAssignments(n.Assignments, 0, len(n.Assignments[0])); r.Code != code.OK {
		return r
	}
	if c, why := ValidateTopicConfigs(n.Configs); c != code.OK {
		return refuse(c, "%s", why)
	}
	t := &Topic{ID: n.ID, Name: n.Name, Internal: n.Internal, RFAuto: n.RFAuto, MinISRAuto: n.MinISRAuto, Configs: n.Configs}
	t.Partitions = e.newPartitions(make([]Partition, 0, len(n.Assignments)), n.Assignments)
	e.setTopic(nil, t)
	if len(n.Configs) > 0 {
		e.changes.Configs = append(e.changes.Configs, "topic:"+t.Name)
	}
	return Result{}
}

// roomFor guards the number of partitions of a topic and the supply of partIds.
func (e *edit) roomFor(more, have int) Result {
	if more+have > MaxPartitionsOfTopic {
		return refuse(code.InvalidPartitions, "A topic has at most %d partitions.", MaxPartitionsOfTopic)
	}
	if int64(e.img.nextPart)+int64(more) > math.MaxUint32 {
		return refuse(code.PolicyViolation, "All partition numbers have been given.")
	}
	return Result{}
}

// checkAssignments judges the replicas of partitions numbered from first on; each has rf of them.
func (e *edit) checkAssignments(assignments [][]int32, first, rf int) Result {
	for i, replicas := range assignments {
		p := first + i
		if len(replicas) == 0 {
			return refuse(code.InvalidReplicaAssignment, "The assignment of partition %d has no replicas.", p)
		}
		if len(replicas) != rf {
			return refuse(code.InvalidReplicaAssignment, "Partition %d has %d replicas and others have %d.", p, len(replicas), rf)
		}
		serving := false
		for k, id := range replicas {
			if slices.Contains(replicas[:k], id) {
				return refuse(code.InvalidReplicaAssignment, "The assignment of partition %d names broker %d twice.", p, id)
			}
			if e.img.Broker(id) == nil {
				return refuse(code.InvalidReplicaAssignment, "The assignment of partition %d names broker %d, which is not registered.", p, id)
			}
			serving = serving || e.img.alive(id, NoLeader)
		}
		if !serving {
			return refuse(code.InvalidReplicaAssignment, "All brokers in the assignment of partition %d are fenced or shutting down.", p)
		}
	}
	return Result{}
}

// newPartitions appends partitions with the next partIds. The first serving replica leads; who does not serve is not in the ISR.
func (e *edit) newPartitions(list []Partition, assignments [][]int32) []Partition {
	for _, replicas := range assignments {
		p := Partition{ID: e.img.nextPart, Index: int32(len(list)), Replicas: replicas, ISR: replicas}
		for _, id := range replicas {
			if !e.img.alive(id, NoLeader) {
				p.ISR = without(p.ISR, id)
			}
		}
		p.Leader = p.ISR[0]
		e.img.nextPart++
		list = append(list, p)
	}
	return list
}

func (e *edit) deleteTopics(c DeleteTopics) Result {
	out := make([]TopicResult, len(c.IDs))
	for i, id := range c.IDs {
		t := e.img.TopicByID(id)
		if t == nil {
			out[i] = TopicResult{ID: id, Code: code.UnknownTopicId, Message: "There is no topic with this id."}
			continue
		}
		e.setTopic(t, nil)
		if len(t.Configs) > 0 {
			e.changes.Configs = append(e.changes.Configs, "topic:"+t.Name)
		}
		out[i] = TopicResult{Name: t.Name, ID: id}
	}
	return Result{Value: out}
}

func (e *edit) createPartitions(c CreatePartitions) Result {
	out := make([]TopicResult, len(c.Topics))
	for i := range c.Topics {
		m := &c.Topics[i]
		t := e.img.TopicByID(m.ID)
		if t == nil {
			out[i] = TopicResult{ID: m.ID, Code: code.UnknownTopicId, Message: "There is no topic with this id."}
			continue
		}
		r := e.grow(t, m)
		out[i] = TopicResult{Name: t.Name, ID: m.ID, Code: r.Code, Message: r.Message}
	}
	return Result{Value: out}
}

func (e *edit) grow(t *Topic, m *MorePartitions) Result {
	have := len(t.Partitions)
	switch {
	case int(m.Expected) != have:
		return refuse(code.InvalidPartitions, "Topic '%s' has %d partitions by now, not %d.", t.Name, have, m.Expected)
	case int(m.Count) == have:
		return refuse(code.InvalidPartitions, "Topic already has %d partition(s).", have)
	case int(m.Count) < have:
		return refuse(code.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, have, m.Count)
	case int(m.Count)-have != len(m.Assignments):
		return refuse(code.InvalidReplicaAssignment, "%d assignments were given for %d new partition(s).", len(m.Assignments), int(m.Count)-have)
	}
	if r := e.roomFor(len(m.Assignments), have); r.Code != code.OK {
		return r
	}
	if r := e.checkAssignments(m.Assignments, have, t.Partitions[0].Factor()); r.Code != code.OK {
		return r
	}
	n := *t
	n.Partitions = e.newPartitions(append(make([]Partition, 0, m.Count), t.Partitions...), m.Assignments)
	e.setTopic(t, &n)
	return Result{}
}
