// Package oracle starts brokers as processes: a real Apache Kafka, by the script beside it, and Troupe's own binary. What
// a test compares or drives is a [Node] either way.
package oracle

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"troupe/integration/readyline"
)

// Limits of starting and stopping; a machine with two busy cores needs most of it for the JVM.
const (
	kafkaStart  = 2 * time.Minute // Maven's first fetch included
	brokerStart = 20 * time.Second
	brokerStop  = 20 * time.Second
)

// A Node is one running broker.
type Node struct {
	Bootstrap string            // host:port of its Kafka listener
	Ready     map[string]string // fields of Troupe's ready line; nil for Kafka
	Log       string            // file with what it wrote
	stop      func() error
}

// Stop ends the node. A Troupe that does not end cleanly by SIGTERM is an error.
func (n *Node) Stop() error {
	if n.stop == nil {
		return nil
	}
	stop := n.stop
	n.stop = nil
	return stop()
}

// At is a node that somebody else runs; Stop leaves it alone.
func At(bootstrap string) *Node { return &Node{Bootstrap: bootstrap} }

// Root is the folder of the repository.
func Root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..")
}

// Script is the path of the oracle script.
func Script() string { return filepath.Join(Root(), "integration", "oracle", "oracle") }

// Available tells why the oracle cannot run here, or nil.
func Available() error {
	for _, tool := range []string{"java", "mvn", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed", tool)
		}
	}
	return nil
}

// StartKafka runs a real Kafka whose data live in dir; properties are KEY=VALUE.
func StartKafka(dir string, properties ...string) (*Node, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kafkaStart)
	defer cancel()
	cmd := exec.CommandContext(ctx, Script(), append([]string{"start", dir}, properties...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("oracle start: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return &Node{
		Bootstrap: strings.TrimSpace(string(out)),
		Log:       filepath.Join(dir, "log"),
		stop: func() error {
			if out, err := exec.Command(Script(), "stop", dir).CombinedOutput(); err != nil {
				return fmt.Errorf("oracle stop: %w: %s", err, out)
			}
			return nil
		},
	}, nil
}

// Build compiles Troupe's binary into dir and gives its path. TROUPE_BINARY names one that is already there.
func Build(dir string) (string, error) {
	if bin := os.Getenv("TROUPE_BINARY"); bin != "" {
		return filepath.Abs(bin)
	}
	bin := filepath.Join(dir, "broker")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/broker")
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/broker: %w: %s", err, out)
	}
	return bin, nil
}

// StartBroker runs Troupe's binary on free ports with its data in dir, and returns when it has printed its ready line.
func StartBroker(bin, dir string, args ...string) (*Node, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	ports, err := FreeAddrs(3)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, append([]string{
		"start", "--data-dir", filepath.Join(dir, "data"), "--listen", ports[0], "--admin", ports[1], "--peer-listen", ports[2],
	}, args...)...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// The only Wait: it reports the end to whoever stops the node, and to the wait for the ready line.
	ended, ready := make(chan error, 1), make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			select {
			case ready <- lines.Text():
			default: // only one line is due on stdout; more of them do no harm here
			}
		}
		ended <- cmd.Wait()
	}()
	n := &Node{Log: log.Name(), stop: func() error { return terminate(cmd, ended) }}
	select {
	case line := <-ready:
		fields, ok := readyline.Parse(line)
		n.Ready, n.Bootstrap = fields, fields["kafka"]
		if !ok {
			return nil, errors.Join(fmt.Errorf("unexpected ready line %q", line), n.Stop())
		}
		return n, nil
	case err := <-ended:
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("broker start ended: %v: %s", err, lastLines(string(text), 5))
	case <-time.After(brokerStart):
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("no ready line within %v: %s", brokerStart, lastLines(string(text), 5)), n.Stop())
	}
}

// terminate asks the process to end, and kills it when it does not.
func terminate(cmd *exec.Cmd, ended chan error) error {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("broker ended by SIGTERM: %w", err)
		}
		return nil
	case <-time.After(brokerStop):
		_ = cmd.Process.Kill()
		<-ended
		return fmt.Errorf("broker did not end within %v of SIGTERM: killed", brokerStop)
	}
}

// FreeAddrs gives n loopback addresses that nobody listens on at the moment.
func FreeAddrs(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all stay taken until the last is found, so that they differ
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
