// Command sim runs many seeds of the whole-broker simulation, in processes of their own, one per core.
//
// Usage: go run ./integration/sim/cmd [-n 1000] [-seed 1] [-nosync] [-trap NAME] [-trace FILE]
//
// It prints totals, and of the first seed that fails the reason, the last lines of its trace and the command that repeats it.
// With -trace, or a single seed that fails, the whole trace is written to a file.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"troupe/integration/sim"
)

// chunk is how many seeds one process runs.
const chunk = 25

type flags struct {
	seed   uint64
	n      int
	nosync bool
	worker bool
	trap   string
	trace  string
}

func main() {
	var f flags
	flag.Uint64Var(&f.seed, "seed", 1, "the first seed")
	flag.IntVar(&f.n, "n", 1000, "how many seeds")
	flag.BoolVar(&f.nosync, "nosync", false, "switch fsync off in the model stores: must fail")
	flag.StringVar(&f.trap, "trap", "", "set this trap in every trouble of a cluster")
	flag.StringVar(&f.trace, "trace", "", "write every line of the trace to this file (one seed)")
	flag.BoolVar(&f.worker, "worker", false, "run the seeds here and print the outcome as JSON (the command starts itself so)")
	flag.Parse()
	switch {
	case f.worker:
		json.NewEncoder(os.Stdout).Encode(f.run())
	case !f.all():
		os.Exit(1)
	}
}

// outcome is what one process found.
type outcome struct {
	Seeds  int
	Totals sim.Totals
	Failed uint64 // the seed; 0: none
	Reason string
	Trace  []string
}

// run runs seeds in this process, up to the first that fails.
func (f *flags) run() (o outcome) {
	for seed := f.seed; seed < f.seed+uint64(f.n); seed++ {
		opts := sim.OptionsOf(seed)
		opts.NoSyncData, opts.NoSyncMeta, opts.Trap = f.nosync, f.nosync, f.trap
		if f.trace != "" {
			w, err := os.Create(f.trace)
			if err != nil {
				return outcome{Failed: seed, Reason: err.Error()}
			}
			defer w.Close()
			opts.Trace = w
		}
		r := sim.Run(opts)
		o.Seeds++
		o.Totals.Add(r.Totals)
		if r.Err != nil {
			o.Failed, o.Reason, o.Trace = seed, r.Err.Error(), r.Trace
			return o
		}
	}
	return o
}

// all shares the seeds out to processes and reports; false: a seed failed.
func (f *flags) all() bool {
	start := time.Now()
	if f.n == 1 && f.trace == "" {
		f.trace = filepath.Join(os.TempDir(), "troupe-sim-"+strconv.FormatUint(f.seed, 10)+".trace")
	}
	work := make(chan flags)
	var mu sync.Mutex
	var sum outcome
	var failed []outcome
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for part := range work {
				o := part.start()
				mu.Lock()
				sum.Seeds += o.Seeds
				sum.Totals.Add(o.Totals)
				if o.Failed != 0 {
					failed = append(failed, o)
				}
				mu.Unlock()
			}
		})
	}
	for from := 0; from < f.n; from += chunk {
		mu.Lock()
		stop := len(failed) > 0
		mu.Unlock()
		if stop {
			break
		}
		part := *f
		part.seed, part.n = f.seed+uint64(from), min(chunk, f.n-from)
		work <- part
	}
	close(work)
	wg.Wait()
	fmt.Printf("%d seeds from %d in %.1f s: %s\n", sum.Seeds, f.seed, time.Since(start).Seconds(), sum.Totals)
	if f.trace != "" {
		fmt.Println("the whole trace:", f.trace)
	}
	for _, o := range failed {
		fmt.Printf("\nSEED %d FAILED\n%s\n%s\n", o.Failed, strings.Join(o.Trace, "\n"), o.Reason)
	}
	return len(failed) == 0
}

// start runs a part in a process of its own: slabs, counters and Raft's randomness belong to a process.
func (f *flags) start() outcome {
	self, err := os.Executable()
	if err != nil {
		return outcome{Failed: f.seed, Reason: err.Error()}
	}
	args := []string{"-worker", "-seed", strconv.FormatUint(f.seed, 10), "-n", strconv.Itoa(f.n), "-nosync=" + strconv.FormatBool(f.nosync), "-trap", f.trap, "-trace", f.trace}
	cmd := exec.Command(self, args...)
	// A run's garbage is small: collecting it seldom saves a quarter of the time.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "GOGC=800")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var o outcome
	if jerr := json.Unmarshal(out.Bytes(), &o); err != nil || jerr != nil {
		lines := strings.Split(errs.String(), "\n")
		return outcome{Failed: f.seed, Reason: fmt.Sprintf("the process of %d seeds from %d ended: %v\nreplay: make sim SEED=%d N=%d",
			f.n, f.seed, errors.Join(err, jerr), f.seed, f.n), Trace: lines[:min(len(lines), 60)]}
	}
	return o
}
