package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// troupe runs bin/broker on free ports over an empty data directory.
type troupe struct {
	o    options
	dir  string
	args []string // more of them
	cmd  *exec.Cmd
}

func newTroupe(o options, dir string) *troupe { return &troupe{o: o, dir: dir} }

func (t *troupe) name() string { return "troupe" }

func (t *troupe) start() (string, int, time.Duration, error) {
	t.cmd = exec.Command(t.o.bin, "start", "--data-dir", t.dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
	t.cmd.Args = append(t.cmd.Args, t.args...)
	t.cmd.Stderr = nil
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return "", 0, 0, err
	}
	began := time.Now()
	if err := t.cmd.Start(); err != nil {
		return "", 0, 0, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", 0, 0, fmt.Errorf("no ready line: %w", err)
	}
	took := time.Since(began)
	for _, f := range strings.Fields(line) {
		if addr, ok := strings.CutPrefix(f, "kafka="); ok {
			return addr, t.cmd.Process.Pid, took, nil
		}
	}
	return "", 0, 0, fmt.Errorf("not a ready line: %q", line)
}

func (t *troupe) stop() error {
	if t.cmd == nil {
		return nil
	}
	t.cmd.Process.Signal(syscall.SIGTERM)
	err := t.cmd.Wait()
	t.cmd = nil
	if e := os.RemoveAll(t.dir); err == nil {
		err = e
	}
	return err
}

// kafka runs one node of Apache Kafka through the oracle script.
type kafka struct {
	o       options
	dir     string
	started bool
}

func newKafka(o options, dir string) *kafka { return &kafka{o: o, dir: dir} }

func (k *kafka) name() string { return "kafka" }

func (k *kafka) start() (string, int, time.Duration, error) {
	began := time.Now()
	out, err := exec.Command(k.o.oracle, "start", k.dir).Output()
	if err != nil {
		return "", 0, 0, fmt.Errorf("oracle start: %w", err)
	}
	k.started = true
	b, err := os.ReadFile(filepath.Join(k.dir, "pid"))
	if err != nil {
		return "", 0, 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return strings.TrimSpace(string(out)), pid, time.Since(began), err
}

func (k *kafka) stop() error {
	if !k.started {
		return nil
	}
	k.started = false
	return exec.Command(k.o.oracle, "stop", k.dir).Run()
}

// pageCache brings the memory of the machine into a known state, for virtual machines give free memory back to their host and
// pay for touching it again: that moves any broker's figures threefold.
func pageCache(state string) error {
	syscall.Sync()
	if state == "fresh" {
		return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0o644)
	}
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return err
	}
	size := int64(info.Totalram) / 10 * 9
	f, err := os.CreateTemp("", "sparse")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	buf := make([]byte, 4<<20)
	for {
		if _, err := f.Read(buf); err != nil {
			return nil
		}
	}
}

// cpuSeconds is the user and system time of a process so far.
func cpuSeconds(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	sys, _ := strconv.ParseFloat(fields[12], 64)
	return (user + sys) / 100
}

func residentMB(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}
