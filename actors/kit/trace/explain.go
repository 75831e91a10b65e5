package trace

import (
	"fmt"
	"strings"
	"time"

	"troupe/kafka/code"
)

// causes name, per stage, what it means when that stage took the time: a stable code, and what to say.
var causes = [NumStages]struct{ code, text string }{
	Parsed:    {"request-in", "it took %s for the whole request to come in and be checked"},
	Begun:     {"connection-order", "it waited %s behind earlier requests of its connection"},
	Located:   {"partition", "its partitions took %s to say what may be read"},
	Waiting:   {"handler", "the handler took %s before it could wait"},
	Woken:     {"wait", "it waited %s"},
	Gathered:  {"read", "reading the bytes took %s"},
	Settled:   {"partition", "its partitions took %s to take the batches"},
	Taken:     {"commit-queue", "it waited %s for a place in a commit: the writer was busy with the commits before it"},
	Applied:   {"store", "the store took %s to take the commit"},
	Synced:    {"fsync", "the disk took %s: fsync"},
	Entered:   {"metadata-queue", "it waited %s for the metadata actor and a place in its log"},
	Appended:  {"raft-log", "the metadata log took %s: fsync"},
	Committed: {"quorum", "a quorum took %s to confirm"},
	Decided:   {"fsm-apply", "the metadata state machine took %s"},
	Seen:      {"node", "this broker took %s to take the change up"},
	Answered:  {"handler", "the answer took %s"},
	Encoded:   {"answer-order", "it waited %s for the answers of earlier requests of its connection"},
	Writing:   {"socket", "it waited %s for earlier answers to leave through the socket"},
	Written:   {"client-reads", "the socket took %s for the answer"},
}

// slowSocket is how long a write to a socket takes before somebody is to blame for it.
const slowSocket = 10 * time.Millisecond

// decisive is the part of the whole that a stage must have to be called the cause.
const decisive = 0.5

// Cause says in one sentence what took the time, with a stable code; "unknown" if no stage stands out.
func (r *Record) Cause(now int64) (cause, sentence string) {
	if r.Ended == 0 {
		return r.openCause(now)
	}
	var worst Span
	for _, s := range r.Spans(now) {
		if s.Took > worst.Took {
			worst = s
		}
	}
	total := r.Total(now)
	if r.Code != 0 && int64(total) < r.Threshold {
		c := code.Code(r.Code)
		return "error", fmt.Sprintf("%s in %s: %s", c, Short(total), c.Message())
	}
	cause, text := r.causeOf(worst)
	if total > 0 && float64(worst.Took) < decisive*float64(total) {
		cause, text = "unknown", fmt.Sprintf("no stage stands out; the longest: %s", text)
	}
	return cause, r.verdict(total) + text + "."
}

// verdict begins the sentence: how it ended, and how long it took.
func (r *Record) verdict(total time.Duration) string {
	took := Short(total)
	switch c := code.Code(r.Code); {
	case c != code.OK:
		return fmt.Sprintf("%s in %s (%s): ", c, took, strings.TrimSuffix(c.Message(), "."))
	case r.Outcome == Gone:
		return fmt.Sprintf("The connection went before the answer, after %s: ", took)
	case r.Why == Slow:
		return fmt.Sprintf("Slow, %s: ", took)
	}
	return fmt.Sprintf("%s: ", took)
}

func (r *Record) causeOf(s Span) (cause, text string) {
	took := Short(s.Took)
	switch {
	case s.Open: // it ended here, without passing another stage
		a := r.Awaiting()
		return a.Code(), fmt.Sprintf("for %s it waited for %s%s", took, a.Text(), r.whom())
	case s.Stage == Parsed && r.Budget*2 > int64(s.Took):
		return AwaitBudget.Code(), fmt.Sprintf("it waited %s for %s", Short(time.Duration(r.Budget)), AwaitBudget.Text())
	case s.Stage == Woken && r.WaitedFor != AwaitNothing:
		return r.WaitedFor.Code(), fmt.Sprintf("it waited %s for %s%s", took, r.WaitedFor.Text(), r.whom())
	case s.Stage == Gathered && r.DiskReads > 0:
		return "disk-read", fmt.Sprintf("reading from the disk took %s (%d reads; %d from memory)", took, r.DiskReads, r.TailReads)
	case s.Stage == Answered && r.At[Synced] != 0:
		return AwaitHigh.Code(), fmt.Sprintf("after the fsync the high watermark and the answer took %s", took)
	case s.Stage == Written && s.Took >= slowSocket:
		return causes[Written].code, fmt.Sprintf(causes[Written].text+": the client reads slowly, or the cores are busy", took)
	}
	c := causes[s.Stage]
	return c.code, fmt.Sprintf(c.text, took)
}

func (r *Record) whom() string {
	if r.Detail == "" {
		return ""
	}
	return " (" + r.Detail + ")"
}

func (r *Record) openCause(now int64) (cause, sentence string) {
	since := r.At[r.Stage()]
	if r.Wait == AwaitBudget {
		since = r.WaitSince
	}
	waited := time.Duration(max(now-since, 0))
	a := r.Awaiting()
	return a.Code(), fmt.Sprintf("Open for %s: for %s it has waited for %s%s.", Short(r.Total(now)), Short(waited), a.Text(), r.whom())
}

// Short writes a duration as people read it: 3 digits, and a unit.
func Short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
