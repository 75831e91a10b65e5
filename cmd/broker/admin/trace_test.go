package admin

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
)

// TestWaterfall holds the text of one trace: the same model as the JSON.
func TestWaterfall(t *testing.T) {
	at := func(ms int64) int64 { return time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC).UnixNano() + ms*1e6 }
	r := trace.Record{ID: 4711, Conn: 7, Peer: "10.0.0.1", Client: "checkout", Key: 0, Version: 9, Correlation: 42, Topic: "orders", Partition: 3, Partitions: 2,
		Base: 90412, Last: 90421, BytesIn: 1200, BytesOut: 60, Outcome: trace.Done, Why: trace.Slow, Threshold: 20e6, Ended: at(40)}
	for s, ms := range map[trace.Stage]int64{
		trace.Received: 0, trace.Parsed: 1, trace.Begun: 2, trace.Settled: 3, trace.Taken: 5, trace.Applied: 6, trace.Synced: 36, trace.Answered: 37,
		trace.Encoded: 38, trace.Writing: 39, trace.Written: 40,
	} {
		r.At[s] = at(ms)
	}
	v := TraceView(1, &r, at(1000))
	var out strings.Builder
	v.Waterfall(&out)
	const want = `Produce v9  orders/3 and 1 more@90412-90421  client=checkout  from 10.0.0.1  conn/7  correlation 42
1-4711  2026-01-31 10:00:00.000  done  kept: slow (slow from 20.0 ms on)  1200 bytes in, 60 out
Slow, 40.0 ms: the disk took 30.0 ms: fsync.

    +0 µs    1.0 ms  █                                         read and check the request
  +1.0 ms    1.0 ms   █                                        wait for its turn on the connection
  +2.0 ms    1.0 ms    █                                       partitions check and give offsets
  +3.0 ms    2.0 ms     ██                                     wait for a place in a commit
  +5.0 ms    1.0 ms       █                                    the store takes the commit
  +6.0 ms   30.0 ms        ██████████████████████████████      fsync
 +36.0 ms    1.0 ms                                      █     make the answer
 +37.0 ms    1.0 ms                                       █    wait for the answers before it
 +38.0 ms    1.0 ms                                        █   wait for the socket
 +39.0 ms    1.0 ms                                         █  write to the socket
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	r.Ended, r.Outcome, r.Why = 0, trace.Open, 0
	for s := trace.Synced; s < trace.NumStages; s++ {
		r.At[s] = 0
	}
	open := TraceView(1, &r, at(2006))
	if open.Awaiting != "fsync" || open.Sentence != "Open for 2.0 s: for 2.0 s it has waited for the disk: fsync." || !open.Spans[len(open.Spans)-1].Open || open.waited() != 2*time.Second {
		t.Errorf("%+v", open)
	}
}

func TestParseQuery(t *testing.T) {
	now := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	f := func(query, want string) {
		t.Helper()
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseQuery(v, now)
		if got := ""; err != nil {
			if got = err.Error(); !strings.Contains(got, want) || want == "" {
				t.Errorf("%s: %s", query, got)
			}
		} else if want != "" {
			t.Errorf("%s: taken", query)
		}
	}
	f("", "")
	f("api=fetch&client=c&topic=t&min=50ms&since=10m&last=5", "")
	f("api=1&since=2026-01-31T09:00:00Z", "")
	f("api=nope", "a name such as Produce")
	f("min=5", "a duration")
	f("since=yesterday", "how long ago")
	f("last=x", "a number")
	f("last=-1", "a number")
}

// TestHistogramKeepsItsCounts: the buckets that Prometheus sees hold what the fine ones hold, and the sum is exact.
func TestHistogramKeepsItsCounts(t *testing.T) {
	var live kit.LiveHistogram
	for _, d := range []time.Duration{time.Microsecond, 60 * time.Microsecond, 100 * time.Microsecond, 3 * time.Millisecond, time.Minute} {
		live.Add(int64(d))
	}
	h := live.Load()
	for _, step := range []int{1, 2} {
		reg := prometheus.NewRegistry()
		reg.MustRegister(oneHistogram{&h, step})
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := families[0].Metric[0].GetHistogram()
		if got.GetSampleCount() != 5 || got.GetSampleSum() < 60 || got.GetSampleSum() > 60.01 {
			t.Errorf("%d samples, sum %v", got.GetSampleCount(), got.GetSampleSum())
		}
		for _, b := range got.Bucket {
			want := uint64(0)
			for _, d := range []float64{1e-6, 60e-6, 100e-6, 3e-3, 60} {
				if d <= b.GetUpperBound() {
					want++
				}
			}
			if b.GetCumulativeCount() != want {
				t.Errorf("up to %v: %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
			}
		}
	}
}

type oneHistogram struct {
	h    *kit.Histogram
	step int
}

func (o oneHistogram) Describe(chan<- *prometheus.Desc) {}

func (o oneHistogram) Collect(ch chan<- prometheus.Metric) {
	histogram(ch, "kafka_request_duration_seconds", o.h, o.step, []string{"api"}, "Produce")
}
