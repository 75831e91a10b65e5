package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"troupe/integration/readyline"
)

// broker is one running process.
type broker struct {
	bin, kafka, admin string
	cmd               *exec.Cmd
}

// start runs the broker on free ports and measures until its ready line.
func start(bin, data string) (*broker, time.Duration, error) {
	b := &broker{bin: bin, cmd: exec.Command(bin, "start", "--data-dir", data, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		return nil, 0, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	took := time.Since(began)
	fields, ok := readyline.Parse(line)
	b.kafka, b.admin = fields["kafka"], fields["admin"]
	if err != nil || !ok {
		b.end(os.Kill)
		return nil, 0, fmt.Errorf("no ready line but %q: %v", line, err)
	}
	return b, took, nil
}

// end ends the process; one that is asked to end must do so cleanly. Ending it twice does no harm.
func (b *broker) end(how os.Signal) error {
	if b.cmd == nil {
		return nil
	}
	_ = b.cmd.Process.Signal(how) // it may have gone
	err := b.cmd.Wait()
	b.cmd = nil
	if how == os.Kill {
		return nil
	}
	return err
}

// resident is the process's memory in MB.
func (b *broker) resident() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// busy is the share of one core, in per cent, that the process takes in the time d.
func (b *broker) busy(d time.Duration) float64 {
	was := b.cpu()
	time.Sleep(d)
	return (b.cpu() - was).Seconds() / d.Seconds() * 100
}

// cpu is the processor time of the process so far, by the scheduler's count of each of its threads.
func (b *broker) cpu() (sum time.Duration) {
	dir := fmt.Sprintf("/proc/%d/task", b.cmd.Process.Pid)
	tasks, _ := os.ReadDir(dir)
	for _, t := range tasks {
		text, err := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
		if err != nil {
			continue // it ended
		}
		n, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

// fsync is the median time of one write of 4 KiB and its fsync.
func fsync(dir string) (time.Duration, error) {
	f, err := os.Create(dir + "/fsync")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var all []time.Duration
	for range 200 {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		took, err := timed(f.Sync)
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}
