// Command manyload measures one broker with many partitions: creating them, listing them, producing to any and to a thousand at once,
// consuming from a thousand, what it takes at rest, and how soon it is ready again. It prints a table for docs/benchmarks.md and fails when
// a bound of goals is missed.
//
// Usage: go run ./integration/manyload [-bin bin/broker] [-partitions 10000] [-each 100] [-load]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

type options struct {
	bin        string
	partitions int
	each       int
	atOnce     int
	load       bool
	rest       time.Duration
}

// goals bound a broker with at most goalPartitions.
const (
	goalPartitions = 10_000
	goalCreated    = 20 * time.Second
	goalRestarted  = 3 * time.Second
	goalResident   = 500 // MB
	goalFsync      = 300 * time.Microsecond
	goalFirst      = 100 * time.Millisecond // from an empty directory to ready, on a disk with goalFsync
)

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/broker", "the broker")
	flag.IntVar(&o.partitions, "partitions", goalPartitions, "how many")
	flag.IntVar(&o.each, "each", 100, "partitions of a topic")
	flag.IntVar(&o.atOnce, "at-once", 1000, "partitions that are produced to and consumed from at once")
	flag.BoolVar(&o.load, "load", false, "use every partition once, so that all are loaded")
	flag.DurationVar(&o.rest, "rest", 15*time.Second, "how long the broker is watched at rest")
	flag.Parse()
	missed, err := run(o)
	for _, m := range missed {
		fmt.Fprintln(os.Stderr, "manyload: missed:", m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manyload:", err)
	}
	if err != nil || len(missed) > 0 {
		os.Exit(1)
	}
}

// report prints figures and remembers which goals were missed.
type report struct {
	o      options
	missed []string
}

func (r *report) line(what, format string, args ...any) {
	fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
}

// within notes a figure that is over its goal, if goals hold for so many partitions.
func (r *report) within(what string, got, goal float64) {
	if r.o.partitions <= goalPartitions && got > goal {
		r.missed = append(r.missed, fmt.Sprintf("%s: %.4g, at most %.4g wanted", what, got, goal))
	}
}

func run(o options) ([]string, error) {
	dir, err := os.MkdirTemp("", "manyload")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &report{o: o}
	fmt.Printf("%d partitions in topics of %d, %d cores, %s\n\n| figure | |\n|---|---|\n", o.partitions, o.each, runtime.NumCPU(), runtime.Version())
	if err := r.first(dir); err != nil {
		return r.missed, err
	}
	b, _, err := start(o.bin, dir+"/data")
	if err != nil {
		return r.missed, err
	}
	defer func() { b.end(os.Kill) }()
	err = r.measure(b)
	if err == nil {
		err = r.restarts(&b, dir+"/data")
	}
	return r.missed, err
}

// first measures starts over empty directories, beside the disk's own speed.
func (r *report) first(dir string) error {
	sync, err := fsync(dir)
	if err != nil {
		return err
	}
	var all, again []time.Duration
	for i := range 11 {
		data := fmt.Sprintf("%s/first-%d", dir, i)
		b, took, err := start(r.o.bin, data)
		if err != nil {
			return err
		}
		if err := b.end(os.Interrupt); err != nil {
			return err
		}
		b, anew, err := start(r.o.bin, data)
		if err != nil {
			return err
		}
		b.end(os.Kill)
		os.RemoveAll(data)
		all, again = append(all, took), append(again, anew)
	}
	slices.Sort(all)
	slices.Sort(again)
	med := all[len(all)/2]
	r.line("the disk's fsync of 4 KiB, p50", "%.2f ms", ms(sync))
	r.line("empty directory to ready: median of 11 (least, most)", "%.0f ms (%.0f, %.0f)", ms(med), ms(all[0]), ms(all[len(all)-1]))
	r.line("the same directory again", "%.0f ms (%.0f, %.0f)", ms(again[len(again)/2]), ms(again[0]), ms(again[len(again)-1]))
	if sync < goalFsync {
		r.within("empty directory to ready, ms", ms(med), ms(goalFirst))
	}
	return nil
}

func (r *report) measure(b *broker) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	l, err := newLoad(b, r.o)
	if err != nil {
		return err
	}
	defer l.close()
	r.line("resident when empty", "%.0f MB", b.resident())
	took, err := timed(func() error { return l.create(ctx) })
	if err != nil {
		return err
	}
	r.line("created, each topic by a request of its own", "%.1f s", took.Seconds())
	r.within("created, s", took.Seconds(), goalCreated.Seconds())
	r.line("resident when created", "%.0f MB", b.resident())
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"Metadata of all", l.metadata},
		{"ListOffsets of all", l.offsets},
		{"`broker topic list`", l.topicList},
		{fmt.Sprintf("one record to each of %d partitions at once, acks=all", r.o.atOnce), l.produceSome},
		{"the same again", l.produceSome},
		{fmt.Sprintf("consumed from %d partitions", r.o.atOnce), l.consume},
	}
	if r.o.load {
		steps = append(steps, steps[0])
		steps[len(steps)-1].what, steps[len(steps)-1].do = "one record to every partition, acks=all", l.produceAll
	}
	for _, s := range steps {
		took, err := timed(func() error { return s.do(ctx) })
		if err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
		r.line(s.what, "%.0f ms", ms(took))
	}
	r.line("resident after that", "%.0f MB", b.resident())
	r.within("resident, MB", b.resident(), goalResident)
	return r.idle(b, l)
}

// idle is what the broker takes when nobody asks, and when a consumer polls partitions that get nothing.
func (r *report) idle(b *broker, l *load) error {
	time.Sleep(8 * time.Second) // goroutines of actors end after some idle seconds
	r.line("processor at rest", "%.2f %% of a core", b.busy(r.o.rest))
	stop, err := l.poll()
	if err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	r.line(fmt.Sprintf("the same while a consumer polls %d partitions that get nothing", r.o.atOnce), "%.2f %% of a core", b.busy(r.o.rest))
	stop()
	return nil
}

// restarts ends the broker in order, then by force, and measures how soon it is ready again.
func (r *report) restarts(b **broker, data string) error {
	for _, how := range []os.Signal{os.Interrupt, os.Kill} {
		began := time.Now()
		if err := (*b).end(how); err != nil {
			return err
		}
		ended := time.Since(began)
		next, took, err := start(r.o.bin, data)
		if err != nil {
			return err
		}
		*b = next
		if how == os.Kill {
			r.line("kill -9 to ready again", "%.2f s", took.Seconds())
		} else {
			r.line("ended by SIGINT", "%.2f s", ended.Seconds())
			r.line("ready again", "%.2f s", took.Seconds())
		}
		r.within("ready again, s", took.Seconds(), goalRestarted.Seconds())
		r.line("resident when ready", "%.0f MB", next.resident())
	}
	return nil
}

func timed(f func() error) (time.Duration, error) {
	began := time.Now()
	err := f()
	return time.Since(began), err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
