package admin

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/kafka/code"
)

// Histograms are shown with one bucket per doubling, those of stages with one per two, from 2^firstOctave nanoseconds (66 µs) to 2^lastOctave (17 s):
// series are what Prometheus pays for.
const (
	firstOctave = 16
	lastOctave  = 34
)

// requestMetrics are the durations of requests by API and phase, and by API and stage, and what the recorder kept. Labels come from small
// fixed sets: API names, phases, stages, error codes.
func requestMetrics(r *trace.Recorder, ch chan<- prometheus.Metric) {
	value := func(kind prometheus.ValueType, name string, v float64, names, values []string) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("broker_"+name, Help(name), names, nil), kind, v, values...)
	}
	for _, a := range r.APIs() {
		api := kmsg.NameForKey(a.Key)
		for p := range a.Phases {
			histogram(ch, "kafka_request_duration_seconds", &a.Phases[p], 1, []string{"api", "phase"}, api, trace.Phase(p).String())
		}
		for s := range a.Stages {
			histogram(ch, "kafka_stage_duration_seconds", &a.Stages[s], 2, []string{"api", "stage"}, api, trace.Stage(s).String())
		}
		for c, n := range a.Codes {
			value(prometheus.CounterValue, "kafka_request_errors_total", float64(n), []string{"api", "error"}, []string{api, code.Code(c).String()})
		}
		value(prometheus.GaugeValue, "trace_slow_threshold_seconds", a.Slow.Seconds(), []string{"api"}, []string{api})
	}
	c := r.Counts()
	value(prometheus.GaugeValue, "trace_open_operations", float64(c.Open), nil, nil)
	value(prometheus.CounterValue, "trace_operations_total", float64(c.Begun), nil, nil)
	value(prometheus.CounterValue, "trace_abandoned_total", float64(c.Gone), nil, nil)
	for why, n := range map[trace.Why]uint64{trace.Slow: c.Slow, trace.Failed: c.Failed, trace.Healthy: c.Healthy} {
		value(prometheus.CounterValue, "trace_kept_total", float64(n), []string{"why"}, []string{why.String()})
	}
}

func histogram(ch chan<- prometheus.Metric, name string, h *kit.Histogram, step int, labels []string, values ...string) {
	total := h.Count()
	if total == 0 {
		return
	}
	buckets, seen, i := map[float64]uint64{}, uint64(0), 0
	for o := firstOctave; o <= lastOctave; o += step {
		for ; i < len(h.Counts) && h.Bound(i) <= 1<<o; i++ {
			seen += h.Counts[i]
		}
		buckets[float64(int64(1)<<o)/1e9] = seen
	}
	ch <- prometheus.MustNewConstHistogram(prometheus.NewDesc("broker_"+name, Help(name), labels, nil), total, h.Sum.Seconds(), buckets, values...)
}
