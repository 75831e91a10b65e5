package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/cmd/broker/run"
)

// free finds a port such that those of a playground are free now.
func free(t *testing.T, nodes int) int {
	t.Helper()
search:
	for port := 20000 + os.Getpid()%9000; port < 31000; port += 7 {
		for i := range nodes {
			for _, p := range []int{port + i, port + peerPorts + i, port + 2*peerPorts + i} {
				l, err := net.Listen("tcp", loopback(p))
				if err != nil {
					continue search
				}
				l.Close()
			}
		}
		return port
	}
	t.Fatal("no free ports")
	return 0
}

// Three whole brokers live in one process; each fault that can be asked for leaves a majority that goes on, and all come back.
func TestPlayground(t *testing.T) {
	port := free(t, 3)
	c, err := Start(Options{Nodes: 3, Port: port, Admin: port + 2*peerPorts, Dir: t.TempDir(), Memory: 128 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	control, err := c.Serve()
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Kafka(1), c.Kafka(2), c.Kafka(3)), kgo.ProducerLinger(0), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.ProduceRequestTimeout(2*time.Second), kgo.RequestTimeoutOverhead(2*time.Second), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	r, err := kadm.NewClient(cl).CreateTopic(ctx, 3, 3, nil, "played")
	if err = errors.Join(err, r.Err); err != nil {
		t.Fatal(err)
	}
	sent := 0
	produce := func(when string) {
		t.Helper()
		for range 6 {
			if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "played", Value: fmt.Append(nil, sent)}).FirstErr(); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			sent++
		}
	}
	for _, o := range []Order{{Do: "kill", Node: 2}, {Do: "partition", Sides: [][]int{{1}, {2, 3}}}, {Do: "pause", Node: 3}} {
		for _, o := range []Order{o, {Do: "heal"}} {
			if err := Send(ctx, port, o); err != nil {
				t.Fatalf("%+v: %v", o, err)
			}
			produce(o.Do)
		}
		inSync(ctx, t, cl) // else the next fault may take away the only replica that has all
	}
	if err := c.Ready(ctx); err != nil {
		t.Error(err)
	}
	if err := Send(ctx, port, Order{Do: "kill", Node: 4}); !errors.As(err, new(NotFoundError)) {
		t.Error(err)
	}
	for _, o := range []Order{{Do: "partition", Sides: [][]int{{1}}}, {Do: "partition", Sides: [][]int{{1}, {1, 2}}}, {Do: "burn"}} {
		if err := Send(ctx, port, o); !errors.As(err, new(run.UsageError)) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	seen := map[string]int{}
	cl.AddConsumeTopics("played")
	for len(seen) < sent && ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(x *kgo.Record) { seen[string(x.Value)]++ })
	}
	for i := range sent {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("record %d is there %d times", i, n)
		}
	}
}

// inSync waits until all replicas of the topic are in sync.
func inSync(ctx context.Context, t *testing.T, cl *kgo.Client) {
	t.Helper()
	for {
		topics, err := kadm.NewClient(cl).ListTopics(ctx, "played")
		in := 0
		for _, p := range topics["played"].Partitions {
			in += len(p.ISR)
		}
		if err == nil && in == 9 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("never in sync: %v", topics["played"].Partitions)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestOptionsChecked(t *testing.T) {
	for _, o := range []Options{{Nodes: 0, Port: 1000, Admin: 1}, {Nodes: MaxNodes + 1, Port: 1000, Admin: 1}, {Nodes: 3, Port: 65500, Admin: 1}, {Nodes: 3, Port: 9898, Admin: 1}} {
		if _, err := Start(o); !errors.As(err, new(run.UsageError)) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// What is held arrives when the cut is healed; a deadline and the end of the connection end the wait.
func TestGate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g := newGate()
	here, err := g.dial(context.Background(), 1, 2, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	g.change(func() { g.cut[[2]int{2, 1}] = true })
	if _, err := here.Write([]byte("a")); err != nil { // the other direction is open
		t.Fatal(err)
	}
	g.change(func() { g.cut[[2]int{1, 2}] = true })
	here.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := here.Write([]byte("b")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write that is held: %v", err)
	}
	if _, err := far.Write([]byte("c")); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 1)
		n, _ := here.Read(b)
		got <- string(b[:n])
	}()
	select {
	case s := <-got:
		t.Errorf("%q came through a cut", s)
	case <-time.After(50 * time.Millisecond):
	}
	g.heal()
	if s := <-got; s != "c" {
		t.Errorf("after healing: %q", s)
	}
	lossy, err := g.dial(context.Background(), 1, 2, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	g.change(func() { g.cut[[2]int{2, 1}] = true })
	if _, err := other.Write([]byte("e")); err != nil {
		t.Fatal(err)
	}
	lossy.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := lossy.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read that is held: %v", err)
	}
	g.heal()
	lossy.SetReadDeadline(time.Now().Add(5 * time.Second))
	other.Write([]byte("f"))
	if n, err := lossy.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes follow lost ones", n)
	}
	g.change(func() { g.paused[1] = true })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.dial(ctx, 2, 1, l.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dialling who is paused: %v", err)
	}
	ended := make(chan error, 1)
	here.SetWriteDeadline(time.Time{})
	go func() {
		_, err := here.Write([]byte("d"))
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond)
	here.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write on what is closed: %v", err)
	}
}
