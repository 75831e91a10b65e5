package kafka

import (
	"bytes"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/kafka/api"
)

// sleeper is a table of one key, DescribeCluster, whose answer takes as many milliseconds as EndpointType says.
func sleeper(pipelined bool, begun *atomic.Int32) []api.Entry {
	handle := func(c *api.Call) {
		begun.Add(1)
		d := time.Duration(c.Req.(*kmsg.DescribeClusterRequest).EndpointType) * time.Millisecond
		timer := c.After(d, "done")
		c.Next = func(c *api.Call, m any) {
			resp := kmsg.NewPtrDescribeClusterResponse()
			resp.ClusterID = m.(string)
			c.Respond(resp)
		}
		c.OnClose = func(c *api.Call) {
			timer.Stop()
			resp := kmsg.NewPtrDescribeClusterResponse()
			resp.ClusterID = "closing"
			c.Respond(resp)
		}
	}
	return append([]api.Entry{*api.Find(api.Table, 18)}, api.Entry{Key: 60, Max: 2, Handle: handle, Pipelined: pipelined})
}

func sleep(correlation int32, ms int8) []byte {
	r := kmsg.NewPtrDescribeClusterRequest()
	r.SetVersion(1)
	r.EndpointType = ms
	return request(correlation, nil, r)
}

func described() *kmsg.DescribeClusterResponse {
	r := kmsg.NewPtrDescribeClusterResponse()
	r.SetVersion(1)
	return r
}

func TestAnswersInOrder(t *testing.T) {
	var begun atomic.Int32
	f := newFixture(t, Config{Table: sleeper(true, &begun)})
	c := f.dial()
	for i := range int32(10) {
		c.send(sleep(i, int8(100-10*i)))
	}
	for i := range int32(10) {
		c.decode(i, described())
		if i == 0 && begun.Load() != 10 {
			t.Errorf("%d calls had begun when the first was answered", begun.Load())
		}
	}
}

func TestOneAtATime(t *testing.T) {
	var begun atomic.Int32
	f := newFixture(t, Config{Table: sleeper(false, &begun)})
	c := f.dial()
	for i := range int32(4) {
		c.send(sleep(i, 20))
	}
	for i := range int32(4) {
		c.decode(i, described())
		if n := begun.Load(); n > i+2 {
			t.Errorf("answer %d is here and %d calls have begun", i, n)
		}
	}
}

// No more requests are read than may be in flight.
func TestInFlight(t *testing.T) {
	var begun atomic.Int32
	f := newFixture(t, Config{Table: sleeper(true, &begun), MaxInFlight: 3})
	c := f.dial()
	for i := range int32(9) {
		c.send(sleep(i, 60))
	}
	time.Sleep(30 * time.Millisecond)
	if n := begun.Load(); n != 3 {
		t.Errorf("%d calls have begun, want 3", n)
	}
	for i := range int32(9) {
		c.decode(i, described())
	}
}

func TestHalfClose(t *testing.T) {
	var begun atomic.Int32
	f := newFixture(t, Config{Table: sleeper(true, &begun)})
	c := f.dial()
	c.send(sleep(1, 100))
	c.Conn.(*net.TCPConn).CloseWrite()
	c.closed()
	f.waitOpen(0)
}

func (f *fixture) waitOpen(n int64) {
	f.t.Helper()
	for range 300 { // a loaded machine takes its time
		if f.s.Stats().Open.Load() == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatalf("%d connections are open, want %d", f.s.Stats().Open.Load(), n)
}

func TestPanicKillsOneConnection(t *testing.T) {
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Handle: func(*api.Call) { panic("test") }}}
	f := newFixture(t, Config{Table: table})
	bad, good := f.dial(), f.dial()
	bad.send(sleep(1, 0))
	bad.closed()
	good.apiVersions(3)
	f.waitOpen(1)
}

func TestDisconnect(t *testing.T) {
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Pipelined: true, Handle: func(c *api.Call) { c.Disconnect("test") }}}
	f := newFixture(t, Config{Table: table})
	c := f.dial()
	c.send(append(sleep(1, 0), sleep(2, 0)...))
	c.closed()
	f.waitOpen(0)
}

// big answers with a megabyte that must be released.
type big struct{ held *atomic.Int32 }

var megabyte = bytes.Repeat([]byte("x"), 1<<20)

func (b big) AppendTo(head []byte) ([]byte, [][]byte, func()) {
	b.held.Add(1)
	return append(head, 1, 2, 3), [][]byte{megabyte, nil, megabyte[:10]}, func() { b.held.Add(-1) }
}

func TestSlowReaderBlocksOnlyItself(t *testing.T) {
	var held, begun atomic.Int32
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Pipelined: true, Handle: func(c *api.Call) {
		begun.Add(1)
		c.Send(big{&held})
	}}}
	f := newFixture(t, Config{Table: table, MaxUnwritten: 2 << 20, MaxInFlight: 8})
	slow, quick := f.dial(), f.dial()
	go func() {
		for i := range int32(200) {
			if _, err := slow.Write(sleep(i, 0)); err != nil {
				return
			}
		}
	}()
	time.Sleep(100 * time.Millisecond)
	quick.apiVersions(3)
	if n := begun.Load(); n > 60 {
		t.Errorf("%d answers of 1 MiB were made for a client that reads none", n)
	}
	// It reads now, and gets all of them, whole.
	for i := range int32(200) {
		n, body := slow.answer()
		if n != i || len(body) != 1+3+1<<20+10 {
			t.Fatalf("answer %d of %d bytes, want %d", n, len(body), i)
		}
	}
	slow.Close()
	f.waitOpen(1)
	if held.Load() != 0 {
		t.Errorf("%d answers were not released", held.Load())
	}
}

func TestAnswersOfLostClientAreReleased(t *testing.T) {
	var held atomic.Int32
	table := []api.Entry{{Key: 60, Max: 2, Pipelined: true, Handle: func(c *api.Call) { c.Send(big{&held}) }}}
	f := newFixture(t, Config{Table: table})
	for range 5 {
		c := f.dial()
		for i := range int32(10) {
			c.send(sleep(i, 0))
		}
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	f.waitOpen(0)
	if held.Load() != 0 {
		t.Errorf("%d answers were not released", held.Load())
	}
}

func TestIdleClose(t *testing.T) {
	var begun atomic.Int32
	f := newFixture(t, Config{Table: sleeper(true, &begun), IdleClose: 60 * time.Millisecond})
	idle, busy := f.dial(), f.dial()
	busy.send(sleep(1, 120)) // longer than the idle time: it is not idle
	busy.decode(1, described())
	idle.closed()
	f.waitOpen(0)
}

func TestFrameDeadline(t *testing.T) {
	f := newFixture(t, Config{FrameDeadline: 60 * time.Millisecond})
	for _, b := range [][]byte{{0}, {0, 0, 0, 50}, {0, 0, 0, 50, 0, 18, 0, 0, 0, 0}} {
		c := f.dial()
		c.send(b)
		c.closed()
	}
	f.waitOpen(0)
}

// The time that a frame waits for memory in its middle does not count: the client has sent all that it was asked for.
func TestFrameDeadlineWithoutMemory(t *testing.T) {
	const deadline = 60 * time.Millisecond
	f := newFixture(t, Config{RequestMemory: 1 << 20, FrameDeadline: deadline})
	b := f.s.d.memory.requests
	others := account{b: b}
	others.take(1<<20 - 2*firstGulp) // a frame may begin, and no more
	b.mu.Lock()
	b.ahead = &others
	b.mu.Unlock()
	c := f.dial()
	go c.Write(frameOf(18, 0, false, make([]byte, 3<<20)))
	for b.inUse() == others.taken {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(3 * deadline)
	b.give(others.settle())
	if _, _, err := c.try(); err != nil {
		t.Error(err)
	}
}

func TestShutdownAnswersWhatWasRead(t *testing.T) {
	var begun atomic.Int32
	f := newFixture(t, Config{Table: sleeper(true, &begun)})
	c, idle := f.dial(), f.dial()
	idle.apiVersions(3)
	c.send(sleep(7, 120))
	for begun.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if !f.s.Close(5 * time.Second) {
		t.Error("the door did not close in time")
	}
	resp := described()
	c.decode(7, resp)
	if resp.ClusterID != "closing" {
		t.Errorf("answer %q", resp.ClusterID)
	}
	c.closed()
	idle.closed()
	if _, err := net.Dial("tcp", f.addr); err == nil {
		t.Error("it still accepts")
	}
}

// What was read is answered at a shutdown also if the client was about to send more: most are.
func TestShutdownInTheMiddleOfARequest(t *testing.T) {
	var begun atomic.Int32
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Pipelined: true, Handle: func(c *api.Call) {
		begun.Add(1)
		c.After(300*time.Millisecond, "it is on the disk")
		c.Next = func(c *api.Call, _ any) { c.Respond(kmsg.NewPtrDescribeClusterResponse()) }
	}}}
	f := newFixture(t, Config{Table: table})
	c := f.dial()
	c.send(append(sleep(8, 0), sleep(9, 0)[:9]...))
	for begun.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // the reader has come to what is missing
	if !f.s.Close(5 * time.Second) {
		t.Error("the door did not close in time")
	}
	c.decode(8, described())
	c.closed()
}

func TestBudget(t *testing.T) {
	b := newBudget(100)
	x, y := &account{b: b}, &account{b: b}
	x.take(80)
	done := make(chan bool)
	go func() { done <- y.take(30) }() // goes ahead: one may
	if !<-done {
		t.Fatal("refused")
	}
	z := &account{b: b}
	go func() { done <- z.take(10) }()
	select {
	case <-done:
		t.Fatal("a second one went beyond the limit")
	case <-time.After(20 * time.Millisecond):
	}
	b.give(x.settle())
	b.give(y.settle())
	if !<-done {
		t.Fatal("refused")
	}
	go func() { done <- (&account{b: b, closed: true}).take(1000) }()
	if <-done {
		t.Fatal("a closed account took")
	}
	b.give(z.settle())
	if b.inUse() != 0 {
		t.Errorf("%d left", b.inUse())
	}
}

func ExampleServer_Stats() {
	s := newStats(api.Table)
	s.request(18)
	fmt.Println(s.Requests(18), s.Requests(3), s.Requests(-1), s.Requests(999))
	// Output: 1 0 0 0
}

func TestInspect(t *testing.T) {
	f := newFixture(t, Config{})
	c := f.dial()
	c.apiVersions(3)
	for _, name := range []string{"conn/1", Name} {
		got, ok := kit.Await[kit.Inspected](f.sys, 5*time.Second, func(to *kit.Ref) {
			f.sys.Lookup(name).Tell(&kit.Inspect{Ask: kit.Ask{ReplyTo: to}})
		})
		if !ok || got.State != "open" || len(got.Fields) == 0 {
			t.Errorf("%s: %v %+v", name, ok, got)
		}
	}
}
