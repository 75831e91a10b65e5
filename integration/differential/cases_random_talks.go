package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// byChance makes a case for each seed.
func byChance(name string, min, max int16, talk func(s *Side, v int16, r *rand.Rand)) Group {
	g := Group{Name: "random/" + name}
	first, n := seeds()
	for seed := first; seed < first+n; seed++ {
		g.Cases = append(g.Cases, Case{fmt.Sprint("seed ", seed), min, max, func(s *Side, v int16) {
			talk(s, v, rand.New(rand.NewPCG(uint64(seed), uint64(v))))
		}})
	}
	return g
}

// A numbering is how far a producer has come in one partition, as far as it knows.
type numbering struct {
	epoch int16
	next  int32
	last  batch
}

// producersByChance: producers that count right mostly, and otherwise begin anew, repeat, skip, go back, or change their epoch, while
// records are deleted.
func producersByChance(s *Side, v int16, r *rand.Rand) {
	t := s.Topic("t", 2, "message.timestamp.type="+pick(r, []string{"CreateTime", "CreateTime", "LogAppendTime"}))
	pids := []int64{madeUp + 1, madeUp + 2}
	pid, _ := s.Producer()
	pids = append(pids, pid)
	state := map[[2]int64]*numbering{}
	for range 40 {
		p := int32(r.IntN(2))
		if r.IntN(10) == 0 {
			s.Ask(2, deleteRecords(cut{t, p, int64(r.IntN(8)) - 1}))
			continue
		}
		pid := pick(r, pids)
		key := [2]int64{pid, int64(p)}
		if state[key] == nil {
			state[key] = &numbering{}
		}
		x := state[key]
		b := s.numbered(pid, send{x.epoch, x.next, 1 + r.IntN(3)})
		b.attrs = int16(pick(r, []int{plain, plain, gzipped, zstded}))
		switch r.IntN(14) {
		case 0:
			b.seq = 0
		case 1:
			b.seq++
		case 2:
			b.seq--
		case 3, 4:
			if x.last.records != nil {
				b = x.last
			}
		case 5:
			b.epoch++
		case 6:
			b.epoch, b.seq = b.epoch+1, 0
		case 7:
			b.epoch--
		case 8:
			b.seq = 2147483646
		case 9:
			b.attrs |= 1 << 4
		}
		resp, ok := s.Ask(v, s.produce(v, pick(r, []int16{-1, 1}), part{t, p, b.bytes()})).(*kmsg.ProduceResponse)
		if ok && resp.Topics[0].Partitions[0].ErrorCode == 0 {
			x.last, x.epoch, x.next = b, b.epoch, int32((int64(b.seq)+int64(len(b.records)))&0x7fffffff)
		}
	}
	s.Ask(0, producersOf(of(t, 0, 1)))
	s.Ask(12, s.fetch(12, 0, at{topic: t, partition: 0, offset: 7}, at{topic: t, partition: 1, offset: 7}))
	s.ends(t)
}

// sessionsByChance: one consumer in one session, which adds, moves and forgets partitions while records come and go.
func sessionsByChance(s *Side, v int16, r *rand.Rand) {
	t, u := s.Topic("t", 3), s.Topic("u", 1)
	places := []at{{topic: t}, {topic: t, partition: 1}, {topic: t, partition: 2}, {topic: u}, {topic: t, partition: 5}, {topic: s.Name("none")}}
	id, epoch := s.open(v, places[0], places[3]), int32(0)
	for range 30 {
		switch x := pick(r, places[:4]); r.IntN(7) {
		case 0, 1:
			s.Put(x.topic, x.partition, s.batchOf(strings.Repeat("v", r.IntN(300)), "w"))
			continue
		case 2:
			s.Ask(2, deleteRecords(cut{x.topic, x.partition, int64(r.IntN(4)) - 1}))
			continue
		}
		var ats []at
		for _, x := range places {
			if r.IntN(4) == 0 {
				x.offset, x.maxBytes = int64(r.IntN(9))-1, pick(r, []int32{0, 0, 1})
				ats = append(ats, x)
			}
		}
		req := s.fetch(v, 0, ats...)
		for _, x := range places {
			if r.IntN(10) == 0 {
				s.forgetting(req, x.topic, x.partition)
			}
		}
		epoch++
		if req.MaxBytes = pick(r, []int32{50 << 20, 50 << 20, 1}); r.IntN(15) == 0 {
			epoch++
		}
		resp, ok := s.Ask(v, within(req, id, epoch)).(*kmsg.FetchResponse)
		if !ok || resp.ErrorCode != 0 || resp.SessionID == 0 {
			id, epoch = s.open(v, pick(r, places[:4]), places[4]), 0
		}
	}
}

// look takes what has been answered; the leader, whose answer names all, comes last.
func look(members []*member, waiting map[*member]*Pending) {
	for _, i := range []int{1, 2, 0} {
		m := members[i]
		p := waiting[m]
		if p == nil {
			continue
		}
		if p.Waits(); p.said == nil {
			continue
		}
		delete(waiting, m)
		if p.req.Key() == 11 {
			m.joined(p)
		} else {
			p.End()
		}
	}
}

// groupsByChance: members of one group join, sync, beat, commit and leave in any order; the first one never leaves, since whom Kafka
// takes for the next leader is chance.
func groupsByChance(s *Side, v int16, r *rand.Rand) {
	t, g := s.Topic("t", 2), s.Coordinated("g")
	var members []*member
	for i, name := range []string{"a", "b", "c"} {
		m := s.consumer(name, g)
		m.session, m.rebalance, m.protocols = 600_000, 600_000, []string{"x", "y"}
		if i > 0 && r.IntN(3) == 0 {
			m.static(name)
		}
		members = append(members, m)
	}
	members[0].settle()
	waiting := map[*member]*Pending{}
	for range 30 {
		m := pick(r, members)
		act := r.IntN(12)
		if waiting[m] != nil {
			continue
		}
		s.On(m.conn)
		switch {
		case act < 4:
			if r.IntN(4) == 0 {
				m.metadata = subscription("topic", fmt.Sprint(r.IntN(3)))
			}
			waiting[m] = m.begin(v)
		case act < 7:
			req := m.syncing()
			if m == members[0] {
				req = m.syncing(members[0].id, members[1].id)
			}
			waiting[m] = s.Begin(min(v, 5), req)
		case act < 8:
			m.beat(min(v, 4))
		case act < 9:
			s.Ask(min(v+2, 9), m.committing(commitAt{t, int32(r.IntN(2)), int64(r.IntN(9))}))
		case act < 10 && m != members[0]:
			m.leave(min(v, 5))
			if m.instance == nil || r.IntN(2) == 0 {
				m.id = ""
			}
		case act < 11 && len(waiting) == 0: // ids are named in the order in which members hear them
			s.describe(min(v, 6), g)
		default:
			old := *m
			old.generation -= int32(r.IntN(2))
			old.beat(min(v, 4))
		}
		look(members, waiting)
	}
	s.On("").Ask(8, s.fetching(8, g))
	for _, m := range members[1:] {
		if p := waiting[m]; p != nil && p.req.Key() == 14 { // a sync of a member that leaves meanwhile is never answered by Kafka
			continue
		}
		s.On("last").Ask(2, m.leaving())
		look(members, waiting)
	}
}

// timesByChance: batches whose times go up and down, in all codecs, and questions for the offsets of times.
func timesByChance(s *Side, v int16, r *rand.Rand) {
	t := s.Topic("t", 1, "segment.bytes=1048576")
	for range 60 {
		b := s.batchOf(make([]string, 1+r.IntN(4))...)
		b.attrs = int16(r.IntN(5))
		b.firstStamp = s.Stamp(int64(r.IntN(2000)))
		for i := range b.records {
			b.records[i].value = make([]byte, r.IntN(40_000)*r.IntN(2))
			b.records[i].stampDelta = int64(r.IntN(400) - 200)
		}
		s.Put(t, 0, b)
	}
	for i := range 60 {
		if i%15 == 14 {
			s.Ask(2, deleteRecords(cut{t, 0, int64(i * r.IntN(3))}))
		}
		stamp := s.Stamp(int64(r.IntN(2300) - 150))
		if r.IntN(5) == 0 {
			stamp = pick(r, []int64{-1, -2, -4, -5})
		}
		if i < 14 && r.IntN(3) == 0 {
			stamp = -3 // later Kafka's answer may be a record that was deleted
		}
		s.Ask(v, listOffsets(when{topic: t, stamp: stamp}))
	}
}

// A mixture of keys, each with the versions that both brokers serve.
func mixtureOf(keys ...int16) func(s *Side, v int16, r *rand.Rand) {
	return func(s *Side, _ int16, r *rand.Rand) {
		c := s.world(keys[0], r)
		s.own = true
		for range 25 {
			key := pick(r, keys)
			at := slices.IndexFunc(spans, func(x span) bool { return x.key == key })
			v := spans[at].min + int16(r.IntN(int(spans[at].max-spans[at].min)+1))
			c.ask(key, v)
		}
		s.remains(c)
	}
}

// randomTalks are conversations of several kinds of requests.
func randomTalks() []Group {
	return []Group{byChance("producers", 3, 13, producersByChance), byChance("sessions", 7, 18, sessionsByChance), byChance("groups", 0, 9, groupsByChance),
		byChance("times", 1, 11, timesByChance), byChance("topics", 0, 9, mixtureOf(0, 1, 2, 3, 19, 19, 20, 21, 23, 32, 33, 35, 37, 43, 44, 45, 61, 75)),
		byChance("offsets", 0, 9, mixtureOf(8, 9, 8, 9, 12, 13, 15, 16, 42, 3, 19))}
}
