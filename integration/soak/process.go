package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"troupe/integration/readyline"
)

// process is the broker that is soaked. Its addresses stay the same over all restarts.
type process struct {
	bin, dir string
	args     []string
	kafka    string
	admin    string

	mu  sync.Mutex
	cmd *exec.Cmd
	log *os.File
}

// readyWithin bounds a start, endWithin an orderly stop.
const (
	readyWithin = 30 * time.Second
	endWithin   = 60 * time.Second
)

// launch runs the broker for the first time, on ports that are free.
func launch(bin, dir, memory string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "broker.log"))
	if err != nil {
		return nil, err
	}
	p := &process{bin: bin, dir: filepath.Join(dir, "data"), log: log}
	p.args = []string{"--memory", memory}
	for key, value := range map[string]string{"log.retention.check.interval.ms": "2000", "log.cleaner.backoff.ms": "2000",
		"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "4"} {
		p.args = append(p.args, "--set", key+"="+value)
	}
	listen := []string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"}
	if err := p.start(listen...); err != nil {
		return nil, err
	}
	p.args = append(p.args, "--listen", p.kafka, "--admin", p.admin, "--peer-listen", "127.0.0.1:0")
	return p, nil
}

// start runs the broker and waits for its ready line.
func (p *process) start(more ...string) error {
	cmd := exec.Command(p.bin, append(append([]string{"start", "--data-dir", p.dir}, p.args...), more...)...)
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line := make(chan string, 1)
	go func() {
		s, _ := bufio.NewReader(out).ReadString('\n')
		line <- s
		io.Copy(io.Discard, out)
	}()
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
	select {
	case s := <-line:
		fields, ok := readyline.Parse(s)
		if !ok {
			return fmt.Errorf("no ready line but %q: see %s", s, p.log.Name())
		}
		p.kafka, p.admin = fields["kafka"], fields["admin"]
		return nil
	case <-time.After(readyWithin):
		p.kill()
		return fmt.Errorf("not ready within %v: see %s", readyWithin, p.log.Name())
	}
}

// kill ends the process at once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.cmd = nil
	}
}

// stop ends the process in order.
func (p *process) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	cmd := p.cmd
	p.cmd = nil
	late := time.AfterFunc(endWithin, func() { cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("an orderly stop: %w: see %s", err, p.log.Name())
	}
	return nil
}

// verify reads the whole data directory of the stopped broker.
func (p *process) verify() error {
	out, err := exec.Command(p.bin, "debug", "verify", "--data-dir", p.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("debug verify: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// sample is what the broker takes at one moment.
type sample struct {
	old    bool // the broker has run for a while
	values [figures]float64
}

// The figures of a sample.
const (
	rss        = iota // bytes
	fds               // open descriptors
	goroutines        //
	files             // in the data directory
	dataBytes         // in the data directory
	memtables         // bytes
	slabs             // live buffers of record bytes: what the tail holds, up to its share of the memory, and what is under way
	p50               // of produce, seconds
	p99               // of produce, seconds
	figures
)

// look takes a sample but for what the clients measure.
func (p *process) look() (s sample, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return s, fmt.Errorf("the broker does not run")
	}
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		return s, err
	}
	if _, rest, ok := strings.Cut(string(status), "VmRSS:"); ok {
		kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		s.values[rss] = kb * 1024
	}
	list, err := os.ReadDir(proc + "fd")
	if err != nil {
		return s, err
	}
	s.values[fds] = float64(len(list))
	err = filepath.WalkDir(p.dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // it may go meanwhile
		}
		s.values[files]++
		if i, err := d.Info(); err == nil {
			st := i.Sys().(*syscall.Stat_t)
			s.values[dataBytes] += float64(st.Blocks * 512)
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	return s, p.scrape(&s)
}

var scraper = &http.Client{Timeout: 5 * time.Second}

// scrape reads what only the process knows.
func (p *process) scrape(s *sample) error {
	r, err := scraper.Get("http://" + p.admin + "/metrics")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		name, _, _ = strings.Cut(name, "{")
		switch {
		case name == "go_goroutines":
			s.values[goroutines] += v
		case name == "broker_storage_memtable_bytes":
			s.values[memtables] += v
		case name == "broker_storage_slabs_live":
			s.values[slabs] += v
		}
	}
	if err := lines.Err(); err != nil { // the broker, or the machine, is too slow for it
		return fmt.Errorf("/metrics within %v: %w", scraper.Timeout, err)
	}
	if s.values[goroutines] == 0 || s.values[memtables] == 0 {
		return fmt.Errorf("/metrics lacks goroutines or memtables")
	}
	return lines.Err()
}
