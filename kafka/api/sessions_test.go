package api

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"troupe/kafka/code"
)

// modelSession is a fetch session as KIP-227 tells it, without any thought of cost.
type modelSession struct {
	epoch int32
	byID  bool
	parts []modelPart // in order
}

type modelPart struct {
	wantedPart
	high, start int64
}

func (m *modelSession) at(k partKey) int {
	return slices.IndexFunc(m.parts, func(p modelPart) bool { return p.key == k })
}

// model is the cache, large enough for all.
type model map[int32]*modelSession

func (m model) begin(id, epoch int32, byID bool, wanted []wantedPart, forgotten []partKey) (parts []wantedPart, s *modelSession, e code.Code) {
	if epoch == 0 || epoch == -1 {
		delete(m, id)
		for _, w := range wanted {
			if i := slices.IndexFunc(parts, func(p wantedPart) bool { return p.key == w.key }); i >= 0 {
				parts[i] = w
			} else {
				parts = append(parts, w)
			}
		}
		return parts, nil, code.OK
	}
	s = m[id]
	switch {
	case s == nil:
		return nil, nil, code.FetchSessionIdNotFound
	case s.epoch != epoch:
		return nil, nil, code.InvalidFetchSessionEpoch
	case s.byID != byID:
		return nil, nil, code.FetchSessionTopicIdError
	}
	for _, w := range wanted {
		if i := s.at(w.key); i >= 0 {
			s.parts[i].wantedPart = w
		} else {
			s.parts = append(s.parts, modelPart{w, -1, -1})
		}
	}
	for _, k := range forgotten {
		s.parts = slices.DeleteFunc(s.parts, func(p modelPart) bool { return p.key == k })
	}
	if len(s.parts) == 0 {
		delete(m, id)
		parts, _, e = m.begin(0, -1, byID, wanted, nil)
		return parts, nil, e
	}
	s.epoch++
	for _, p := range s.parts {
		parts = append(parts, p.wantedPart)
	}
	return parts, s, code.OK
}

func (s *modelSession) finish(parts []wantedPart, results []fetchedPart) (show []bool) {
	for i, r := range results {
		p := &s.parts[s.at(parts[i].key)]
		tell := r.records || r.diverging || r.code != code.OK || p.high != r.high || p.start != r.start
		p.high, p.start = r.high, r.start
		if r.code != code.OK {
			p.high = -1
		}
		show = append(show, tell)
	}
	var idle, busy []modelPart
	for i := range parts {
		if p := s.parts[s.at(parts[i].key)]; results[i].records {
			busy = append(busy, p)
		} else {
			idle = append(idle, p)
		}
	}
	s.parts = append(idle, busy...)
	return show
}

func TestSessionsAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s, m := NewSessions(1000, rng.Uint64), model{}
		var ids []int32
		now := time.UnixMilli(0)
		key := func(byID bool) partKey {
			n := rng.IntN(4)
			if byID {
				return partKey{id: [16]byte{byte(n + 1)}, index: int32(rng.IntN(3))}
			}
			return partKey{name: fmt.Sprint(n), index: int32(rng.IntN(3))}
		}
		for step := range 60 {
			where := fmt.Sprintf("seed %d step %d", seed, step)
			byID, id, epoch := rng.IntN(4) == 0, int32(0), int32(rng.IntN(3)-1)
			if len(ids) > 0 && rng.IntN(4) > 0 {
				id = ids[rng.IntN(len(ids))]
				if x := m[id]; x != nil && rng.IntN(8) > 0 {
					epoch, byID = x.epoch, x.byID
					if rng.IntN(8) == 0 {
						byID = !byID
					}
				}
			}
			var wanted []wantedPart
			var forgotten []partKey
			for range rng.IntN(4) * rng.IntN(9) {
				wanted = append(wanted, wantedPart{key: key(byID), offset: rng.Int64N(100), maxBytes: rng.Int32()})
			}
			for range rng.IntN(3) {
				forgotten = append(forgotten, key(byID))
			}
			want, ms, wantCode := m.begin(id, epoch, byID, wanted, forgotten)
			scope, e := s.Begin(now, id, epoch, byID, slices.Clone(wanted), forgotten)
			if e != wantCode || !slices.Equal(scope.parts, want) {
				t.Fatalf("%s: %v %v, want %v %v", where, e, scope.parts, wantCode, want)
			}
			if e != code.OK {
				continue
			}
			results := make([]fetchedPart, len(want))
			for i := range results {
				results[i] = fetchedPart{high: rng.Int64N(2), start: rng.Int64N(2), records: rng.IntN(3) == 0, diverging: rng.IntN(9) == 0}
				if rng.IntN(5) == 0 {
					results[i] = fetchedPart{code: code.OffsetOutOfRange, high: -1, start: -1}
				}
			}
			got, show, e := s.Finish(now, &scope, results)
			switch {
			case e != code.OK:
				t.Fatalf("%s: %v", where, e)
			case ms != nil:
				if wantShow := ms.finish(want, results); got != id || !slices.Equal(show, wantShow) {
					t.Fatalf("%s: session %d shows %v, want %d %v", where, got, show, id, wantShow)
				}
			case epoch == 0:
				if got <= 0 || m[got] != nil || show != nil {
					t.Fatalf("%s: new session %d shows %v", where, got, show)
				}
				x := &modelSession{epoch: 1, byID: byID}
				for i, w := range want {
					x.parts = append(x.parts, modelPart{w, results[i].high, results[i].start})
					if results[i].code != code.OK {
						x.parts[i].high = -1
					}
				}
				m[got] = x
				ids = append(ids, got)
			case got != 0 || show != nil:
				t.Fatalf("%s: session %d of a fetch without one", where, got)
			}
			total := 0
			for _, x := range m {
				total += len(x.parts)
			}
			if s.Len() != len(m) || s.Partitions() != int64(total) {
				t.Fatalf("%s: %d sessions with %d partitions, want %d with %d", where, s.Len(), s.Partitions(), len(m), total)
			}
		}
	}
}

// wantedN are n partitions.
func wantedN(n int) []wantedPart {
	list := make([]wantedPart, n)
	for i := range list {
		list[i].key = partKey{name: "t", index: int32(i)}
	}
	return list
}

// open makes a session of n partitions; 0 if there is no room.
func (s *Sessions) open(now time.Time, n int) int32 {
	scope, _ := s.Begin(now, 0, 0, false, wantedN(n), nil)
	id, _, _ := s.Finish(now, &scope, make([]fetchedPart, n))
	return id
}

func (s *Sessions) use(now time.Time, id, epoch int32) code.Code {
	scope, e := s.Begin(now, id, epoch, false, nil, nil)
	if e == code.OK {
		_, _, e = s.Finish(now, &scope, make([]fetchedPart, len(scope.parts)))
	}
	return e
}

func TestSessionsEviction(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	at := time.UnixMilli(0)
	s := NewSessions(sessionShards, rng.Uint64)
	ids := make([]int32, sessionShards)
	for i := range ids {
		if ids[i] = s.open(at, 5); ids[i] == 0 {
			t.Fatalf("session %d of %d has no room", i, len(ids))
		}
	}
	if s.open(at, 100) != 0 {
		t.Error("a new session is pushed out")
	}
	at = at.Add(time.Minute)
	s.use(at, ids[3], 1)
	at = at.Add(time.Minute + time.Millisecond) // all but the fourth were not used for long
	for i := range sessionShards - 1 {
		if s.open(at, 1) == 0 {
			t.Errorf("%d: an idle session stays", i)
		}
	}
	if s.open(at, 4) != 0 || s.use(at, ids[3], 2) != code.OK {
		t.Error("a session in use is pushed out")
	}
	// It has had its time now, and goes for a larger one, but not for one of its own size.
	at = at.Add(time.Millisecond)
	if s.open(at, 5) != 0 || s.open(at, 6) == 0 || s.use(at, ids[3], 3) != code.FetchSessionIdNotFound {
		t.Error("a small old session stays")
	}
	if s.Len() != sessionShards {
		t.Errorf("%d sessions", s.Len())
	}
}

func TestSessionsLimits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	now := time.UnixMilli(0)
	if NewSessions(0, rng.Uint64).open(now, 1) != 0 {
		t.Error("a session in a cache without slots")
	}
	s := NewSessions(3, rng.Uint64)
	for range 3 {
		s.open(now, 1)
	}
	if s.open(now, 2) != 0 || s.Len() != 3 {
		t.Error("more sessions than slots")
	}
	s = NewSessions(10, rng.Uint64)
	id := s.open(now, 10)
	s.parts.Add(maxSessionPartitions - 11)
	if s.open(now, 2) != 0 || s.open(now, 1) == 0 {
		t.Error("the bound of partitions does not hold")
	}
	if _, e := s.Begin(now, id, 1, false, wantedN(11), nil); e != code.FetchSessionIdNotFound {
		t.Errorf("a session grows beyond the bound: %v", e)
	}
}

// Two connections fetch on one session: the later one wins, the earlier one hears of it.
func TestSessionsTwoAtOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s, now := NewSessions(10, rng.Uint64), time.UnixMilli(0)
	id := s.open(now, 2)
	a, _ := s.Begin(now, id, 1, false, nil, nil)
	b, e := s.Begin(now, id, 2, false, nil, []partKey{{name: "t", index: 1}})
	if e != code.OK {
		t.Fatal(e)
	}
	if got, show, e := s.Finish(now, &a, make([]fetchedPart, 2)); e != code.InvalidFetchSessionEpoch || got != 0 || show != nil {
		t.Errorf("the earlier one: %d %v %v", got, show, e)
	}
	if got, _, e := s.Finish(now, &b, make([]fetchedPart, 1)); e != code.OK || got != id {
		t.Errorf("the later one: %d %v", got, e)
	}
}

func TestSessionEpochWraps(t *testing.T) {
	if nextSessionEpoch(0) != 1 || nextSessionEpoch(math.MaxInt32) != 1 {
		t.Error("epoch")
	}
}

func TestMergeWanted(t *testing.T) {
	for _, n := range []int{3, 100} {
		list := wantedN(n)
		again := wantedN(2)
		again[1].offset = 7
		got := mergeWanted(append(list, again...))
		if len(got) != n || got[1].offset != 7 || got[0].offset != 0 {
			t.Errorf("%d: %v", n, got[:3])
		}
	}
}
