package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A session is one contestant from an empty directory to its end, in one state of the page cache: all figures that are wanted, once.
type session struct {
	o     options
	ctx   context.Context
	who   string
	state string
	round int
	dir   string // of its data
	cache *pageCache
	into  *measured

	broker contestant
	running
	peak float64 // MB, highest under any load
}

// A family is figures that belong together: what one of them leaves behind, the next one uses.
type family struct {
	keys []string
	run  func(*session) error
}

var families = []family{
	{[]string{"produce-1k", "produce-1k-disk", "produce-1k-flush", "consume-tail", "consume-groups", "consume-cold", "consume-hot"}, (*session).logs},
	{[]string{"produce-100b", "produce-100b-disk"}, (*session).small},
	{[]string{"produce-1000p"}, (*session).manyPartitions},
	{[]string{"java-produce", "java-consume"}, (*session).java},
	{[]string{"latency-p50", "latency-p99", "latency-p99.9"}, (*session).latency},
	{[]string{"single-acked-p50", "single-acked-p99", "single-seen-p50", "single-seen-p99", "single-disk"}, (*session).single},
}

// wants tells whether one of these figures is to be measured of this contestant.
func (s *session) wants(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		if !slices.ContainsFunc(s.o.rows(), func(r row) bool { return r.key == key }) {
			return false
		}
		if s.who == "kafka-flush" && key != "produce-1k-flush" || s.who == "kafka" && key == "produce-1k-flush" {
			return false
		}
		return s.o.only.MatchString(key)
	})
}

func (s *session) loads() bool {
	return slices.ContainsFunc(families, func(f family) bool { return s.wants(f.keys...) })
}

func (s *session) wanted() bool {
	return s.loads() || s.wants("start-ready", "start-disk", "start-idle")
}

func (s *session) run() (err error) {
	if err := s.prepare(); err != nil {
		return err
	}
	disk, err := diskP50(filepath.Dir(s.dir))
	if err != nil {
		return err
	}
	s.broker = newContestant(s.o, s.who, s.dir)
	defer func() {
		err = errors.Join(err, s.broker.stop())
		s.cache.later(s.dir)
	}()
	if s.running, err = s.broker.start(); err != nil {
		return err
	}
	s.say("ready after %v", s.ready.Round(time.Millisecond))
	if s.wants("start-ready", "start-disk", "start-idle") {
		s.add("start-disk", disk)
		s.add("start-ready", s.ready.Seconds()*1e3)
		if s.wants("start-idle") {
			time.Sleep(2 * time.Second)
			s.add("start-idle", sum(s.pids, residentMB))
		}
	}
	if !s.loads() {
		return nil
	}
	if err := s.warmUp(); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	for _, f := range families {
		if !s.wants(f.keys...) || s.ctx.Err() != nil {
			continue
		}
		if err := errors.Join(s.prepare(), f.run(s)); err != nil {
			s.into.fail(s.state, s.who, err)
			s.say("failed: %v", err)
		}
	}
	s.add("memory-after", sum(s.pids, residentMB))
	s.add("memory-peak", s.peak)
	return nil
}

// restart ends the broker in order and starts it over the same data.
func (s *session) restart() (err error) {
	if err := s.broker.stop(); err != nil {
		return err
	}
	s.running, err = s.broker.start()
	s.say("started anew, ready after %v", s.ready.Round(time.Millisecond))
	return err
}

func (s *session) prepare() error {
	text, err := s.cache.prepare(s.state)
	s.say("page cache %s", text)
	return err
}

// warmUp lets a JVM compile, a heap grow and the topics of the broker itself come up.
func (s *session) warmUp() error {
	mb := min(192, s.o.mb/4)
	if s.o.cluster {
		mb = min(192, s.o.mb/2) // three JVMs on the same cores
	}
	j := s.job("produce", "warm", 12, 1024, mb)
	if _, err := j.run(s.ctx); err != nil {
		return err
	}
	j.Kind, j.Groups = "groups", 1
	if s.wants("consume-tail", "consume-groups", "consume-cold", "consume-hot", "java-consume") {
		if _, err := j.run(s.ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) job(kind, topic string, partitions int32, size, mb int) job {
	return job{Kind: kind, Bootstrap: s.boot, Brokers: s.pids, Topic: topic, Partitions: partitions, Replicas: s.o.replicas(), Size: size, Records: mb << 20 / size}
}

// load does one measured job and keeps what it cost. The figures themselves are added by whoever knows their names.
func (s *session) load(key string, do func(context.Context) (result, error)) (result, error) {
	for _, pid := range s.pids {
		resetPeak(pid)
	}
	wait, file := func() error { return nil }, ""
	if s.o.profiles != "" && s.admin != "" {
		file = filepath.Join(s.o.profiles, fmt.Sprintf("%s-%s-%d.pprof", key, s.state, s.round+1))
		wait = profile(s.admin, file, s.o.profileSeconds)
	}
	r, err := do(s.ctx)
	if err := errors.Join(err, wait()); err != nil {
		return r, fmt.Errorf("%s: %w", key, err)
	}
	peak := sum(s.pids, peakMB)
	s.peak = max(s.peak, peak)
	broker, client, per := r.BrokerCPU/r.MB*1e3, r.ClientCPU/r.MB*1e3, "s/GB"
	if r.MB < 1 { // one record at a time
		broker, client, per = r.BrokerCPU/float64(r.Records)*1e6, r.ClientCPU/float64(r.Records)*1e6, "µs a record"
		key += ", " + per
	}
	s.into.cost(s.state, s.who, key, broker, client, peak)
	s.say("%s: %.0f MB in %.2f s, %.0f MB/s; CPU %s: broker %.2f, client %.2f; peak %.0f MB", key, r.MB, r.Seconds, r.mbs(), per, broker, client, peak)
	if file != "" {
		return r, s.book(file, broker)
	}
	return r, nil
}

// book keeps the budget of the layers beside a profile.
func (s *session) book(profile string, perGB float64) error {
	f, err := os.Create(strings.TrimSuffix(profile, ".pprof") + ".md")
	if err != nil {
		return err
	}
	return errors.Join(printBudget(f, profile, perGB), f.Close())
}

func (s *session) add(key string, v float64) {
	if s.wants(key) || key == "memory-after" || key == "memory-peak" {
		s.into.add(s.state, s.who, key, v)
	}
}

func (s *session) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s %d %s: %s\n", time.Now().Format("15:04:05"), s.state, s.round+1, s.who, fmt.Sprintf(format, args...))
}
