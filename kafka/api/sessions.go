package api

import (
	"hash/maphash"
	"math"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// Epochs of a fetch session that are not those of an incremental fetch (KIP-227).
const (
	firstSessionEpoch int32 = 0  // a full fetch that wants a session
	finalSessionEpoch int32 = -1 // a full fetch without a session, which ends the one it names
)

// Limits of the session cache. The number of sessions is max.incremental.fetch.session.cache.slots.
const (
	// sessionShards is how many parts the cache has, each with a lock of its own.
	sessionShards = 8
	// sessionIdle is how long a session is safe from being pushed out by a larger one, or by any one when it is not used.
	sessionIdle = 2 * time.Minute
	// maxSessionPartitions bounds the partitions of all sessions together; beyond it clients get no session, and fetch in full.
	maxSessionPartitions = 1 << 18
)

// partKey names a partition in a fetch: by the topic's name, or by its id from v13 on.
type partKey struct {
	name  string
	id    meta.TopicID
	index int32
}

// wantedPart is one partition of a fetch and what is wanted of it.
type wantedPart struct {
	key          partKey
	topic        string // name of the topic that key.id had when it was first asked for; "" if the request names it, or it was unknown
	offset       int64
	maxBytes     int32
	currentEpoch int32
	lastEpoch    int32
}

// fetchedPart is what came of it, as far as sessions care.
type fetchedPart struct {
	code      code.Code
	high      int64
	start     int64
	records   bool
	diverging bool // the answer says where the logs part
	preferred bool // the answer names another replica to read
}

// Sessions is the cache of incremental fetch sessions (KIP-227), shared by all connections of a broker: a session goes on from whatever
// connection its next fetch comes. It is no actor, because every fetch passes here twice and none waits for anything: the locks are held for the
// time of copying a list. Safe for any goroutine.
//
// Invariants: a session is in the shard of its id; its epoch grows by one with each fetch that it accepts; the answer of a fetch changes
// a session only if no other fetch has begun on it since.
type Sessions struct {
	slots  int
	rand   func() uint64
	next   atomic.Uint32
	parts  atomic.Int64 // of all sessions
	shards [sessionShards]sessionShard
}

type sessionShard struct {
	sync.Mutex
	limit int
	byID  map[int32]*fetchSession
}

// fetchSession is what the broker remembers between two fetches. Its shard's lock guards it.
type fetchSession struct {
	id      int32
	byID    bool
	epoch   int32 // of the next fetch
	created time.Time
	used    time.Time
	parts   map[partKey]*sessionPart
	head    sessionPart // ring of the partitions in the order of the next fetch
}

type sessionPart struct {
	wantedPart
	high, start int64 // as last told to the client
	prev, next  *sessionPart
}

// NewSessions makes a cache of at most slots sessions.
func NewSessions(slots int, rand func() uint64) *Sessions {
	s := &Sessions{slots: slots, rand: rand}
	for i := range s.shards {
		s.shards[i].limit = slots / sessionShards
		if i < slots%sessionShards {
			s.shards[i].limit++
		}
		s.shards[i].byID = map[int32]*fetchSession{}
	}
	return s
}

func (s *Sessions) shard(id int32) *sessionShard { return &s.shards[uint32(id)%sessionShards] }

// Len is how many sessions there are, and Partitions how many partitions they hold together.
func (s *Sessions) Len() (n int) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.Lock()
		n += len(sh.byID)
		sh.Unlock()
	}
	return n
}

// Partitions is the number of partitions in all sessions.
func (s *Sessions) Partitions() int64 { return s.parts.Load() }

// fetchScope is what one fetch is about, from Begin to Finish.
type fetchScope struct {
	parts   []wantedPart // in the order of the answer
	session *fetchSession
	epoch   int32 // that the session has while no other fetch has begun
	create  bool  // a full fetch that wants a session
	byID    bool
}

// Begin finds out what a fetch is about: what it names, or what its session remembers with the changes that it names. A partition
// that is named twice counts once, in the first place with the last data.
// Errors: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR.
func (s *Sessions) Begin(now time.Time, id, epoch int32, byID bool, wanted []wantedPart, forgotten []partKey) (fetchScope, code.Code) {
	if epoch == firstSessionEpoch || epoch == finalSessionEpoch {
		if id != 0 {
			s.end(id)
		}
		return fetchScope{parts: mergeWanted(wanted), create: epoch == firstSessionEpoch, byID: byID}, code.OK
	}
	sh := s.shard(id)
	sh.Lock()
	defer sh.Unlock()
	f := sh.byID[id]
	switch {
	case f == nil:
		return fetchScope{}, code.FetchSessionIdNotFound
	case f.epoch != epoch:
		return fetchScope{}, code.InvalidFetchSessionEpoch
	case f.byID != byID:
		return fetchScope{}, code.FetchSessionTopicIdError
	}
	before := len(f.parts)
	for i := range wanted {
		f.want(&wanted[i])
	}
	for _, k := range forgotten {
		f.forget(k)
	}
	over := s.parts.Add(int64(len(f.parts)-before)) > maxSessionPartitions && len(f.parts) > before
	if over || len(f.parts) == 0 {
		s.drop(sh, f)
		if over {
			return fetchScope{}, code.FetchSessionIdNotFound
		}
		return fetchScope{parts: mergeWanted(wanted)}, code.OK
	}
	f.used, f.epoch = now, nextSessionEpoch(epoch)
	return fetchScope{parts: f.list(), session: f, epoch: f.epoch, byID: byID}, code.OK
}

// Finish ends a fetch: results are in the order of scope.parts. It gives the session id for the answer (0: none), and says which
// of the partitions the answer holds; nil means all. INVALID_FETCH_SESSION_EPOCH if another fetch of the session came between.
func (s *Sessions) Finish(now time.Time, scope *fetchScope, results []fetchedPart) (id int32, show []bool, e code.Code) {
	f := scope.session
	if f == nil {
		if scope.create {
			id = s.create(now, scope, results)
		}
		return id, nil, code.OK
	}
	sh := s.shard(f.id)
	sh.Lock()
	defer sh.Unlock()
	if f.epoch != scope.epoch {
		return 0, nil, code.InvalidFetchSessionEpoch
	}
	show = make([]bool, len(results))
	for i := range results {
		p := f.parts[scope.parts[i].key]
		if p == nil { // cannot be while the epoch stands, but for a session that ended meanwhile
			continue
		}
		if show[i] = p.update(&results[i]); results[i].records {
			f.unlink(p)
			f.append(p) // who had records goes to the end, so that all get their turn
		}
	}
	return f.id, show, code.OK
}

// create makes a session of a full fetch; 0 if there is no room for one.
func (s *Sessions) create(now time.Time, scope *fetchScope, results []fetchedPart) int32 {
	n := int64(len(scope.parts))
	if s.slots == 0 || s.parts.Load()+n > maxSessionPartitions {
		return 0
	}
	at := s.next.Add(1)
	for i := range uint32(sessionShards) {
		no := (at + i) % sessionShards
		sh := &s.shards[no]
		sh.Lock()
		if sh.limit > 0 && (len(sh.byID) < sh.limit || s.evict(sh, now, len(scope.parts))) {
			f := &fetchSession{id: s.newID(sh, no), byID: scope.byID, epoch: nextSessionEpoch(firstSessionEpoch), created: now, used: now,
				parts: make(map[partKey]*sessionPart, len(scope.parts))}
			f.head.prev, f.head.next = &f.head, &f.head
			for k := range scope.parts {
				p := f.want(&scope.parts[k])
				p.update(&results[k])
			}
			sh.byID[f.id] = f
			s.parts.Add(n)
			sh.Unlock()
			return f.id
		}
		sh.Unlock()
	}
	return 0
}

// newID is an unused positive id that belongs to the shard.
func (s *Sessions) newID(sh *sessionShard, no uint32) int32 {
	for {
		id := int32(uint32(s.rand())&math.MaxInt32&^(sessionShards-1) | no)
		if id != 0 && sh.byID[id] == nil {
			return id
		}
	}
}

// evict makes room for a session of size partitions: the one that was not used for longest goes if that is long ago; else the smallest
// of those that had their time, if it is smaller than the newcomer.
func (s *Sessions) evict(sh *sessionShard, now time.Time, size int) bool {
	var oldest, smallest *fetchSession
	for _, f := range sh.byID {
		if oldest == nil || f.used.Before(oldest.used) || f.used.Equal(oldest.used) && f.id < oldest.id {
			oldest = f
		}
		if f.used.Sub(f.created) > sessionIdle && (smallest == nil || len(f.parts) < len(smallest.parts) ||
			len(f.parts) == len(smallest.parts) && f.id < smallest.id) {
			smallest = f
		}
	}
	switch {
	case oldest != nil && now.Sub(oldest.used) > sessionIdle:
		s.drop(sh, oldest)
	case smallest != nil && len(smallest.parts) < size:
		s.drop(sh, smallest)
	default:
		return false
	}
	return true
}

func (s *Sessions) end(id int32) {
	sh := s.shard(id)
	sh.Lock()
	defer sh.Unlock()
	if f := sh.byID[id]; f != nil {
		s.drop(sh, f)
	}
}

// drop takes a session out of the cache. The shard is locked.
func (s *Sessions) drop(sh *sessionShard, f *fetchSession) {
	delete(sh.byID, f.id)
	s.parts.Add(-int64(len(f.parts)))
}

func nextSessionEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}

// want adds a partition, or takes over what is wanted of it now.
func (f *fetchSession) want(w *wantedPart) *sessionPart {
	p := f.parts[w.key]
	if p == nil {
		p = &sessionPart{high: -1, start: -1}
		p.wantedPart = *w
		p.key.name = strings.Clone(w.key.name) // outlives the request
		f.parts[p.key] = p
		f.append(p)
		return p
	}
	name, topic := p.key.name, p.topic
	p.wantedPart = *w
	p.key.name = name
	if p.topic == "" {
		p.topic = topic // the topic has gone; what it was called is still known
	}
	return p
}

func (f *fetchSession) forget(k partKey) {
	if p := f.parts[k]; p != nil {
		f.unlink(p)
		delete(f.parts, k)
	}
}

func (f *fetchSession) append(p *sessionPart) {
	p.prev, p.next = f.head.prev, &f.head
	p.prev.next, f.head.prev = p, p
}

func (f *fetchSession) unlink(p *sessionPart) { p.prev.next, p.next.prev = p.next, p.prev }

func (f *fetchSession) list() []wantedPart {
	out := make([]wantedPart, 0, len(f.parts))
	for p := f.head.next; p != &f.head; p = p.next {
		out = append(out, p.wantedPart)
	}
	return out
}

// update remembers what the client is told, and says whether there is anything to tell.
func (p *sessionPart) update(r *fetchedPart) (tell bool) {
	tell = r.records || r.diverging || r.preferred
	if p.high != r.high {
		p.high, tell = r.high, true
	}
	if p.start != r.start {
		p.start, tell = r.start, true
	}
	if r.code != code.OK {
		p.high, tell = -1, true // so that the partition is told when the error has gone
	}
	return tell
}

// fewParts is up to how many partitions a list is searched by looking at each.
const fewParts = 16

// mergeWanted keeps each partition once, in its first place with its last data.
func mergeWanted(list []wantedPart) []wantedPart {
	if len(list) <= fewParts {
		out := list[:0]
	next:
		for i := range list {
			for k := range out {
				if out[k].key == list[i].key {
					out[k] = list[i]
					continue next
				}
			}
			out = append(out, list[i])
		}
		return out
	}
	// A table of places in out, at most half full: a map would take ten times as much for a moment, and requests may come by the hundred.
	at := make([]int32, 1<<bits.Len(uint(2*len(list))))
	seed := maphash.MakeSeed()
	out := list[:0]
	for i := range list {
		slot := maphash.Comparable(seed, list[i].key) % uint64(len(at))
		for at[slot] != 0 && out[at[slot]-1].key != list[i].key {
			slot = (slot + 1) % uint64(len(at))
		}
		if k := at[slot]; k != 0 {
			out[k-1] = list[i]
			continue
		}
		out = append(out, list[i])
		at[slot] = int32(len(out))
	}
	return out
}
