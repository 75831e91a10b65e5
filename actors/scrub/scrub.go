package scrub

import (
	"errors"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
	"troupe/storage"
)

// Pace is how fast a Scrubber works.
type Pace struct {
	First time.Duration // before the first pass
	Rest  time.Duration // between two passes
	Gap   time.Duration // between two readings
	Chunk int           // bytes of one reading, about
	Parts int           // partitions that one reading may look into
}

// DefaultPace reads 4 MB a second at most, and each byte once a day at most.
var DefaultPace = Pace{First: time.Minute, Rest: 24 * time.Hour, Gap: 250 * time.Millisecond, Chunk: 1 << 20, Parts: 200}

// Stats are what scrubbing has done so far. Safe for any goroutine.
type Stats struct{ Passes, Bytes, Damaged atomic.Int64 }

// Metrics are the stats by name, for /metrics.
func (s *Stats) Metrics() map[string]float64 {
	return map[string]float64{
		"scrub_passes_total": float64(s.Passes.Load()), "scrub_bytes_total": float64(s.Bytes.Load()),
		"scrub_damaged_total": float64(s.Damaged.Load()),
	}
}

// Options of a Scrubber.
type Options struct {
	Data  storage.Data
	Pace  Pace
	Stats *Stats
}

// Scrubber is the actor; see doc.go.
type Scrubber struct {
	o     Options
	state string
	pass  uint64
	parts []uint32 // of this pass, from the next one on
	next  int64    // where to go on in parts[0]
	began time.Time
	bytes int64
	took  time.Duration // of the last whole pass
}

// New makes a scrubber.
func New(o Options) *Scrubber { return &Scrubber{o: o, state: "resting"} }

// Receive implements kit.Actor.
func (s *Scrubber) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		c.After(c.Self(), s.o.Pace.First, due{})
	case due:
		s.onDue(c)
	case listed:
		s.onListed(c, m)
	case looked:
		s.onLooked(c, m)
	case *kit.Inspect:
		m.Reply(s.inspect(m))
	case kit.Stopping:
	default:
		kit.Invariant(false, "BUG: scrubber got %T", m)
	}
}

func (s *Scrubber) onDue(c kit.Context) {
	data := s.o.Data
	if s.state == "resting" {
		s.state = "listing"
		c.Go(c.Self(), func() any {
			ids, err := data.Partitions()
			return listed{ids, err}
		})
		return
	}
	pass, parts, from, pace := s.pass, s.parts[:min(len(s.parts), s.o.Pace.Parts)], s.next, s.o.Pace
	c.Go(c.Self(), func() any { return look(data, pass, parts, from, pace.Chunk) })
}

// onListed begins a pass, anywhere: a broker that is restarted often must not read its first partitions only.
func (s *Scrubber) onListed(c kit.Context, m listed) {
	if m.err != nil || len(m.parts) == 0 {
		if m.err != nil {
			c.Log().Warn("scrub: the partitions could not be listed; tried again at the next pass", "err", m.err)
		}
		s.rest(c)
		return
	}
	at := int(c.Rand() % uint64(len(m.parts)))
	s.parts = append(append(make([]uint32, 0, len(m.parts)), m.parts[at:]...), m.parts[:at]...)
	s.pass++
	s.state, s.next, s.bytes, s.began = "reading", 0, 0, c.Now()
	s.onDue(c)
}

func (s *Scrubber) onLooked(c kit.Context, m looked) {
	if m.pass != s.pass {
		return
	}
	s.bytes += m.bytes
	s.o.Stats.Bytes.Add(m.bytes)
	s.parts, s.next = s.parts[m.done:], m.next
	if m.err != nil {
		s.found(c, m.err)
	}
	if len(s.parts) > 0 {
		c.After(c.Self(), s.o.Pace.Gap, due{})
		return
	}
	s.took = c.Now().Sub(s.began)
	s.o.Stats.Passes.Add(1)
	s.rest(c)
}

// found tells of damage, and goes on behind it.
func (s *Scrubber) found(c kit.Context, err error) {
	var bad *storage.CorruptError
	if !errors.As(err, &bad) {
		c.Log().Warn("scrub: a partition could not be read; passed over until the next pass", "part", s.parts[0], "err", err)
	} else {
		s.o.Stats.Damaged.Add(1)
		c.Log().Error("scrub found damaged records: restore them from a replica or a backup", "err", err)
		if bad.Offset >= s.next {
			s.next = bad.Offset + 1
			return
		}
	}
	s.parts, s.next = s.parts[1:], 0
}

func (s *Scrubber) rest(c kit.Context) {
	s.state, s.parts = "resting", nil
	c.After(c.Self(), s.o.Pace.Rest, due{})
}

// look reads about chunk bytes, from offset from of the first partition on.
func look(data storage.Data, pass uint64, parts []uint32, from int64, chunk int) looked {
	out := looked{pass: pass, next: from}
	for out.done < len(parts) && out.bytes < int64(chunk) {
		next, n, err := data.Scrub(parts[out.done], out.next, chunk-int(out.bytes))
		out.bytes += int64(n)
		switch {
		case err != nil:
			out.err = err
			return out
		case next >= 0:
			out.next = next
		default:
			out.done, out.next = out.done+1, 0
		}
	}
	return out
}

func (s *Scrubber) inspect(m *kit.Inspect) kit.Inspected {
	f := []kit.Field{
		{Name: "passes", Value: s.o.Stats.Passes.Load()},
		{Name: "damaged", Value: s.o.Stats.Damaged.Load()},
		{Name: "last pass took", Value: s.took},
	}
	if s.state == "reading" {
		f = append(f, kit.Field{Name: "partitions left", Value: len(s.parts)}, kit.Field{Name: "offset", Value: s.next}, kit.Field{Name: "bytes", Value: s.bytes})
	}
	return kit.Inspected{Inspect: m, State: s.state, Fields: f}
}
