package kafka

import (
	"sync/atomic"
	"testing"
	"time"

	"troupe/kafka/api"
)

// No answer is made for a client that leaves much unread, even if its requests have been read already.
func TestNoAnswerForWhoDoesNotRead(t *testing.T) {
	var held, begun atomic.Int32
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Handle: func(c *api.Call) {
		if begun.Add(1) > 1 {
			c.Send(big{&held})
			return
		}
		c.After(100*time.Millisecond, "read them all meanwhile")
		c.Next = func(c *api.Call, _ any) { c.Send(big{&held}) }
	}}}
	f := newFixture(t, Config{Table: table, MaxUnwritten: 1 << 20, MaxInFlight: 32})
	c := f.dial()
	for i := range int32(32) {
		c.send(sleep(i, 0))
	}
	time.Sleep(200 * time.Millisecond)
	if ahead := int64(begun.Load()) - f.s.Stats().BytesOut()>>20; ahead > 8 {
		t.Errorf("%d answers of 1 MiB wait for a client that reads none", ahead)
	}
	for i := range int32(32) {
		if n, _ := c.answer(); n != i {
			t.Fatalf("answer %d, want %d", n, i)
		}
	}
}
