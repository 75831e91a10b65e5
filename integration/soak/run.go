package soak

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Options of a run.
type Options struct {
	Binary string
	Time   time.Duration
	Every  time.Duration // between two samples
	Life   time.Duration // between two ends of the broker, in turn a SIGTERM and a kill -9
	Rate   int           // records a second of the busiest producer; all together write 2.25 times as much
	Memory string        // --memory of the broker
	Out    io.Writer
}

// Run makes one run and writes its table. It returns what was not kept, one sentence each.
func Run(o Options) (unmet []string, err error) {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil && len(unmet) == 0 {
			os.RemoveAll(dir)
		} else {
			fmt.Fprintln(o.Out, "kept:", dir)
		}
	}()
	p, err := launch(o.Binary, dir, o.Memory)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l := &load{ctx: ctx, stop: make(chan struct{}), boot: p.kafka}
	if err := l.begin(streams(o.Rate)); err != nil {
		return nil, err
	}
	samples, ends, err := o.watch(p, l)
	if err != nil {
		return nil, err
	}
	close(l.stop)
	if !within(time.Minute, func() bool { l.writers.Wait(); return true }) {
		l.fail("a minute after the end there are clients that wait for the broker")
	}
	l.drain()
	cancel()
	l.readers.Wait()
	if err := p.stop(); err != nil {
		l.fail("%v", err)
	}
	if err := p.verify(); err != nil {
		l.fail("%v", err)
	}
	return o.report(l, samples, ends), nil
}

// within says whether f ends in time.
func within(d time.Duration, f func() bool) bool {
	done := make(chan bool, 1)
	go func() { done <- f() }()
	select {
	case ok := <-done:
		return ok
	case <-time.After(d):
		return false
	}
}

// drain lets the readers come to the end.
func (l *load) drain() {
	for range 300 {
		n := 0
		for _, led := range l.ledgers {
			n += led.behind()
		}
		if n == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// watch samples, and ends the broker now and then, until the time is over.
func (o *Options) watch(p *process, l *load) (samples []sample, ends [2]int, err error) {
	begin := time.Now()
	ticks := time.NewTicker(o.Every)
	defer ticks.Stop()
	next, born := o.Life, begin
	fmt.Fprintf(o.Out, "%8s %8s %6s %6s %6s %9s %9s %6s %8s %8s\n", "time", "RSS MB", "fds", "gorout", "files", "data MB", "memtab MB", "slabs", "p50 ms", "p99 ms")
	for range ticks.C {
		at := time.Since(begin)
		s, err := p.look()
		if err != nil {
			return nil, ends, err
		}
		q50, q99 := l.clock.take()
		s.values[p50], s.values[p99], s.old = q50.Seconds(), q99.Seconds(), time.Since(born) >= o.Life/3
		samples = append(samples, s)
		fmt.Fprintf(o.Out, "%8s %8.1f %6.0f %6.0f %6.0f %9.1f %9.1f %6.0f %8.2f %8.2f\n", at.Round(time.Second), s.values[rss]/1e6, s.values[fds], s.values[goroutines],
			s.values[files], s.values[dataBytes]/1e6, s.values[memtables]/1e6, s.values[slabs], s.values[p50]*1e3, s.values[p99]*1e3)
		if at >= o.Time {
			return samples, ends, nil
		}
		if at < next || o.Time-at < o.Life/2 {
			continue
		}
		next += o.Life
		hard := (ends[0] + ends[1]) % 2
		if ends[hard]++; hard == 1 {
			p.kill()
		} else if err := p.stop(); err != nil {
			return nil, ends, err
		}
		if err := p.start(); err != nil {
			return nil, ends, err
		}
		born = time.Now()
		l.clock.take() // who waited for the restart did not wait for a slow broker
		ticks.Reset(o.Every)
	}
	return samples, ends, nil
}

// bound is how much a figure may grow from the first third to the last: to share times as much and slack more.
type bound struct {
	name   string
	figure int
	share  float64
	slack  float64
	unit   float64
}

var bounds = []bound{
	{"resident memory, MB", rss, 1.15, 24e6, 1e6},
	{"descriptors", fds, 1.1, 16, 1},
	{"goroutines", goroutines, 1.1, 32, 1},
	{"files", files, 1.2, 16, 1},
	{"disk use, MB", dataBytes, 1.25, 48e6, 1e6},
	{"memtables, MB", memtables, 1.25, 16e6, 1e6},
	{"produce p50, ms", p50, 1.5, 0.005, 1e-3},
	{"produce p99, ms", p99, 1.5, 0.030, 1e-3},
}

// steady is the least length of a run whose latencies are judged: in a shorter one a third is a few seconds, and may be those in which
// others use the machine's disk.
const steady = 5 * time.Minute

// thirds are the medians of a figure in the first, second and last third of the samples, without those in which caches fill: of the first
// sixth of the run, and of the first third of each life of the broker.
func thirds(samples []sample, figure int) (m [3]float64) {
	samples = slices.DeleteFunc(slices.Clone(samples[len(samples)/6:]), func(s sample) bool { return !s.old })
	for i := range m {
		var list []float64
		for _, s := range samples[i*len(samples)/3 : (i+1)*len(samples)/3] {
			list = append(list, s.values[figure])
		}
		slices.Sort(list)
		if len(list) > 0 {
			m[i] = list[len(list)/2]
		}
	}
	return m
}

// over says whether a figure has grown beyond its bound.
func (b *bound) over(m [3]float64) bool { return m[2] > m[0]*b.share+b.slack }

func (o *Options) report(l *load, samples []sample, ends [2]int) (unmet []string) {
	acked := 0
	for _, led := range l.ledgers {
		unmet = append(unmet, led.settle()...)
		acked += led.acked
	}
	l.mu.Lock()
	unmet = append(unmet, l.wrong...)
	l.mu.Unlock()
	c := &l.counts
	fmt.Fprintf(o.Out, "\n%s: %d records acknowledged, %d read, %d members left the group, %d committed offsets looked at, %d topics made and deleted, %d admin calls, "+
		"%d connections, %d orderly restarts, %d times kill -9; %d plain records refused, %d other calls failed (while the broker was down)\n\n", o.Time, acked, c.read.Load(),
		c.joins.Load(), c.commits.Load(), c.topics.Load(), c.admin.Load(), c.conns.Load(), ends[0], ends[1], c.refused.Load(), c.failed.Load())
	fmt.Fprintf(o.Out, "| figure, medians | first third | second | last | bound |\n|---|---|---|---|---|\n")
	for _, b := range bounds {
		m := thirds(samples, b.figure)
		fmt.Fprintf(o.Out, "| %s | %.1f | %.1f | %.1f | %.1f |\n", b.name, m[0]/b.unit, m[1]/b.unit, m[2]/b.unit, (m[0]*b.share+b.slack)/b.unit)
		if b.over(m) && (o.Time >= steady || b.figure != p50 && b.figure != p99) {
			unmet = append(unmet, fmt.Sprintf("%s grew from %.1f to %.1f", b.name, m[0]/b.unit, m[2]/b.unit))
		}
	}
	if acked < 1000 || c.topics.Load() == 0 || c.joins.Load() == 0 || c.commits.Load() == 0 {
		unmet = append(unmet, "the load did too little to prove anything")
	}
	for _, u := range unmet {
		fmt.Fprintln(o.Out, "unmet:", strings.ReplaceAll(u, "\n", " "))
	}
	return unmet
}
