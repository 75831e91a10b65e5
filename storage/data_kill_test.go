package storage

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestKilledProcess kills a writing process with SIGKILL again and again; what it said to be durable must be there.
func TestKilledProcess(t *testing.T) {
	if dir := os.Getenv("STORAGE_KILL_DIR"); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$", "-test.timeout=20s")
		cmd.Env = append(os.Environ(), "STORAGE_KILL_DIR="+dir)
		out, err := cmd.StdoutPipe()
		mustData(t, err)
		mustData(t, cmd.Start())
		var acked int64
		stop := time.AfterFunc(time.Duration(100+60*round)*time.Millisecond, func() { _ = cmd.Process.Kill() }) // it may have ended by itself: seen below
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, found := strings.CutPrefix(lines.Text(), "acked "); found {
				_, err := fmt.Sscan(n, &acked)
				mustData(t, err)
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("round %d: the writer ended by itself: %v", round, err)
		}
		stop.Stop()
		e := openData(t, dir, Options{MemTable: 1 << 20, VerifyReads: true})
		p, err := e.Load(1)
		mustData(t, err)
		if p.End < acked {
			t.Errorf("round %d: the log ends at %d, acknowledged was %d", round, p.End, acked)
		}
		b, err := e.Read(1, 0, p.End, 1<<30, true)
		mustData(t, err)
		if int64(b.Bytes) != p.Bytes {
			t.Errorf("round %d: %d bytes of %d", round, b.Bytes, p.Bytes)
		}
		b.Release()
		mustData(t, e.Close())
		t.Logf("round %d: acknowledged %d, kept %d", round, acked, p.End)
	}
}

// writeUntilKilled is the child.
func writeUntilKilled(t *testing.T, dir string) {
	e := openData(t, dir, Options{MemTable: 1 << 20})
	l := newDataLogs(t, e)
	p, err := e.Load(1)
	mustData(t, err)
	l.end[1], l.sum[1] = p.End, p.Bytes
	for {
		l.commit(l.write(l.rng.IntN(5000), 1))
		fmt.Println("acked", l.end[1])
	}
}
