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
	var read atomic.Bool
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Handle: func(c *api.Call) {
		if begun.Add(1) > 1 {
			c.Send(big{&held})
			return
		}
		const look = time.Millisecond
		c.After(look, "have all been read?")
		c.Next = func(c *api.Call, m any) {
			if read.Load() {
				c.Send(big{&held})
			} else {
				c.After(look, m)
			}
		}
	}}}
	f := newFixture(t, Config{Table: table, MaxUnwritten: 1 << 20, MaxInFlight: 32})
	c := f.dial()
	for i := range int32(32) {
		c.send(sleep(i, 0))
	}
	waitFor(t, "all are read", func() bool { return f.s.Stats().Requests(60) == 32 })
	read.Store(true)
	waitFor(t, "the second answer is made", func() bool { return begun.Load() > 1 })
	for n := int32(0); n < begun.Load(); { // until no more are made
		n = begun.Load()
		time.Sleep(100 * time.Millisecond)
	}
	if ahead := int64(begun.Load()) - f.s.Stats().BytesOut()>>20; ahead > 8 {
		t.Errorf("%d answers of 1 MiB wait for a client that reads none", ahead)
	}
	for i := range int32(32) {
		if n, _ := c.answer(); n != i {
			t.Fatalf("answer %d, want %d", n, i)
		}
	}
}

// body is an answer of n bytes that is made while it is written; its bytes count up from first.
type body struct {
	first   byte
	n, done int
	most    *atomic.Int32 // of pieces that were made and not asked for more
}

func (b *body) Size() int { return b.n }

func (b *body) Held() int { return 0 }

func (b *body) Next(to []byte) []byte {
	k := min(b.n-b.done, 10_000)
	for i := range k {
		to = append(to, b.first+byte(b.done+i))
	}
	b.done += k
	b.most.Add(int32(k))
	return to
}

func (b *body) AppendTo([]byte) ([]byte, [][]byte, func()) {
	panic("BUG: a long body made in one go")
}

// Answers that are made while they are written come whole and in order between others, and are not made ahead of a client that does not read.
func TestStreamedAnswers(t *testing.T) {
	const long = 20 << 20
	var made atomic.Int32
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Handle: func(c *api.Call) {
		n := 100_000
		if c.CorrelationID == 9 {
			n = long
		}
		c.Send(&body{first: byte(c.CorrelationID), n: n, most: &made})
	}}}
	f := newFixture(t, Config{Table: table, MaxUnwritten: 1 << 30})
	c := f.dial()
	for i := range int32(10) {
		c.send(sleep(i, 0))
	}
	waitFor(t, "all but the last are made", func() bool { return made.Load() > 900_000 })
	time.Sleep(100 * time.Millisecond)
	if made.Load() > 900_000+long*3/4 {
		t.Errorf("%d bytes are made for a client that reads none", made.Load())
	}
	for i := range int32(10) {
		n, b := c.answer()
		if n != i {
			t.Fatalf("answer %d, want %d", n, i)
		}
		b = b[1:] // tags of the header
		want := 100_000
		if i == 9 {
			want = long
		}
		if len(b) != want {
			t.Fatalf("answer %d has %d bytes", i, len(b))
		}
		for k := range b {
			if b[k] != byte(i)+byte(k) {
				t.Fatalf("answer %d: byte %d is %d", i, k, b[k])
			}
		}
	}
}

// A client that leaves in the middle of one leaves nothing behind.
func TestStreamedAnswerToNobody(t *testing.T) {
	var made atomic.Int32
	table := []api.Entry{*api.Find(api.Table, 18), {Key: 60, Max: 2, Handle: func(c *api.Call) { c.Send(&body{n: 50 << 20, most: &made}) }}}
	f := newFixture(t, Config{Table: table})
	c := f.dial()
	c.send(sleep(1, 0))
	waitFor(t, "it is being written", func() bool { return made.Load() > 0 })
	c.Close()
	waitFor(t, "it has gone", func() bool { return f.s.Stats().Open.Load() == 0 && f.s.d.unread.Load() == 0 })
}

// A connection that rests goes on when bytes come, be they few, is given up after its idle time, and lets go at the end.
func TestRestingConnection(t *testing.T) {
	f := newFixture(t, Config{IdleClose: 3 * settle})
	c := f.dial()
	for i := range int32(3) {
		c.send(sleep(i, 0))
		if n, _ := c.answer(); n != i {
			t.Fatalf("answer %d, want %d", n, i)
		}
		time.Sleep(2 * settle)
	}
	b := sleep(7, 0)
	c.send(b[:2])
	time.Sleep(2 * settle)
	c.send(b[2:])
	if n, _ := c.answer(); n != 7 {
		t.Fatalf("answer %d, want 7", n)
	}
	start := time.Now()
	c.closed()
	if d := time.Since(start); d < 2*settle {
		t.Errorf("closed after %v, idle time is %v", d, 3*settle)
	}
}
