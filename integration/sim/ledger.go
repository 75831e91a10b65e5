package sim

import (
	"fmt"
	"slices"
	"strings"

	"troupe/actors/meta"
	"troupe/storage/record"
)

// Ledger keeps what clients sent and what they were promised. Its methods say what is wrong by an error; the world ends the run then.
type Ledger struct {
	parts map[partKey]*account
	order []*account // in order of appearance

	acked    uint64 // records acknowledged
	repeated uint64 // acknowledgements of batches that had been sent before
	consumed uint64
	timedOut uint64 // batches
	refused  uint64 // batches, with another code

	tombstones uint64 // written
}

type partKey struct {
	topic meta.TopicID
	index int32
}

// account is the Ledger's page for one partition.
type account struct {
	partKey
	sent     map[string]sender // by identity: see identity
	keys     map[string]*keyed
	promised map[int64]string // by offset: acknowledged or consumed
	times    map[int64]int64  // timestamps by offset, as consumed
	at       map[string]int64 // where a promised value is
	end      int64            // everything below was promised, or trimmed
	high     int64            // the greatest high watermark seen
	start    int64            // the greatest log start seen or promised
	asked    int64            // the greatest log start that a client asked for, or that retention may set
	weak     bool             // flush.policy=os: an acknowledgement promises nothing
	cleans   bool             // retention may delete: what it is about to delete is refused before the store hears of it
	compacts bool             // compaction may take out all but the last record of each key
	gone     bool             // its deletion was asked for: nothing is promised any more
}

// keyed is what is known of a key.
type keyed struct {
	last       int64    // the greatest promised offset; -1: none
	tombstones []string // that were sent
}

// sender is who sent a record: its stream, and the number in it.
type sender struct {
	stream string
	n      int
	key    string
	once   bool // idempotent, or never sent again: it must not be there twice
	strict bool // idempotent: the stream has no gaps
}

func newLedger() *Ledger { return &Ledger{parts: map[partKey]*account{}} }

func (l *Ledger) part(topic meta.TopicID, index int32) *account {
	k := partKey{topic, index}
	a := l.parts[k]
	if a == nil {
		a = &account{partKey: k, sent: map[string]sender{}, promised: map[int64]string{}, at: map[string]int64{}, times: map[int64]int64{},
			keys: map[string]*keyed{}}
		l.parts[k] = a
		l.order = append(l.order, a)
	}
	return a
}

func (a *account) String() string { return fmt.Sprintf("partition %x-%d", a.topic[:4], a.index) }

// send notes that a record will be sent.
func (a *account) send(id string, s sender, tombstone bool) {
	a.sent[id] = s
	k := a.keys[s.key]
	if k == nil {
		k = &keyed{last: -1}
		a.keys[s.key] = k
	}
	if tombstone {
		k.tombstones = append(k.tombstones, id)
	}
}

// identity is what tells a record from all others: its value, or the header of a tombstone.
func identity(r *record.Record) string {
	if r.Value == nil && len(r.Headers) > 0 {
		return string(r.Headers[0].Value)
	}
	return string(r.Value)
}

// mayLack says whether compaction may have taken out the record of a key at an offset: a later one is there, which ends at newest, or a
// tombstone took it out and may have gone itself. One whose outcome nobody knows counts.
func (a *account) mayLack(key string, offset, newest int64) bool {
	if !a.compacts {
		return false
	}
	if newest > offset {
		return true
	}
	for _, id := range a.keys[key].tombstones {
		if at, ok := a.at[id]; !ok || at >= offset {
			return true
		}
	}
	return false
}

// newest is a copy of the greatest promised offset of each key.
func (a *account) newest() map[string]int64 {
	out := map[string]int64{}
	for k, x := range a.keys {
		if x.last >= 0 {
			out[k] = x.last
		}
	}
	return out
}

// promise notes that somebody was told that value is at offset.
func (a *account) promise(offset int64, value, how string) error {
	if a.gone {
		return nil
	}
	s, ok := a.sent[value]
	if !ok {
		return fmt.Errorf("%s: offset %d was %s as %q, which nobody sent", a, offset, how, brief(value))
	}
	if was, ok := a.promised[offset]; ok && was != value {
		return fmt.Errorf("%s: offset %d was %s as %q, and was %q before", a, offset, how, brief(value), brief(was))
	}
	if at, ok := a.at[value]; ok && at != offset && s.once {
		return fmt.Errorf("%s: %q was %s at offset %d, and is at %d already", a, brief(value), how, offset, at)
	}
	a.promised[offset], a.at[value] = value, offset
	a.end = max(a.end, offset+1)
	k := a.keys[s.key]
	k.last = max(k.last, offset)
	return nil
}

// brief is a value without its padding.
func brief(v string) string { return strings.TrimRight(v, ".") }

// marks are bounds that a partition must keep to: what everybody knew when it was asked.
type marks struct{ high, start int64 }

func (a *account) marks() marks { return marks{max(a.high, a.end), a.start} }

// look notes high watermark and log start as the partition tells them.
func (a *account) look(high, start int64, least marks) error {
	switch {
	case a.gone:
		return nil
	case high < least.high:
		return fmt.Errorf("%s: the high watermark is %d, and it was %d or records up to there were promised", a, high, least.high)
	case start < least.start:
		return fmt.Errorf("%s: the log start went back from %d to %d", a, least.start, start)
	case start > a.asked:
		return fmt.Errorf("%s: the log start is %d, and nobody asked for more than %d", a, start, a.asked)
	case start > high:
		return fmt.Errorf("%s: the log starts at %d, above the high watermark %d", a, start, high)
	}
	a.high, a.start = max(a.high, high), max(a.start, start)
	return nil
}

// log is what a partition holds from start to end, as read at the end of a run.
type log struct {
	start, end int64
	recs       []record.Record
}

// settle compares what a partition holds with everything that was promised.
func (a *account) settle(l log) error {
	if a.gone {
		return nil
	}
	if l.end < a.end {
		return fmt.Errorf("%s ends at %d: what was promised up to %d is lost", a, l.end, a.end)
	}
	if l.start < a.start || l.start > a.asked {
		return fmt.Errorf("%s starts at %d, and was seen to start at %d (at most %d was asked for)", a, l.start, a.start, a.asked)
	}
	found := map[string]int64{}
	last, newest := map[string]int{}, map[string]int64{}
	next := l.start
	for i := range l.recs {
		r := &l.recs[i]
		v := identity(r)
		if r.Offset < l.start {
			continue // of a batch that begins below the log start
		}
		if r.Offset != next && !(a.compacts && r.Offset > next) {
			return fmt.Errorf("%s: offset %d follows %d", a, r.Offset, next-1)
		}
		next = r.Offset + 1
		s, ok := a.sent[v]
		if !ok {
			return fmt.Errorf("%s: offset %d holds %q, which nobody sent", a, r.Offset, brief(v))
		}
		if at, ok := found[v]; ok && s.once {
			return fmt.Errorf("%s: %q is there twice, at %d and %d", a, brief(v), at, r.Offset)
		}
		n, seen := last[s.stream]
		if seen && s.once && s.n <= n || !a.compacts && (seen && s.strict && s.n != n+1 || !seen && s.strict && s.n != 0 && l.start == 0) {
			return fmt.Errorf("%s: record %d of %s at offset %d follows record %d (the %d. of the log)", a, s.n, s.stream, r.Offset, n, i)
		}
		found[v], last[s.stream], newest[s.key] = r.Offset, s.n, r.Offset
	}
	if next != l.end {
		return fmt.Errorf("%s: holds records up to %d, and ends at %d", a, next, l.end)
	}
	for _, o := range a.offsets() {
		v := a.promised[o]
		at, ok := found[v]
		switch {
		case o < l.start:
		case !ok && a.mayLack(a.sent[v].key, o, newest[a.sent[v].key]):
		case !ok:
			return fmt.Errorf("%s: %q, promised at offset %d, is lost", a, brief(v), o)
		case at != o && a.sent[v].once:
			return fmt.Errorf("%s: %q, promised at offset %d, is at %d", a, brief(v), o, at)
		}
	}
	return nil
}

func (a *account) offsets() []int64 {
	out := make([]int64, 0, len(a.promised))
	for o := range a.promised {
		out = append(out, o)
	}
	slices.Sort(out)
	return out
}
