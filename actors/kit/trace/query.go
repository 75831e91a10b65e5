package trace

import (
	"cmp"
	"slices"
	"time"
)

// Query says which records are wanted. The zero value of a field wants all.
type Query struct {
	Key    int16 // -1: every API
	Client string
	Topic  string
	Min    time.Duration // at least so long in all
	Since  time.Time     // ended at or after
	Last   int           // at most so many, the newest; 0: all
}

func (q *Query) wants(r *Record) bool {
	return (q.Key < 0 || r.Key == q.Key) && (q.Client == "" || r.Client == q.Client) && (q.Topic == "" || r.Topic == q.Topic) &&
		(q.Min == 0 || r.Total(r.Ended) >= q.Min) && (q.Since.IsZero() || r.Ended >= q.Since.UnixNano())
}

// Kept gives the records that were kept for a reason, newest first. Marked ones are among the slow.
func (r *Recorder) Kept(why Why, q Query) []Record {
	var out []Record
	if r == nil {
		return out
	}
	r.ringOf(why).newest(func(rec *Record) bool {
		if q.wants(rec) {
			out = append(out, *rec)
		}
		return q.Last == 0 || len(out) < q.Last
	})
	return out
}

func (r *Recorder) ringOf(why Why) *ring {
	switch why {
	case Failed:
		return &r.failed
	case Healthy:
		return &r.healthy
	}
	return &r.slow
}

// Open copies the operations that have not ended, oldest first; of very many the oldest. It stops nobody.
func (r *Recorder) Open() []Record {
	var out []Record
	if r == nil {
		return out
	}
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		n := 0
		for o := s.first; o != nil && n < maxListedShard; o = o.next {
			out = append(out, o.snapshot())
			n++
		}
		s.mu.Unlock()
	}
	for i := range out {
		out[i].clip()
	}
	slices.SortFunc(out, func(a, b Record) int { return cmp.Compare(a.At[Received], b.At[Received]) })
	return out
}

// Find gives a record by its number: a kept one, or one that is open.
func (r *Recorder) Find(id uint64) (Record, bool) {
	if r == nil {
		return Record{}, false
	}
	var found Record
	for _, why := range []Why{Slow, Failed, Healthy} {
		r.ringOf(why).newest(func(rec *Record) bool {
			if rec.ID == id {
				found = *rec
			}
			return found.ID == 0
		})
		if found.ID != 0 {
			return found, true
		}
	}
	for _, rec := range r.Open() {
		if rec.ID == id {
			return rec, true
		}
	}
	return Record{}, false
}

// Counts are what the recorder has done so far, for metrics.
type Counts struct {
	Begun, Gone           uint64
	Open                  int
	Slow, Failed, Healthy uint64 // kept
}

// Counts tells the counters.
func (r *Recorder) Counts() Counts {
	if r == nil {
		return Counts{}
	}
	c := Counts{Begun: r.seq.Load(), Gone: r.gone.Load()}
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		c.Open += s.n
		s.mu.Unlock()
	}
	for _, k := range []struct {
		of *ring
		n  *uint64
	}{{&r.slow, &c.Slow}, {&r.failed, &c.Failed}, {&r.healthy, &c.Healthy}} {
		k.of.mu.Lock()
		*k.n = k.of.total
		k.of.mu.Unlock()
	}
	return c
}
