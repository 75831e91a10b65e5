package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit/trace"
	"troupe/kafka/code"
)

// Trace is one request as people see it: the one model behind the text of the command line, the JSON and later the console. Field names
// are stable. It never holds a byte of a key or a value.
type Trace struct {
	ID          string    `json:"id"` // node, dash, number
	API         string    `json:"api"`
	Version     int16     `json:"version"`
	Correlation int32     `json:"correlation_id"`
	Client      string    `json:"client_id"`
	Peer        string    `json:"peer"`
	Conn        uint64    `json:"connection"`
	Began       time.Time `json:"began"`
	TotalMs     float64   `json:"total_ms"`
	Outcome     string    `json:"outcome"`       // open, done, silent (acks=0), gone (the connection went first)
	Why         string    `json:"why,omitempty"` // slow, error, healthy, marked: why it was kept
	SlowFromMs  float64   `json:"slow_from_ms,omitempty"`
	Code        int16     `json:"error_code"`
	Error       string    `json:"error,omitempty"`

	Topic      string `json:"topic,omitempty"` // the first one
	Partition  *int32 `json:"partition,omitempty"`
	Partitions int32  `json:"partitions,omitempty"` // how many in all
	Subject    string `json:"subject,omitempty"`    // what it is about if not partitions: a group, a topic, a resource
	Offset     *int64 `json:"offset,omitempty"`
	LastOffset *int64 `json:"last_offset,omitempty"`
	BytesIn    int64  `json:"bytes_in"`
	BytesOut   int64  `json:"bytes_out"`
	Budget     int64  `json:"budget_bytes,omitempty"` // of the memory for requests, held now
	TailReads  int32  `json:"tail_reads,omitempty"`
	DiskReads  int32  `json:"disk_reads,omitempty"`

	Stage      string `json:"stage"` // the last one passed
	Awaiting   string `json:"awaiting,omitempty"`
	AwaitingOf string `json:"awaiting_detail,omitempty"`
	Cause      string `json:"cause"` // stable code of what took, or takes, the time
	Sentence   string `json:"sentence"`

	Spans []TraceSpan `json:"spans"`
}

// TraceSpan is the time between two stages. The spans of a trace follow each other without a gap; their sum is its total.
type TraceSpan struct {
	Stage  string  `json:"stage"` // the one that ended it; the last one passed if it is open
	What   string  `json:"what"`
	FromMs float64 `json:"from_ms"`
	TookMs float64 `json:"took_ms"`
	Open   bool    `json:"open,omitempty"`
}

// TraceView is how a record looks. now is the recorder's clock.
func TraceView(node int32, r *trace.Record, now int64) Trace {
	t := Trace{
		ID: fmt.Sprintf("%d-%d", node, r.ID), API: apiName(r), Version: r.Version, Correlation: r.Correlation, Client: r.Client, Peer: r.Peer,
		Conn: r.Conn, Began: r.Began().UTC(), TotalMs: ms(r.Total(now)), Outcome: r.Outcome.String(), Why: r.Why.String(),
		SlowFromMs: ms(time.Duration(r.Threshold)), Code: r.Code, BytesIn: r.BytesIn, BytesOut: r.BytesOut, Budget: r.Charged, TailReads: r.TailReads, DiskReads: r.DiskReads,
		Stage: r.Stage().String(), Spans: []TraceSpan{},
	}
	if r.Code != 0 {
		t.Error = code.Code(r.Code).String()
	}
	if r.Partitions > 0 {
		t.Topic, t.Partition, t.Partitions = r.Topic, &r.Partition, r.Partitions
	} else {
		t.Subject = r.Topic
	}
	if r.Base >= 0 {
		t.Offset = &r.Base
	}
	if r.Last >= 0 {
		t.LastOffset = &r.Last
	}
	if r.Ended == 0 {
		t.Awaiting, t.AwaitingOf = r.Awaiting().Code(), r.Detail
	}
	t.Cause, t.Sentence = r.Cause(now)
	for _, s := range r.Spans(now) {
		x := TraceSpan{Stage: s.Stage.String(), What: s.Stage.Span(), FromMs: ms(s.From), TookMs: ms(s.Took), Open: s.Open}
		if s.Open {
			x.What = "waits for " + r.Awaiting().Text()
		}
		t.Spans = append(t.Spans, x)
	}
	return t
}

func apiName(r *trace.Record) string {
	if r.At[trace.Parsed] == 0 && r.Key == 0 && r.Version == 0 {
		return "(header not read)"
	}
	return kmsg.NameForKey(r.Key)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// About names what the request is about, in short.
func (t *Trace) About() string {
	switch {
	case t.Partition == nil:
		return t.Subject
	case t.Partitions > 1:
		return fmt.Sprintf("%s/%d and %d more", t.Topic, *t.Partition, t.Partitions-1)
	}
	return fmt.Sprintf("%s/%d", t.Topic, *t.Partition)
}

// Offsets names the offsets of the first partition, in short.
func (t *Trace) Offsets() string {
	switch {
	case t.Offset == nil:
		return ""
	case t.LastOffset == nil || *t.LastOffset == *t.Offset:
		return fmt.Sprintf("@%d", *t.Offset)
	}
	return fmt.Sprintf("@%d-%d", *t.Offset, *t.LastOffset)
}

// TraceNumber is the number of a record within its node, from the id that people see. "17" is "1-17" on node 1.
func TraceNumber(id string) (uint64, bool) {
	if _, number, ok := strings.Cut(id, "-"); ok {
		id = number
	}
	n, err := strconv.ParseUint(id, 10, 64)
	return n, err == nil
}
