package cluster

import (
	"fmt"
	"sync"
	"time"
)

// ack is one record that a producer was told is stored.
type ack struct {
	Offset int64
	Value  string
	At     time.Time
}

// History is what producers were told, by partition, in the order in which they were told. Each producer writes to one partition and numbers
// its records. Safe for any goroutine.
type History struct {
	mu    sync.Mutex
	acked map[int32][]ack
	sent  map[int32]map[string]bool
	seen  map[int32]map[int64]string
	wrong []string // found while it was written down
}

// NewHistory is one in which nothing has happened.
func NewHistory() *History {
	return &History{acked: map[int32][]ack{}, sent: map[int32]map[string]bool{}, seen: map[int32]map[int64]string{}}
}

// Sent notes that a record is on its way: it may be stored whatever its producer is told.
func (h *History) Sent(partition int32, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sent[partition] == nil {
		h.sent[partition] = map[string]bool{}
	}
	h.sent[partition][value] = true
}

// Acked notes that a record was acknowledged at an offset.
func (h *History) Acked(partition int32, offset int64, value string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acked[partition] = append(h.acked[partition], ack{offset, value, at})
}

// Seen notes what a consumer was given at an offset: it must be the same for ever.
func (h *History) Seen(partition int32, offset int64, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[partition] == nil {
		h.seen[partition] = map[int64]string{}
	}
	if before, ok := h.seen[partition][offset]; ok && before != value {
		h.wrong = append(h.wrong, fmt.Sprintf("partition %d: a consumer was given %q at offset %d, where it had been given %q", partition, value, offset, before))
	}
	h.seen[partition][offset] = value
}

// Count is how many records were acknowledged.
func (h *History) Count() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, list := range h.acked {
		n += len(list)
	}
	return n
}

// Gap is the longest time after since without an acknowledgement of a partition, up to until.
func (h *History) Gap(partition int32, since, until time.Time) (longest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := since
	for _, a := range h.acked[partition] {
		if a.At.Before(since) {
			continue
		}
		if a.At.After(until) {
			break
		}
		longest, last = max(longest, a.At.Sub(last)), a.At
	}
	return max(longest, until.Sub(last))
}

// Stored is one record as a consumer read it.
type Stored struct {
	Offset int64
	Value  string
}

// Lost is how many acknowledged records are not where they were acknowledged.
func (h *History) Lost(log map[int32][]Stored) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, list := range h.acked {
		at := map[int64]string{}
		for _, s := range log[p] {
			at[s.Offset] = s.Value
		}
		for _, a := range list {
			if v, ok := at[a.Offset]; !ok || v != a.Value {
				n++
			}
		}
	}
	return n
}

// manyTold is how many breaches of one kind are told.
const manyTold = 10

// Check says what is wrong with what the partitions hold, given what producers were told: lost, changed, stored twice, out of order, or
// never sent. Empty: every promise was kept.
func (h *History) Check(log map[int32][]Stored) (wrong []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := map[string]int{}
	say := func(format string, a ...any) {
		if told[format]++; told[format] <= manyTold {
			wrong = append(wrong, fmt.Sprintf(format, a...))
		}
	}
	wrong = append(wrong, h.wrong[:min(len(h.wrong), manyTold)]...)
	at := map[int32]map[int64]string{}
	for p, list := range log {
		at[p] = map[int64]string{}
		for _, s := range list {
			at[p][s.Offset] = s.Value
		}
	}
	for p, seen := range h.seen {
		for offset, v := range seen {
			if now, ok := at[p][offset]; !ok || now != v {
				say("partition %d: a consumer was given %q at offset %d, where %q is", p, v, offset, now)
			}
		}
	}
	for p, list := range h.acked {
		for _, a := range list {
			switch v, ok := at[p][a.Offset]; {
			case !ok:
				say("partition %d: %q was acknowledged at offset %d and is lost", p, a.Value, a.Offset)
			case v != a.Value:
				say("partition %d: %q was acknowledged at offset %d, where %q is", p, a.Value, a.Offset, v)
			}
		}
	}
	for p, list := range log {
		seen := map[string]int64{}
		last := map[string]int{}
		for _, s := range list {
			if before, dup := seen[s.Value]; dup {
				say("partition %d: %q is at offsets %d and %d", p, s.Value, before, s.Offset)
			}
			seen[s.Value] = s.Offset
			if !h.sent[p][s.Value] {
				say("partition %d: %q at offset %d was never sent there", p, s.Value, s.Offset)
			}
			var who string
			var n int
			fmt.Sscanf(s.Value, "%s %d", &who, &n)
			if n < last[who] {
				say("partition %d: %q at offset %d comes after number %d of its producer", p, s.Value, s.Offset, last[who])
			}
			last[who] = max(last[who], n)
		}
	}
	return wrong
}
