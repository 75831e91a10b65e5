package differential

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The kinds of elections.
const (
	preferred int8 = 0
	unclean   int8 = 1
)

// elect asks for leaders of partitions.
func elect(kind int8, named ...parts) *kmsg.ElectLeadersRequest {
	req := kmsg.NewPtrElectLeadersRequest()
	req.ElectionType, req.TimeoutMillis = kind, 5000
	req.Topics = []kmsg.ElectLeadersRequestTopic{}
	for _, p := range named {
		req.Topics = append(req.Topics, kmsg.ElectLeadersRequestTopic{Topic: p.topic, Partitions: p.partitions})
	}
	return req
}

var electLeadersCases = []Case{
	{"preferred", 0, 2, func(s *Side, v int16) { s.Ask(v, elect(preferred, of(s.Topic("t", 3), 0, 1, 2))) }},
	{"unclean", 1, 2, func(s *Side, v int16) { s.Ask(v, elect(unclean, of(s.Topic("t", 2), 0, 1))) }},
	{"unknown kinds", 1, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, kind := range []int8{2, -1, 127} {
			s.Ask(v, elect(kind, of(t, 0)))
		}
		s.Alive()
	}},
	{"unknown topics and partitions", 0, 2, func(s *Side, v int16) {
		for _, kind := range []int8{preferred, unclean} {
			s.Ask(v, elect(kind, of(s.Topic("t"+string(rune('a'+kind)), 1), 0, 1, -1), of(s.Name("none"), 0), of("", 0), of("a/b", 0)))
		}
	}},
	{"all", 0, 2, func(s *Side, v int16) {
		s.Topic("t", 1)
		for _, kind := range []int8{preferred, unclean} {
			req := elect(kind)
			req.Topics = nil
			s.own = true
			s.Ask(v, req)
		}
	}},
	{"nothing", 0, 2, func(s *Side, v int16) { s.Ask(v, elect(preferred)) }},
	{"topic without partitions", 0, 2, func(s *Side, v int16) { s.Ask(v, elect(preferred, of(s.Topic("t", 1)), of(s.Name("none")))) }},
	{"twice", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, elect(preferred, of(t, 0, 0)))
		s.Ask(v, elect(preferred, of(t, 0), of(t, 1)))
	}},
	{"no time", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, ms := range []int32{0, -1} {
			req := elect(preferred, of(t, 0), of(s.Name("none"), 0))
			req.TimeoutMillis = ms
			s.Ask(v, req)
			req.Topics = nil
			s.own = true
			s.Ask(v, req)
		}
	}},
}

// assigned is one partition and the replicas that it shall have; nil calls a reassignment off.
func assigned(partition int32, replicas ...int32) kmsg.AlterPartitionAssignmentsRequestTopicPartition {
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition, p.Replicas = partition, replicas
	return p
}

func reassigned(topic string, partitions ...kmsg.AlterPartitionAssignmentsRequestTopicPartition) kmsg.AlterPartitionAssignmentsRequestTopic {
	return kmsg.AlterPartitionAssignmentsRequestTopic{Topic: topic, Partitions: partitions}
}

func reassign(topics ...kmsg.AlterPartitionAssignmentsRequestTopic) *kmsg.AlterPartitionAssignmentsRequest {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.TimeoutMillis, req.Topics = 5000, topics
	return req
}

// reassignments asks what is under way; nothing asks for all of it.
func reassignments(named ...parts) *kmsg.ListPartitionReassignmentsRequest {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.TimeoutMillis = 5000
	for _, p := range named {
		req.Topics = append(req.Topics, kmsg.ListPartitionReassignmentsRequestTopic{Topic: p.topic, Partitions: p.partitions})
	}
	return req
}

var alterPartitionAssignmentsCases = []Case{
	{"as it is", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, reassign(reassigned(t, assigned(0, 1), assigned(1, 1))))
		s.Ask(0, reassignments())
		s.Ask(12, byName(t))
	}},
	{"impossible replicas", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, replicas := range [][]int32{{2}, {1, 2}, {2, 1}, {1, 1}, {-1}, {1, -1}, {}, {0}, {1, 2, 3, 3}, {-1, -1}, {1, 1, 2}, {1, 1, -1}, {2, -1}, {3, 3, 2}} {
			p := assigned(0)
			p.Replicas = replicas
			s.Ask(v, reassign(reassigned(t, p)))
		}
		s.Ask(12, byName(t))
	}},
	{"called off", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, reassign(reassigned(t, assigned(0))))
		s.Ask(v, reassign(reassigned(t, assigned(1), assigned(-1)), reassigned(s.Name("none"), assigned(0))))
	}},
	{"unknown topics and partitions", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, reassign(reassigned(t, assigned(0, 1), assigned(1, 1), assigned(-1, 1), assigned(7, 9)), reassigned(s.Name("none"), assigned(0, 1)),
			reassigned("", assigned(0, 1)), reassigned("a/b", assigned(0, 1))))
	}},
	{"twice", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, reassign(reassigned(t, assigned(0, 1), assigned(0, 2))))
		s.Ask(v, reassign(reassigned(t, assigned(0, 1)), reassigned(t, assigned(1, 1))))
	}},
	{"nothing", 0, 1, func(s *Side, v int16) {
		s.Ask(v, reassign())
		s.Ask(v, reassign(reassigned(s.Topic("t", 1)), reassigned(s.Name("none"))))
	}},
	{"other number of replicas not allowed", 1, 1, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, p := range []kmsg.AlterPartitionAssignmentsRequestTopicPartition{assigned(0, 1), assigned(0, 1, 2), assigned(0), assigned(1, 1, 2), assigned(0, 2)} {
			req := reassign(reassigned(t, p))
			req.AllowReplicationFactorChange = false
			s.Ask(v, req)
		}
	}},
	{"no time", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, ms := range []int32{0, -1} {
			req := reassign(reassigned(t, assigned(0, 1)))
			req.TimeoutMillis = ms
			s.Ask(v, req)
		}
	}},
}

var listPartitionReassignmentsCases = []Case{
	{"all", 0, 0, func(s *Side, v int16) {
		s.Topic("t", 1)
		s.Ask(v, reassignments())
	}},
	{"named", 0, 0, func(s *Side, v int16) {
		s.Ask(v, reassignments(of(s.Topic("t", 2), 0, 1)))
		s.Ask(v, reassignments(of(s.Topic("u", 2))))
	}},
	{"unknown topics and partitions", 0, 0, func(s *Side, v int16) {
		s.Ask(v, reassignments(of(s.Topic("t", 1), 1, -1), of(s.Name("none"), 0), of("", 0), of("a/b", 0)))
	}},
	{"nothing", 0, 0, func(s *Side, v int16) {
		req := reassignments()
		req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{}
		s.Ask(v, req)
	}},
	{"no time", 0, 0, func(s *Side, v int16) {
		for _, ms := range []int32{0, -1} {
			req := reassignments()
			req.TimeoutMillis = ms
			s.AskWithin(v, req, answerTime+time.Second)
		}
	}},
}
