package trace

import (
	"strings"
	"time"
)

// maxText bounds each string of a kept record, in bytes. Topic names have at most 249.
const maxText = 256

// RecordBytes is what one kept record may take in memory, at most.
const RecordBytes = 1 << 10

// Record is a copy of an operation: kept, or taken of one that is still open.
type Record struct {
	ID                    uint64
	Conn                  uint64
	Peer, Client          string
	Key, Version          int16
	Correlation           int32
	Topic                 string // or the group, if Partitions is 0
	Partition, Partitions int32  // the first one, and how many
	Base, Last            int64  // offsets, -1: none
	BytesIn, BytesOut     int64
	Charged               int64 // bytes of the memory for requests held now
	TailReads, DiskReads  int32
	Code                  int16
	Outcome               Outcome
	Wait                  Await  // what it awaits by its own word; AwaitNothing: see Awaiting
	WaitedFor             Await  // what it awaited before, by its own word
	Detail                string // who or what is or was awaited
	WaitSince             int64  // when a wait for memory began
	Budget                int64  // nanoseconds of waiting for memory, within the stage Parsed
	Asked                 int64  // nanoseconds of waiting that the client asked for
	Why                   Why
	Threshold             int64 // nanoseconds from which on it was slow
	Ended                 int64 // 0: open
	At                    [NumStages]int64
}

// Why is the reason that a record was kept.
type Why uint8

// The reasons.
const (
	Slow Why = iota + 1
	Failed
	Healthy // by chance, to compare with
	Marked
)

var whys = [...]string{"", "slow", "error", "healthy", "marked"}

// String is the stable name of a reason.
func (w Why) String() string { return whys[w] }

// clip bounds the strings, and lets go of what they were cut from.
func (r *Record) clip() {
	for _, s := range []*string{&r.Client, &r.Topic, &r.Detail, &r.Peer} {
		if len(*s) > maxText {
			*s = strings.Clone((*s)[:maxText])
		}
	}
}

// Began is when the first bytes came.
func (r *Record) Began() time.Time { return time.Unix(0, r.At[Received]) }

// end is the last moment known of it; now for an open one.
func (r *Record) end(now int64) int64 {
	if r.Ended != 0 {
		return r.Ended
	}
	return max(now, r.At[Received])
}

// Total is from the first byte to the end, or until now if it is open.
func (r *Record) Total(now int64) time.Duration { return time.Duration(r.end(now) - r.At[Received]) }

// Busy is Total without the waiting that the client asked for: a long poll is not slow.
func (r *Record) Busy(now int64) time.Duration { return r.Total(now) - time.Duration(r.asked(now)) }

func (r *Record) asked(now int64) int64 {
	if r.Wait == AwaitBytes && r.At[Waiting] != 0 {
		return r.end(now) - r.At[Waiting] + r.Asked
	}
	return r.Asked
}

// Stage is the last stage passed.
func (r *Record) Stage() Stage {
	last := Received
	for s := Received; s < NumStages; s++ {
		if r.At[s] != 0 && r.At[s] >= r.At[last] {
			last = s
		}
	}
	return last
}

// Awaiting says what an open operation waits for.
func (r *Record) Awaiting() Await {
	if r.Wait != AwaitNothing {
		return r.Wait
	}
	return stages[r.Stage()].awaiting
}

// Span is the time between two stages.
type Span struct {
	Stage      Stage // the one that ended it
	From, Took time.Duration
	Open       bool // has not ended: what it waits for is Awaiting
}

// Spans are the times between the stages that were passed, without a gap: their sum is Total.
func (r *Record) Spans(now int64) []Span {
	var out []Span
	start, prev := r.At[Received], r.At[Received]
	for s := Received + 1; s < NumStages; s++ {
		t := r.At[s]
		if t == 0 {
			continue
		}
		t = max(t, prev) // two clock readings of different actors may be taken in another order than they are used
		out = append(out, Span{Stage: s, From: time.Duration(prev - start), Took: time.Duration(t - prev)})
		prev = t
	}
	if e := r.end(now); e > prev {
		out = append(out, Span{Stage: r.Stage(), From: time.Duration(prev - start), Took: time.Duration(e - prev), Open: true})
	}
	return out
}
