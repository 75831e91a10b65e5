package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// within makes the request part of a session.
func within(req *kmsg.FetchRequest, id, epoch int32) *kmsg.FetchRequest {
	req.SessionID, req.SessionEpoch = id, epoch
	return req
}

// open starts a session that fetches the places and gives its id.
func (s *Side) open(v int16, ats ...at) int32 {
	r, ok := s.Ask(v, within(s.fetch(v, 0, ats...), 0, 0)).(*kmsg.FetchResponse)
	if !ok {
		panic(abandon{"no session"})
	}
	return r.SessionID
}

// sessionCases: incremental fetches (KIP-227).
var sessionCases = []Case{
	{"incremental", 7, 18, func(s *Side, v int16) {
		t := s.Topic("t", 3)
		s.Put(t, 0, s.batchOf("a"))
		id := s.open(v, at{topic: t}, at{topic: t, partition: 1}, at{topic: t, partition: 2})
		s.Put(t, 1, s.batchOf("b", "c"))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 1}), id, 1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, partition: 1, offset: 2}), id, 2))
		s.Ask(v, within(s.fetch(v, 0), id, 3))
		s.Put(t, 2, s.batchOf("d"))
		s.Ask(v, within(s.fetch(v, 0), id, 4))
		s.Ask(v, within(s.fetch(v, 0), id, 5))
	}},
	{"forgets and adds", 7, 18, func(s *Side, v int16) {
		t := s.Topic("t", 3)
		for p := range int32(3) {
			s.Put(t, p, s.batchOf("a"))
		}
		id := s.open(v, at{topic: t}, at{topic: t, partition: 1})
		req := s.fetch(v, 0, at{topic: t, partition: 2})
		req.Version = v
		s.Ask(v, within(s.forgetting(req, t, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, partition: 2, offset: 1}), id, 2))
	}},
	{"wrong epoch", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t})
		s.Ask(v, within(s.fetch(v, 0), id, 5))
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
	}},
	{"unknown session", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		s.Ask(v, within(s.fetch(v, 0, at{topic: t}), 0, 1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t}), 123456789, 1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t}), 123456789, -1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t}), 0, -1))
	}},
	{"closed", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t})
		s.Ask(v, within(s.fetch(v, 0, at{topic: t}), id, -1))
		s.Ask(v, within(s.fetch(v, 0), id, 1))
	}},
	{"reopened", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t})
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 5}), id, 0))
		s.Ask(v, within(s.fetch(v, 0), id, 1))
	}},
	{"without topics", 7, 18, func(s *Side, v int16) {
		id := s.open(v)
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
	}},
	{"from another connection", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t})
		s.redial()
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 5}), id, 1))
	}},
	{"errors repeat", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 6}, at{topic: t, partition: 7}, at{topic: s.Name("none")})
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
	}},
	{"out of range repeats", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 99})
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 5}), id, 2))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 6}), id, 3))
	}},
	{"high watermark alone is news", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 6})
		req := s.fetch(v, 0)
		req.MaxBytes = 1
		s.Ask(v, within(req, id, 1))
		s.Put(t, 0, s.batchOf("g"))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 7}), id, 2))
		s.Ask(v, within(s.fetch(v, 0), id, 3))
	}},
	{"long poll", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 6})
		s.Timed(600, func() { s.Ask(v, within(s.fetch(v, 600), id, 1)) })
		s.Put(t, 0, s.batchOf("g"))
		s.Timed(3000, func() { s.Ask(v, within(s.fetch(v, 3000), id, 2)) })
	}},
	{"topic deleted and made again", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 6})
		s.delete(t)
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.filled()
		s.Ask(v, within(s.fetch(v, 0), id, 2))
	}},
}
