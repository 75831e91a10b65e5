package kafka

import (
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"
)

// half begins a request of n bytes and sends some of it.
func (c *client) half(n, sent int) {
	c.t.Helper()
	b := make([]byte, 4+sent)
	binary.BigEndian.PutUint32(b, uint32(n))
	copy(b[4:], []byte{0, 60, 0, 1, 0, 0, 0, 9, 0xff, 0xff}) // DescribeCluster v1 without a client id
	c.send(b)
}

// A client that sends a large request slowly holds up nobody for long, also when its request is the one that may take more memory than there is.
func TestSlowRequestOnTheLastMemory(t *testing.T) {
	var begun atomic.Int32
	f := newFixture(t, Config{Table: sleeper(true, &begun), RequestMemory: 1 << 20, FrameDeadline: 500 * time.Millisecond})
	slow := f.dial()
	slow.half(15<<20, 2<<20)
	waitFor(t, "the slow request takes all memory", func() bool { return f.s.RequestBytes() > 1<<20 })
	end := time.Now().Add(20 * time.Second)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for time.Now().Before(end) {
			if _, err := slow.Write(make([]byte, progress+1)); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	other := f.dial()
	other.send(sleep(1, 0))
	began := time.Now()
	other.SetReadDeadline(began.Add(20 * time.Second))
	other.decode(1, described())
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a small request waited %s for a slow one", took)
	}
}
