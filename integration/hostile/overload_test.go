package hostile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/storage/record"
)

// What a broker with --memory 512MiB may have resident, whatever is done to it.
const (
	overloadMemory = "512MiB"
	overloadMost   = int64(512<<20) * 115 / 100
)

// overloaded runs a load and demands that the broker never had more resident than it may. Loads follow each other on one broker, so that what
// one leaves behind counts for the next.
func (g *target) overloaded(t *testing.T, name string, load func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		_, u, honest := g.measure(t, load)
		t.Logf("at most %d MB resident, %d now; %s", u.Peak>>20, u.RSS>>20, honest)
		if u.Peak > overloadMost {
			t.Errorf("%d MB resident, which is more than 1.15 times --memory, %d", u.Peak>>20, overloadMost>>20)
		}
	})
}

// incompressible is a batch of one record with n bytes.
func incompressible(n int) record.Batch {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(b) // never fails
	return batchOf(record.None, string(b))
}

// A broker with little memory under loads that ask for as much of it as they can, one after the other: more producers at once than there is
// memory for their requests, clients that never read, all partitions in use.
func TestOverload(t *testing.T) {
	g := start(t, "--memory", overloadMemory)
	c := g.dial(t)
	c.create("many", 1_000)
	c.create("zstd", 16, "compression.type", "zstd")
	c.Close()
	large, medium, small := incompressible(1_000_000), incompressible(100_000), incompressible(1_000)
	g.overloaded(t, "1,000 producers of 1 MB at once", func(t *testing.T) { g.produceAll(t, 1_000, 1, -1, "many", 1_000, large) })
	g.overloaded(t, "1,000 producers of 100 KB that are built anew", func(t *testing.T) { g.produceAll(t, 1_000, 2, -1, "zstd", 16, medium) })
	g.overloaded(t, "1,000 producers of 1 KB, a hundred each", func(t *testing.T) { g.produceAll(t, 1_000, 100, -1, "many", 1_000, small) })
	g.overloaded(t, "1,000 producers of 1 MB that wait for no answer", func(t *testing.T) { g.produceAll(t, 1_000, 1, 0, "many", 1_000, large) })
	g.fillTopic(t, "t", 400)
	g.overloaded(t, "64 never read, from memory and disk", func(t *testing.T) { g.neverRead(t, 64) })
	g.overloaded(t, "the same while 1,000 produce", func(t *testing.T) {
		var wg sync.WaitGroup
		wg.Go(func() { g.neverRead(t, 64) })
		wg.Go(func() { g.produceAll(t, 1_000, 1, -1, "many", 1_000, large) })
		wg.Wait()
	})
	if code := g.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	g.Restart()
	g.overloaded(t, "64 never read, from the disk", func(t *testing.T) { g.neverRead(t, 64) })
}

// produceAll has n connections send requests of one batch each at the same time, times times, all without waiting in between, and read the answers.
func (g *target) produceAll(t *testing.T, n, times int, acks int16, topic string, partitions int, b record.Batch) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		c := g.dial(t)
		defer c.Close()
		c.SetDeadline(time.Now().Add(3 * patience))
		req := produceOf(topic, int32(i%partitions), b)
		req.Acks = acks
		all := bytes.Repeat(request(req), times)
		if acks == 0 { // something that is answered when all is taken
			all = append(all, request(kmsg.NewPtrApiVersionsRequest())...)
		}
		go func() {
			ready.Done()
			ready.Wait()
			c.send(all)
		}()
		done.Go(func() {
			if acks == 0 {
				if _, err := c.read(); err != nil {
					t.Errorf("producer %d: %v", i, err)
				}
				return
			}
			for range times {
				resp, err := c.response(req)
				if err != nil {
					t.Errorf("producer %d: %v", i, err)
					return
				}
				if e := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; e != 0 {
					t.Errorf("producer %d: error %d", i, e)
				}
			}
		})
	}
	done.Wait()
}

// neverRead has n clients ask for much, again and again, and read nothing: half of them from the beginning of the topic, half from its end.
func (g *target) neverRead(t *testing.T, n int) {
	for i := range n {
		c := g.dial(t)
		defer c.Close()
		c.send(bytes.Repeat(request(fetchOf("t", 0, int64(i%2)*300+int64(i), 50<<20)), 100))
	}
	time.Sleep(4 * time.Second)
}

// Ten thousand partitions, each of which is used, in a small broker.
func TestOverloadOfPartitions(t *testing.T) {
	g := start(t, "--memory", overloadMemory)
	const topics, each = 100, 100
	g.overloaded(t, "10,000 partitions are made", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		for i := range topics {
			c.create(fmt.Sprint("wide-", i), each)
		}
	})
	for _, n := range []int{100, 16 << 10} {
		g.overloaded(t, fmt.Sprintf("%d bytes to each of them, from 100 connections", n), func(t *testing.T) {
			b := incompressible(n)
			var wg sync.WaitGroup
			for i := range topics {
				c := g.dial(t)
				defer c.Close()
				req := produceOf(fmt.Sprint("wide-", i), 0, b)
				for p := int32(1); p < each; p++ {
					rp := req.Topics[0].Partitions[0]
					rp.Partition = p
					req.Topics[0].Partitions = append(req.Topics[0].Partitions, rp)
				}
				wg.Go(func() {
					for range 3 {
						if _, err := c.try(req); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
	g.overloaded(t, "64 connections fetch from all of them", func(t *testing.T) {
		req := fetchOf("wide-0", 0, 0, 50<<20)
		one := req.Topics[0]
		one.Partitions = nil
		for p := range int32(each) {
			rp := req.Topics[0].Partitions[0]
			rp.Partition = p
			one.Partitions = append(one.Partitions, rp)
		}
		req.Topics = nil
		for i := range topics {
			one.Topic = fmt.Sprint("wide-", i)
			req.Topics = append(req.Topics, one)
		}
		frame := request(req)
		for range 64 {
			c := g.dial(t)
			defer c.Close()
			c.send(bytes.Repeat(frame, 3))
		}
		time.Sleep(5 * time.Second)
	})
}
