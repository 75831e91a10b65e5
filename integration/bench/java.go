package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// java has Kafka's own perf tools, with the defaults of Java's client, write and read a topic. Speeds are by the clock of the tool, so
// that starting a JVM is not in them; it is in the CPU of the client.
func (s *session) java() error {
	j := s.job("", "java", 12, 1024, s.o.mb/2)
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	if err := makeTopic(ctx, s.boot, j.Topic, j.Partitions, j.Replicas); err != nil {
		return err
	}
	r, err := s.load("java-produce", func(ctx context.Context) (result, error) {
		return s.tool(ctx, j, javaProduced,
			"ProducerPerformance", "--topic", j.Topic, "--num-records", strconv.Itoa(j.Records), "--record-size", strconv.Itoa(j.Size),
			"--throughput", "-1", "--producer-props", "bootstrap.servers="+s.boot, "acks=all")
	})
	if err != nil {
		return err
	}
	s.add("java-produce", r.mbs())
	if !s.wants("java-consume") {
		return nil
	}
	r, err = s.load("java-consume", func(ctx context.Context) (result, error) {
		return s.tool(ctx, j, javaConsumed,
			"ConsumerPerformance", "--bootstrap-server", s.boot, "--topic", j.Topic, "--num-records", strconv.Itoa(j.Records))
	})
	if err != nil {
		return err
	}
	s.add("java-consume", r.mbs())
	return nil
}

// tool runs one of Kafka's tools and reads its own report.
func (s *session) tool(ctx context.Context, j job, report func(text string) (records int, seconds float64, err error), args ...string) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.o.oracle, append([]string{"tool"}, args...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	broker, read := sum(s.pids, cpuSeconds), sum(s.pids, diskReadMB)
	if err := cmd.Run(); err != nil {
		return r, fmt.Errorf("%s: %w: %s", args[0], err, lastLine(said.String()))
	}
	if r.Records, r.Seconds, err = report(said.String()); err != nil {
		return r, fmt.Errorf("%s: %w in %q", args[0], err, said.String())
	}
	if r.Records != j.Records {
		return r, fmt.Errorf("%s: %d of %d records: %s", args[0], r.Records, j.Records, lastLine(said.String()))
	}
	r.MB = float64(r.Records*j.Size) / 1e6
	r.BrokerCPU, r.DiskReadMB = sum(s.pids, cpuSeconds)-broker, sum(s.pids, diskReadMB)-read
	r.ClientCPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return r, nil
}

var javaTotal = regexp.MustCompile(`(?m)^(\d+) records sent, ([\d.]+) records/sec .* max latency`)

// javaProduced reads the last line of ProducerPerformance, which counts acknowledged records only; each failure is a trace of its own.
func javaProduced(text string) (int, float64, error) {
	if strings.Contains(text, "Exception") {
		return 0, 0, errors.New("an exception")
	}
	all := javaTotal.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return 0, 0, errors.New("no total")
	}
	last := all[len(all)-1]
	n, _ := strconv.Atoi(last[1])
	rate, err := strconv.ParseFloat(last[2], 64)
	return n, float64(n) / rate, err
}

// javaConsumed reads the fields of ConsumerPerformance: start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, ...
func javaConsumed(text string) (int, float64, error) {
	f := strings.Split(lastLine(text), ",")
	if len(f) < 8 {
		return 0, 0, errors.New("no fields")
	}
	n, err := strconv.Atoi(strings.TrimSpace(f[4]))
	if err != nil {
		return 0, 0, err
	}
	ms, err := strconv.ParseFloat(strings.TrimSpace(f[7]), 64)
	return n, (time.Duration(ms) * time.Millisecond).Seconds(), err
}
