package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	burstClients  = 8
	burstRequests = 250 // of each client, one after the other: a request per record
)

// traceCost runs two brokers of one binary side by side, one that records requests and one that does not, and gives each the same bursts by turns.
func traceCost(o options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	type side struct {
		*troupe
		running
		cpu  []float64 // µs a request
		took []float64
	}
	on, off := &side{troupe: newTroupe(o, filepath.Join(dir, "on"))}, &side{troupe: newTroupe(o, filepath.Join(dir, "off"))}
	off.args = append(off.args, "--trace-off")
	for _, s := range []*side{on, off} {
		if s.running, err = s.start(); err != nil {
			return err
		}
		defer s.stop()
		if err := makeTopic(context.Background(), s.boot, "bench", 8, 1); err != nil {
			return err
		}
	}
	var ratios []float64
	for pair := -1; pair < o.pairs; pair++ {
		order := []*side{on, off}
		if pair%2 == 0 {
			order = []*side{off, on}
		}
		for _, s := range order {
			before, began := threadTime(s.pids[0]), time.Now()
			if err := burst(s.boot); err != nil {
				return err
			}
			if pair >= 0 { // the first is the warm-up
				s.cpu = append(s.cpu, (threadTime(s.pids[0])-before).Seconds()*1e6/(burstClients*burstRequests))
				s.took = append(s.took, time.Since(began).Seconds()*1e6*burstClients/(burstClients*burstRequests))
			}
		}
		if pair >= 0 {
			ratios = append(ratios, on.cpu[pair]/off.cpu[pair])
		}
	}
	fmt.Printf("| figure, %d pairs of %d requests | recording | off | recording ÷ off |\n|---|---|---|---|\n", o.pairs, burstClients*burstRequests)
	fmt.Printf("| broker CPU per produce of 1 KiB, acks=all, µs | %s | %s | %s |\n", spread(on.cpu), spread(off.cpu), spread(ratios))
	fmt.Printf("| time per request of a client, µs | %s | %s | %.3f |\n", spread(on.took), spread(off.took), median(on.took)/median(off.took))
	return nil
}

func burst(boot string) error {
	var done sync.WaitGroup
	errs := make([]error, burstClients)
	for i := range burstClients {
		done.Go(func() { errs[i] = oneByOne(boot, int32(i)) })
	}
	done.Wait()
	return errors.Join(errs...)
}

func oneByOne(boot string, partition int32) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	value := make([]byte, 1024)
	for range burstRequests {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "bench", Partition: partition, Value: value}).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// threadTime is the time that the threads of a process have run so far, to the nanosecond.
func threadTime(pid int) (sum time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		ns, _ := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}
