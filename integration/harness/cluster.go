package harness

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Cluster is several brokers of one cluster, each a process of its own on fixed free loopback addresses. Broker i has node id i + 1 if it
// is one of the founders.
type Cluster struct {
	Brokers []*Broker
	Net     *Network // nil: they talk over loopback, and no link can be cut

	t    testing.TB
	more []string
}

// NewCluster is n founders of a cluster over empty directories, not started yet. The processes are killed when the test ends.
func NewCluster(t testing.TB, n int, more ...string) *Cluster {
	t.Helper()
	dirs := make([]string, n)
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	return NewClusterOn(t, dirs, more...)
}

// NewClusterOn is NewCluster over given directories, one for each broker.
func NewClusterOn(t testing.TB, dirs []string, more ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, more: more}
	peers := make([]string, len(dirs))
	for i := range peers {
		peers[i] = FreeAddr(t)
	}
	for i := range peers {
		args := append([]string{"--node-id", fmt.Sprint(i + 1), "--seeds", strings.Join(peers, ",")}, more...)
		c.add(dirs[i], peers[i], args)
	}
	return c
}

// NewSplitCluster is NewCluster with a network namespace for each broker, so that links can be cut. Without root the test is skipped, and
// says so.
func NewSplitCluster(t testing.TB, n int, more ...string) *Cluster {
	t.Helper()
	dirs := make([]string, n)
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	return NewSplitClusterOn(t, dirs, more...)
}

// NewSplitClusterOn is NewSplitCluster over given directories, one for each broker.
func NewSplitClusterOn(t testing.TB, dirs []string, more ...string) *Cluster {
	t.Helper()
	n := len(dirs)
	c := &Cluster{Net: NewNetwork(t, n), t: t, more: more}
	peers := make([]string, n)
	for i := range peers {
		peers[i] = c.Net.Host(i) + ":9093"
	}
	for i, peer := range peers {
		host := c.Net.Host(i)
		b := c.add(dirs[i], peer, append([]string{"--node-id", fmt.Sprint(i + 1), "--seeds", strings.Join(peers, ","), "--listen", host + ":9092",
			"--admin", host + ":9644", "--insecure-peers", "--insecure-admin"}, more...))
		b.pre = c.Net.inside(i)
	}
	return c
}

// Dial connects to a broker, from where it is reached.
func (c *Cluster) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Net != nil {
		return c.Net.Dial(ctx, network, address)
	}
	return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, address)
}

// Join adds a broker, not started yet, that asks the first broker of the cluster for its place.
func (c *Cluster) Join() *Broker {
	c.t.Helper()
	return c.add(c.t.TempDir(), FreeAddr(c.t), append([]string{"--join", c.Brokers[0].PeerAddr()}, c.more...))
}

func (c *Cluster) add(dir, peer string, args []string) *Broker {
	b := New(c.t, dir, append([]string{"--peer-listen", peer}, args...)...)
	c.Brokers = append(c.Brokers, b)
	return b
}

// Start runs all brokers at once and waits until each is ready.
func (c *Cluster) Start() {
	c.t.Helper()
	for _, b := range c.Brokers {
		b.Launch()
	}
	for _, b := range c.Brokers {
		b.AwaitReady()
	}
}

// Addresses are where clients reach the brokers.
func (c *Cluster) Addresses() []string {
	list := make([]string, len(c.Brokers))
	for i, b := range c.Brokers {
		list[i] = b.KafkaAddr()
	}
	return list
}

// AwaitReady waits for a broker that was launched; one that refuses fails the test.
func (b *Broker) AwaitReady() {
	b.t.Helper()
	if out, errOut, code := b.ReadyOrRefuse(); code != 0 {
		b.t.Fatalf("no ready line but %q, code %d; stderr:\n%s", out, code, errOut)
	}
}

// KafkaAddr is where clients reach the broker, whether it runs or not.
func (b *Broker) KafkaAddr() string {
	if b.kafka != "" {
		return b.kafka
	}
	return b.flag("--listen")
}

// PeerAddr is where other brokers reach it.
func (b *Broker) PeerAddr() string { return b.flag("--peer-listen") }

// flag is the value of the last flag of a name, which is the one that counts.
func (b *Broker) flag(name string) (value string) {
	for i, a := range b.args[:len(b.args)-1] {
		if a == name {
			value = b.args[i+1]
		}
	}
	return value
}

// Running reports whether the process has been started and not been ended by the test.
func (b *Broker) Running() bool { return b.cmd != nil }

// Pause stops the process where it is (SIGSTOP); Resume lets it go on.
func (b *Broker) Pause() { b.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (b *Broker) Resume() { b.cmd.Process.Signal(syscall.SIGCONT) }
