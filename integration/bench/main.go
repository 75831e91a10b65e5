// Command bench compares Troupe (fsync before every acknowledgement) with Apache Kafka on this machine: the contestants take turns with
// the same clients, each from an empty data directory, with the page cache in a named state, and what is required of each figure stands
// beside what was reached.
//
// Usage: go run ./integration/bench [-only REGEXP] [-state full|fresh|both] [-rounds 5] [-mb 1024] [-contestant troupe,kafka,kafka-flush]
//
//	[-memory 512MiB] [-pprof DIR] [-write docs/benchmarks.md] [-list] [-trace PAIRS] [-cluster]
//
// With -cluster each contestant is three brokers with three replicas of everything, and Troupe shows besides what happens when one of them
// dies or is stopped, and how fast its metadata are.
//
// The program says `unmet:` of each figure that misses what is required, and ends with 0 all the same: it measures.
// `bench client JOB` is the program itself again as a client in a process of its own, so that its CPU is counted apart from the rest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	bin, oracle, dir string
	only             *regexp.Regexp
	states           []string
	contestants      []string
	rounds, mb       int
	seconds          int // of the latency figure
	memory           string
	profiles         string // folder for CPU profiles of Troupe
	profileSeconds   int
	write            string
	pairs            int
	cluster          bool
	kills            int // of brokers, for one figure
	partitions       int // of a broker that is fenced
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "client" {
		exit(client(os.Args[2]))
	}
	o, list, err := parse()
	if err != nil {
		exit(err)
	}
	if list {
		for _, r := range o.rows() {
			fmt.Printf("%-18s %s\n", r.key, r.title)
		}
		return
	}
	if o.pairs > 0 {
		exit(traceCost(o))
	}
	// An interrupt ends the clients; the brokers are stopped and their data deleted as after any other failure.
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	exit(run(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse() (o options, list bool, err error) {
	var only, state, contestants string
	flag.StringVar(&o.bin, "bin", "bin/broker", "Troupe's binary")
	flag.StringVar(&o.oracle, "oracle", "integration/oracle/oracle", "the script that runs Apache Kafka")
	flag.StringVar(&o.dir, "dir", "", "folder on the disk that is measured (default: that of temporary files)")
	flag.StringVar(&only, "only", "", "measure only the figures whose key matches; see -list")
	flag.StringVar(&state, "state", "both", "page cache before each figure: full (filled from a sparse file), fresh (dropped), both")
	flag.StringVar(&contestants, "contestant", "kafka,kafka-flush,troupe", "who runs, in this order (kafka-flush: Kafka with log.flush.interval.messages=1)")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds after a warm-up")
	flag.IntVar(&o.mb, "mb", 0, "MiB of the largest load; the others are parts of it (default 1024; 256 with -cluster)")
	flag.IntVar(&o.seconds, "seconds", 8, "seconds of the latency figure")
	flag.StringVar(&o.memory, "memory", "", "--memory of Troupe, such as 512MiB")
	flag.StringVar(&o.profiles, "pprof", "", "keep CPU profiles of Troupe, one per figure and round, in this folder")
	flag.IntVar(&o.profileSeconds, "pprof-seconds", 3, "length of a profile, from the start of its figure on")
	flag.StringVar(&o.write, "write", "", "put the tables into this file, between its marks")
	flag.BoolVar(&list, "list", false, "list the figures")
	flag.BoolVar(&o.cluster, "cluster", false, "three brokers of each contestant")
	flag.IntVar(&o.kills, "kills", 20, "with -cluster: how many times a broker is killed")
	flag.IntVar(&o.partitions, "partitions", 10_000, "with -cluster: how many a broker leads that is fenced")
	flag.IntVar(&o.pairs, "trace", 0, "measure instead what recording requests costs, in so many pairs of bursts")
	flag.Parse()
	o.defaults()
	if o.only, err = regexp.Compile(only); err != nil {
		return o, list, err
	}
	o.states = []string{state}
	if state == "both" {
		o.states = []string{"full", "fresh"} // filling from nothing is what takes long: once
	}
	if o.contestants = strings.Split(contestants, ","); o.cluster {
		o.contestants = slices.DeleteFunc(o.contestants, func(c string) bool { return c == "kafka-flush" })
	}
	for _, c := range o.contestants {
		if !slices.Contains([]string{"kafka", "kafka-flush", "troupe"}, c) {
			return o, list, fmt.Errorf("-contestant %s: there are troupe, kafka and kafka-flush", c)
		}
	}
	if _, err := exec.LookPath(o.bin); err != nil && !list {
		return o, list, fmt.Errorf("%w: make build", err)
	}
	if o.mb < 16 || o.rounds < 1 {
		return o, list, errors.New("-mb is at least 16 and -rounds at least 1")
	}
	return o, list, nil
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.dir, "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cache, err := newPageCache(dir)
	if err != nil {
		return err
	}
	defer cache.close()
	m, began := &measured{before: cpuTimes()}, time.Now()
	if o.cluster && slices.Contains(o.contestants, "troupe") {
		s := &session{o: o, ctx: ctx, who: "troupe", state: alone, into: m, dir: filepath.Join(dir, alone)}
		if err := s.byItself(); err != nil {
			m.fail(alone, "troupe", err)
		}
	}
	for _, state := range o.states {
		for round := range o.rounds {
			for _, who := range o.contestants {
				s := &session{o: o, ctx: ctx, who: who, state: state, round: round, cache: cache, into: m, dir: filepath.Join(dir, fmt.Sprintf("%s-%s-%d", who, state, round))}
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
	}
	return report(o, m, time.Since(began))
}
