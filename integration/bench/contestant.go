package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"troupe/integration/readyline"
)

// A contestant is one broker, or one cluster, that can be started over an empty directory and stopped.
type contestant interface {
	start() (running, error)
	stop() error // its data stay
}

type running struct {
	boot, admin string // admin: Troupe only
	pids        []int
	ready       time.Duration // from the start of its process to its first answer
}

func newContestant(o options, who, dir string) contestant {
	switch {
	case o.cluster && who == "kafka":
		return &kafkaCluster{o: o, dir: dir}
	case o.cluster:
		return &troupeCluster{o: o, dir: dir}
	}
	switch who {
	case "kafka":
		return &kafka{o: o, dir: dir}
	case "kafka-flush":
		return &kafka{o: o, dir: dir, properties: []string{"log.flush.interval.messages=1"}}
	}
	return newTroupe(o, dir)
}

// troupe runs the binary on free ports.
type troupe struct {
	o      options
	dir    string
	listen string
	args   []string // more of them
	cmd    *exec.Cmd
}

func newTroupe(o options, dir string) *troupe {
	// As the oracle's Kafka has it: what waits for members that might come is no part of any figure.
	t := &troupe{o: o, dir: dir, listen: "127.0.0.1:0", args: []string{"--set", "group.initial.rebalance.delay.ms=0"}}
	if o.memory != "" {
		t.args = append(t.args, "--memory", o.memory)
	}
	return t
}

func (t *troupe) start() (running, error) {
	t.cmd = exec.Command(t.o.bin, "start", "--data-dir", t.dir, "--listen", t.listen, "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
	t.cmd.Args = append(t.cmd.Args, t.args...)
	log, err := os.Create(t.log())
	if err != nil {
		return running{}, err
	}
	defer log.Close()
	t.cmd.Stderr = log
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return running{}, err
	}
	began := time.Now()
	if err := t.cmd.Start(); err != nil {
		return running{}, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	r := running{pids: []int{t.cmd.Process.Pid}, ready: time.Since(began)}
	if err != nil {
		return r, fmt.Errorf("no ready line: %w", err)
	}
	fields, ok := readyline.Parse(line)
	if !ok {
		return r, fmt.Errorf("not a ready line: %q", line)
	}
	r.boot, r.admin = fields["kafka"], fields["admin"]
	return r, nil
}

func (t *troupe) log() string { return t.dir + ".log" }

func (t *troupe) stop() error {
	if t.cmd == nil || t.cmd.Process == nil {
		return nil
	}
	t.cmd.Process.Signal(syscall.SIGTERM)
	err := t.cmd.Wait()
	t.cmd = nil
	if err != nil {
		said, _ := os.ReadFile(t.log())
		err = fmt.Errorf("the broker ended with %w: %s", err, lastLine(string(said)))
	}
	return err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// kafka runs one node of Apache Kafka through the oracle script.
type kafka struct {
	o          options
	dir        string
	properties []string
	pid        int
}

func (k *kafka) start() (running, error) {
	out, err := exec.Command(k.o.oracle, append([]string{"start", k.dir}, k.properties...)...).Output()
	if err != nil {
		return running{}, fmt.Errorf("oracle start: %w", err)
	}
	k.pid, err = pidOf(k.dir)
	return running{boot: strings.TrimSpace(string(out)), pids: []int{k.pid}, ready: age(k.pid)}, err
}

// pidOf reads the process id of a node that the script has started.
func pidOf(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

func (k *kafka) stop() error { return endKafka(k.pid) }

// endKafka does what the script does, but for deleting the data.
func endKafka(pid int) error {
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	for until := time.Now().Add(time.Minute); syscall.Kill(pid, 0) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			return fmt.Errorf("process %d of Kafka does not end", pid)
		}
	}
	return nil
}
