package kafka

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/kafka/api"
)

// early is a fixture whose broker has not caught up with what was committed before its start.
func early(t *testing.T, begun *atomic.Int32) *fixture {
	t.Helper()
	f := newFixture(t, Config{Table: append([]api.Entry{*api.Find(api.Table, int16(kmsg.Produce))}, sleeper(true, begun)...)})
	f.env.Published.Set(&node.View{Image: meta.NewImage(), LeaderID: -1})
	return f
}

// TestEarlyCallsWait: before the view has caught up, a client hears which versions there are and nothing else; what it asked is answered,
// in order, from the first view that has.
func TestEarlyCallsWait(t *testing.T) {
	var begun atomic.Int32
	f := early(t, &begun)
	c := f.dial()
	c.apiVersions(3)
	for i := range int32(3) {
		c.send(sleep(i, 1))
	}
	time.Sleep(5 * lookEvery) // a slow machine looks less often: it can miss a fault, and cannot make one
	if n := begun.Load(); n != 0 {
		t.Fatalf("%d calls have begun, from a view that may lack topics", n)
	}
	f.dial().apiVersions(3) // others are served meanwhile
	f.env.Published.Set(node.ViewWith(meta.NewImage(), 1, nil))
	for i := range int32(3) {
		c.decode(i, described())
	}
}

// TestEarlyCallsEndWithTheirConnection: nobody waits for a call whose client has gone, or whose broker stops before it has caught up.
func TestEarlyCallsEndWithTheirConnection(t *testing.T) {
	var begun atomic.Int32
	f := early(t, &begun)
	gone, stays := f.dial(), f.dial()
	for _, c := range []*client{gone, stays} {
		c.apiVersions(3)
		c.send(request(1, nil, produceRequest(t, 9, 1, 2, 10)))
		c.send(sleep(2, 1))
	}
	for end := time.Now().Add(10 * time.Second); f.s.Stats().Requests(60) < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d calls have arrived", f.s.Stats().Requests(60))
		}
	}
	gone.Close()
	f.waitOpen(1)
	if !f.s.Close(5 * time.Second) {
		t.Error("the door waits for a call that cannot begin")
	}
	stays.closed()
	if n := begun.Load(); n != 0 {
		t.Errorf("%d calls have begun", n)
	}
}
