// Package harness builds and runs the real broker binary for tests.
package harness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"troupe/integration/readyline"
)

var build struct {
	sync.Once
	path string
	err  error
}

// Binary builds the broker once per test process and gives its path; BROKER_BIN names one that is built already.
func Binary(t testing.TB) string {
	t.Helper()
	build.Do(func() {
		if build.path = os.Getenv("BROKER_BIN"); build.path != "" {
			_ = os.Unsetenv("BROKER_BIN") // a broker says at start that it is no setting of its own
			return
		}
		root, err := Root()
		if err != nil {
			build.err = err
			return
		}
		dir, err := os.MkdirTemp("", "broker-bin")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "broker")
		cmd := exec.Command("go", "build", "-o", build.path, "./cmd/broker")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// Root is the folder of go.mod, found upwards from the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = up
	}
}

// Broker is one running process.
type Broker struct {
	Kafka, Admin, Peer, Cluster string
	Dir                         string
	PID                         int

	t     testing.TB
	kafka string   // where a node of Apache Kafka listens; empty: it is a broker of ours
	pre   []string // what runs the binary; none: it runs by itself
	args  []string
	cmd   *exec.Cmd
	log   *lockedBuffer
	line  chan string // the first line on stdout of the process
}

// lockedBuffer collects stderr of the process, which a goroutine of os/exec writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// FreeAddr is a loopback address that nobody listens on now. Its port lies below those that Linux gives to clients and to who asks for any, so
// that none of them has it when a broker that was killed comes back to it.
func FreeAddr(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 16_000+rand.IntN(16_000))); err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal(err)
	return ""
}

// New is a broker on fixed free ports over dir, not started yet. The process is killed when the test ends.
func New(t testing.TB, dir string, more ...string) *Broker {
	t.Helper()
	args := append([]string{"start", "--data-dir", dir, "--listen", FreeAddr(t), "--admin", FreeAddr(t), "--peer-listen", FreeAddr(t)}, more...)
	b := &Broker{Dir: dir, t: t, args: args}
	t.Cleanup(b.Kill)
	return b
}

// Start runs a broker on fixed free ports over dir and waits for its ready line. The process is killed when the test ends.
func Start(t testing.TB, dir string, more ...string) *Broker {
	t.Helper()
	b := New(t, dir, more...)
	b.Restart()
	return b
}

// readyWithin bounds a start.
const readyWithin = 30 * time.Second

// Restart runs the broker again with the same arguments.
func (b *Broker) Restart() {
	b.t.Helper()
	if out, errOut, code := b.StartOrRefuse(); code != 0 {
		b.t.Fatalf("no ready line but %q, code %d; stderr:\n%s", out, code, errOut)
	}
}

// StartOrRefuse runs the broker where it may refuse. Code is 0 when it is ready; else the process has ended with that code, and has said
// out and errOut.
func (b *Broker) StartOrRefuse() (out, errOut string, code int) {
	b.t.Helper()
	b.Launch()
	return b.ReadyOrRefuse()
}

// Launch runs the broker and waits for nothing.
func (b *Broker) Launch() {
	b.t.Helper()
	words := b.args
	if b.kafka == "" {
		words = append(append(slices.Clone(b.pre), Binary(b.t)), b.args...)
	}
	b.cmd = exec.Command(words[0], words[1:]...)
	b.log = &lockedBuffer{}
	b.cmd.Stderr = b.log
	pipe, err := b.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.PID = b.cmd.Process.Pid
	line := make(chan string, 1)
	b.line = line
	go func() {
		s, _ := bufio.NewReader(pipe).ReadString('\n')
		line <- s
	}()
}

// ReadyOrRefuse waits for what was launched, once; see StartOrRefuse.
func (b *Broker) ReadyOrRefuse() (out, errOut string, code int) {
	b.t.Helper()
	if b.kafka != "" {
		b.awaitKafka()
		return "", "", 0
	}
	select {
	case out = <-b.line:
	case <-time.After(readyWithin):
		b.t.Fatalf("not ready within %v; stderr:\n%s", readyWithin, b.log)
	}
	ready, ok := readyline.Parse(out)
	if !ok {
		b.cmd.Wait()
		code, b.cmd = b.cmd.ProcessState.ExitCode(), nil
		return out, b.log.String(), code
	}
	b.Kafka, b.Admin, b.Peer, b.Cluster = ready["kafka"], ready["admin"], ready["peer"], ready["cluster"]
	return out, "", 0
}

// Ended waits until the process has ended by itself, at most d, and gives its exit code and its log; -1 if it still runs.
func (b *Broker) Ended(d time.Duration) (code int, errOut string) {
	b.t.Helper()
	ended := make(chan struct{})
	cmd := b.cmd
	go func() { cmd.Wait(); close(ended) }()
	select {
	case <-ended:
		b.cmd = nil
		return cmd.ProcessState.ExitCode(), b.log.String()
	case <-time.After(d):
		cmd.Process.Kill()
		<-ended
		b.cmd = nil
		return -1, b.log.String()
	}
}

// Kill ends the process at once (kill -9), if it runs.
func (b *Broker) Kill() {
	if b.cmd == nil {
		return
	}
	b.cmd.Process.Kill()
	b.cmd.Wait()
	b.cmd = nil
}

// Stop ends the process in an orderly way and gives its exit code.
func (b *Broker) Stop() int {
	b.t.Helper()
	b.cmd.Process.Signal(syscall.SIGTERM)
	b.cmd.Wait()
	code := b.cmd.ProcessState.ExitCode()
	b.cmd = nil
	if b.kafka != "" && code == orderly {
		return 0
	}
	return code
}

// Get asks an admin address.
func Get(admin, path string) (code int, body string, err error) {
	resp, err := http.Get("http://" + admin + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// Log is what the process has said on stderr since its last start; a node of Kafka writes into a file.
func (b *Broker) Log() string {
	if b.kafka != "" {
		text, _ := os.ReadFile(filepath.Join(b.Dir, "log"))
		return string(text)
	}
	return b.log.String()
}

// HasEnded reports whether the process has ended by itself.
func (b *Broker) HasEnded() bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.PID))
	return err != nil || strings.Contains(string(state), ") Z ")
}

// CLI runs a subcommand of the binary against this broker.
func (b *Broker) CLI(stdin string, args ...string) (out, errOut string, code int) {
	b.t.Helper()
	cmd := exec.Command(Binary(b.t), args...)
	cmd.Env = append(os.Environ(), "BROKER_BROKERS="+b.Kafka, "BROKER_ADMIN="+b.Admin)
	cmd.Stdin = strings.NewReader(stdin)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Run()
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}
