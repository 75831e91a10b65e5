package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// options are the flags of a run.
type options struct {
	target  string
	suite   string
	only    string
	binary  string
	compare bool
	strict  bool
}

func main() {
	var o options
	flag.StringVar(&o.target, "target", "", "kafka, troupe, or none (nobody listens: what passes needs no broker)")
	flag.StringVar(&o.suite, "suite", "all", "all (those on one node), clusters, or names of suites, comma-separated: "+strings.Join(names(), ", "))
	flag.StringVar(&o.only, "only", "", "run only tests whose name matches this regular expression, and keep no results")
	flag.StringVar(&o.binary, "broker", "", "Troupe's binary (default: built from this tree)")
	flag.BoolVar(&o.compare, "compare", false, "compare the results of both targets")
	flag.BoolVar(&o.strict, "strict", false, "fail if anything fails")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "suites:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	chosen, err := choose(o.suite)
	if err != nil {
		return err
	}
	cache, err := openCache()
	if err != nil {
		return err
	}
	switch {
	case o.target != "":
		if err := runAll(cache, o, chosen); err != nil {
			return err
		}
		if !o.compare {
			return nil
		}
	case !o.compare:
		return fmt.Errorf("say -target kafka, -target troupe or -compare")
	}
	return compareAll(os.Stdout, cache, chosen)
}

// choose gives the suites of a comma-separated list.
func choose(list string) ([]suite, error) {
	if list == "all" || list == "clusters" {
		return slices.DeleteFunc(slices.Clone(suites), func(s suite) bool { return (s.broker.nodes > 0) != (list == "clusters") }), nil
	}
	var chosen []suite
	for name := range strings.SplitSeq(list, ",") {
		s, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("no suite %q; there are %s", name, strings.Join(names(), ", "))
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// runAll runs suites one after the other, each on a fresh broker, and writes what each showed.
func runAll(cache cache, o options, chosen []suite) error {
	var only *regexp.Regexp
	if o.only != "" {
		var err error
		if only, err = regexp.Compile(o.only); err != nil {
			return err
		}
	}
	broken := 0
	for _, s := range chosen {
		start := time.Now()
		results, err := runOne(cache, o, s, only)
		if err != nil {
			return fmt.Errorf("%s on %s: %w", s.name, o.target, err)
		}
		if only != nil {
			results.write(os.Stdout)
			continue
		}
		path, err := cache.save(o.target, s, results)
		if err != nil {
			return err
		}
		n := results.count()
		fmt.Printf("%-16s %-7s %3d passed, %d failed, %d skipped in %v  %s\n",
			s.name, o.target, n[passed], n[failed]+n[absent], n[skipped], time.Since(start).Round(time.Second), path)
		for _, r := range results {
			if r.verdict == failed || r.verdict == absent {
				broken++
				fmt.Printf("  %s %s: %s\n", r.verdict, r.name, oneLine(r.why))
			}
		}
	}
	if o.strict && broken > 0 {
		return fmt.Errorf("%d failed; logs are in %s", broken, cache.path("logs"))
	}
	return nil
}

func runOne(cache cache, o options, s suite, only *regexp.Regexp) (results, error) {
	if err := s.get(cache); err != nil {
		return nil, fmt.Errorf("cannot get it: %w", err)
	}
	skips, err := readSkips(s.listed())
	if err != nil {
		return nil, err
	}
	online, err := readOnline(s.listed())
	if err != nil {
		return nil, err
	}
	start := startTarget
	if s.broker.nodes > 0 {
		start = startCluster
	}
	against, err := start(cache, o, s)
	if err != nil {
		return nil, err
	}
	log, err := cache.log(o.target, s)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	got, err := s.runTwice(job{cache: cache, bootstrap: against.bootstrap, cluster: against.cluster, nobody: o.target == nobody, log: log, skips: skips, online: online, only: only})
	if stopErr := against.stop(); stopErr != nil && err == nil {
		err = stopErr
	}
	if err != nil {
		return nil, fmt.Errorf("%w (see %s)", err, log.Name())
	}
	return got, nil
}
