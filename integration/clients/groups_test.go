package clients

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

// groupPartitions is what the members of a group share.
const groupPartitions = 4

// TestGroups: two members of each client share a topic; one leaves, and the other takes over; the broker restarts, and the group goes on;
// who comes when all have left reads only what is new. What members have is asked of the broker, as any tool would.
func TestGroups(t *testing.T) {
	node := harness.Start(t, t.TempDir(), "--set", "group.initial.rebalance.delay.ms=100")
	all := append(speakers(t.TempDir()), kcat{}, java{})
	for _, c := range all {
		t.Run(c.name(), func(t *testing.T) {
			if err := c.missing(); err != nil {
				fmt.Printf("missing: %s in a group (%v)\n", c.name(), err)
				if os.Getenv("STRICT") == "1" {
					t.Fatalf("missing: %s (%v)", c.name(), err)
				}
				t.Skipf("missing: %s (%v)", c.name(), err)
			}
			newGroupRun(t, node, c).play()
		})
	}
}

// groupRun is the life of one group.
type groupRun struct {
	t            *testing.T
	node         *harness.Broker
	c            client
	cl           *kgo.Client
	adm          *kadm.Client
	topic, group string
	sent         []string
}

func newGroupRun(t *testing.T, node *harness.Broker, c client) *groupRun {
	cl, err := kgo.NewClient(kgo.SeedBrokers(node.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RetryTimeout(limit))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	r := &groupRun{t: t, node: node, c: c, cl: cl, adm: kadm.NewClient(cl), topic: "shared-" + c.name(), group: "group-" + c.name()}
	if _, err := r.adm.CreateTopic(context.Background(), groupPartitions, 1, nil, r.topic); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *groupRun) play() {
	a := r.join()
	r.holds(1)
	r.send("alone")
	r.read(a)
	b := r.join()
	r.holds(2)
	r.send("shared")
	r.read(a, b)
	a.leave()
	r.holds(1)
	r.send("taken over")
	r.read(b)

	r.committed()
	if code := r.node.Stop(); code != 0 {
		r.t.Fatalf("the broker ended with exit code %d:\n%s", code, r.node.Log())
	}
	r.node.Restart()
	r.holds(1)
	r.send("after a restart")
	r.read(b)
	r.committed()
	b.leave()
	r.holds(0)
	r.send("while nobody was there")
	d := r.join()
	r.holds(1)
	r.read(d)
	for _, v := range d.all() {
		if v[:5] != "while" {
			r.t.Errorf("%q was read and committed before, and is read again", v)
		}
	}
	r.committed()
	d.leave()
}

// send writes one record into each partition.
func (r *groupRun) send(what string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r.sent = nil
	for p := range int32(groupPartitions) {
		v := fmt.Sprintf("%s %d", what, p)
		r.sent = append(r.sent, v)
		if err := r.cl.ProduceSync(ctx, &kgo.Record{Topic: r.topic, Partition: p, Value: []byte(v)}).FirstErr(); err != nil {
			r.t.Fatal(err)
		}
	}
}

// read waits until the members have read all that was sent last.
func (r *groupRun) read(members ...*groupMember) {
	r.t.Helper()
	r.until("all is read", func() string {
		var got []string
		for _, m := range members {
			got = append(got, m.all()...)
		}
		for _, v := range r.sent {
			if !slices.Contains(got, v) {
				return fmt.Sprintf("%q is not in %q", v, got)
			}
		}
		return ""
	})
}

// holds waits until the group has n members that share all partitions.
func (r *groupRun) holds(n int) {
	r.t.Helper()
	r.until(fmt.Sprintf("the group has %d members", n), func() string {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		all, err := r.adm.DescribeGroups(ctx, r.group)
		if err != nil {
			return err.Error()
		}
		g := all[r.group]
		held := map[int32]int{}
		for _, m := range g.Members {
			a, ok := m.Assigned.AsConsumer()
			if !ok {
				return "a member has no assignment"
			}
			for _, t := range a.Topics {
				if len(t.Partitions) == groupPartitions && n > 1 {
					return "one member has all"
				}
				for _, p := range t.Partitions {
					held[p]++
				}
			}
		}
		switch {
		case len(g.Members) != n || n > 0 && g.State != "Stable" || n == 0 && g.State != "Empty":
			return fmt.Sprintf("%d members, %s", len(g.Members), g.State)
		case n > 0 && len(held) != groupPartitions:
			return fmt.Sprintf("held: %v", held)
		}
		for p, times := range held {
			if times > 1 {
				return fmt.Sprintf("partition %d has %d owners", p, times)
			}
		}
		return ""
	})
}

// committed waits until all that was sent is committed.
func (r *groupRun) committed() {
	r.t.Helper()
	r.until("all is committed", func() string {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		lags, err := r.adm.Lag(ctx, r.group)
		if err != nil {
			return err.Error()
		}
		for _, l := range lags[r.group].Lag.Sorted() {
			if l.Lag != 0 || l.Err != nil {
				return fmt.Sprintf("partition %d: lag %d, %v", l.Partition, l.Lag, l.Err)
			}
		}
		return ""
	})
}

// until repeats a question until there is nothing to complain about.
func (r *groupRun) until(what string, complaint func() string) {
	r.t.Helper()
	last := ""
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if last = complaint(); last == "" {
			return
		}
	}
	r.t.Fatalf("%s: not within %v: %s", what, limit, last)
}

// groupMember is one running process.
type groupMember struct {
	t    *testing.T
	cmd  *exec.Cmd
	said *tail
	done chan struct{}

	mu  sync.Mutex
	got []string
}

// tail keeps the last words of a process.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.b = append(w.b, p...); len(w.b) > 4000 {
		w.b = w.b[len(w.b)-2000:]
	}
	return len(p), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}

// join starts a member.
func (r *groupRun) join() *groupMember {
	r.t.Helper()
	command, read := r.c.member(r.node.Kafka, r.topic, r.group)
	m := &groupMember{t: r.t, cmd: exec.Command(command[0], command[1:]...), said: &tail{}, done: make(chan struct{})}
	m.cmd.Stderr = m.said
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		defer close(m.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			x, err := read(lines.Text())
			if err != nil {
				r.t.Errorf("%s: %v", r.c.name(), err)
				continue
			}
			m.mu.Lock()
			m.got = append(m.got, string(x.Value))
			m.mu.Unlock()
		}
	}()
	r.t.Cleanup(func() {
		m.cmd.Process.Kill()
		<-m.done
		m.cmd.Wait()
		if r.t.Failed() {
			r.t.Logf("%s said: %s", r.c.name(), m.said)
		}
	})
	return m
}

func (m *groupMember) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

// leave ends a member as people end it.
func (m *groupMember) leave() {
	m.t.Helper()
	m.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.done:
	case <-time.After(limit):
		m.t.Fatal("a member does not end by SIGTERM")
	}
}
