// Command bench compares Troupe (fsync before every acknowledgement) with Apache Kafka (its defaults: no fsync) on this machine,
// in one run, interleaved, with the same client. It prints a table for docs/benchmarks.md.
//
<<<<<<< HEAD
// Usage: go run ./integration/bench [-rounds 3] [-mb 1024] [-state full|fresh] [-bin bin/broker] [-trace 10]
=======
// Usage: go run ./integration/bench [-only REGEXP] [-state full|fresh|both] [-rounds 5] [-mb 1024] [-contestant troupe,kafka,kafka-flush]
//
//	[-memory 512MiB] [-pprof DIR] [-write docs/benchmarks.md] [-list] [-trace PAIRS]
//
// The program says `unmet:` of each figure that misses what is required, and ends with 0 all the same: it measures.
// `bench client JOB` is the program itself again as a client in a process of its own, so that its CPU is counted apart from the rest.
>>>>>>> d33485a (docs: performance.md, where the time goes per layer; integration/bench: the page cache gets full, and what the host took is told)
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

type options struct {
	bin, oracle, state string
	rounds, mb, pairs  int
	noKafka            bool
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/broker", "the broker")
	flag.StringVar(&o.oracle, "oracle", "integration/oracle/oracle", "the script that runs Apache Kafka")
	flag.StringVar(&o.state, "state", "full", "page cache before each run: full (filled from a sparse file) or fresh (dropped)")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds after a warm-up")
	flag.IntVar(&o.mb, "mb", 1024, "MB to produce in each run")
	flag.BoolVar(&o.noKafka, "no-kafka", false, "measure Troupe alone")
	flag.IntVar(&o.pairs, "trace", 0, "measure instead what recording requests costs, in so many pairs of bursts")
	flag.Parse()
	what := run
	if o.pairs > 0 {
		what = traceCost
	}
	if err := what(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// figures are the measured values of one system, by name, one per round.
type figures map[string][]float64

func (f figures) add(name string, v float64) { f[name] = append(f[name], v) }

func run(o options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("machine: %d cores, Go %s, page cache %s before each run, %d MB a run, %d rounds after a warm-up\n\n", runtime.NumCPU(), runtime.Version(), o.state, o.mb, o.rounds)
	troupe, kafka := figures{}, figures{}
	for round := -1; round < o.rounds; round++ {
		warm := round < 0
		if !o.noKafka {
			if err := measure(newKafka(o, filepath.Join(dir, "kafka")), o, kafka, warm); err != nil {
				return fmt.Errorf("kafka: %w", err)
			}
		}
		if err := measure(newTroupe(o, filepath.Join(dir, "troupe")), o, troupe, warm); err != nil {
			return fmt.Errorf("troupe: %w", err)
		}
	}
	report(troupe, kafka)
	return nil
}

// system is one broker that can be started and stopped.
type system interface {
	name() string
	start() (bootstrap string, pid int, ready time.Duration, err error)
	stop() error
}

func measure(s system, o options, f figures, warm bool) error {
	if err := pageCache(o.state); err != nil {
		return err
	}
	boot, pid, ready, err := s.start()
	if err != nil {
		return err
	}
<<<<<<< HEAD
	defer s.stop()
	time.Sleep(2 * time.Second)
	idle := residentMB(pid)
	mb := o.mb
	if warm {
		mb = 128
=======
	defer cache.close()
	m, began := &measured{before: cpuTimes()}, time.Now()
	for _, state := range o.states {
		for round := range o.rounds {
			for _, who := range o.contestants {
				s := &session{o: o, ctx: ctx, who: who, state: state, round: round, cache: cache, into: m, dir: filepath.Join(dir, who)}
				if !s.wanted() {
					continue
				}
				if err := s.run(); err != nil {
					m.fail(state, who, err)
				}
				if ctx.Err() != nil { // what there is, is shown, and nothing is written
					o.write = ""
					return errors.Join(ctx.Err(), report(o, m, time.Since(began)))
				}
			}
		}
>>>>>>> d33485a (docs: performance.md, where the time goes per layer; integration/bench: the page cache gets full, and what the host took is told)
	}
	f1, err := produce(boot, "bench-1k", 12, 1024, mb, pid)
	if err != nil {
		return err
	}
	lat, err := roundTrips(boot, "bench-rt", 300)
	if err != nil {
		return err
	}
	c, err := consume(boot, "bench-1k", f1.records)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: ready %v, %.0f MB/s acknowledged\n", s.name(), ready.Round(time.Millisecond), f1.acked)
	if warm {
		return s.stop()
	}
	f.add("empty data dir to ready, ms", float64(ready.Milliseconds()))
	f.add("idle memory (RSS), MB", idle)
	f.add("produce 1 KiB acks=all, 12 partitions, MB/s", f1.acked)
	f.add("the same until on disk (sync), MB/s", f1.onDisk)
	f.add("broker CPU, s per GB produced", f1.cpuPerGB)
	f.add("consume 1 KiB right after, MB/s", c)
	f.add("one record at a time, p50 ms", lat.p50)
	f.add("one record at a time, p99 ms", lat.p99)
	f.add("memory after the load (RSS), MB", residentMB(pid))
	return s.stop()
}

func report(troupe, kafka figures) {
	fmt.Println("| figure | Troupe | Kafka | Troupe ÷ Kafka |\n|---|---|---|---|")
	names := make([]string, 0, len(troupe))
	for n := range troupe {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		t := spread(troupe[n])
		k, ratio := "–", "–"
		if len(kafka[n]) > 0 {
			k = spread(kafka[n])
			ratio = fmt.Sprintf("%.2f", median(troupe[n])/median(kafka[n]))
		}
		fmt.Printf("| %s | %s | %s | %s |\n", n, t, k, ratio)
	}
	fmt.Println(strings.TrimSpace("\nMedians (min–max). Troupe syncs before every acknowledgement, Kafka does not."))
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

func spread(v []float64) string {
	return fmt.Sprintf("%.4g (%.4g–%.4g)", median(v), slices.Min(v), slices.Max(v))
}
