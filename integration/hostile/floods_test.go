package hostile

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/storage/record"
)

// fillTopic puts n MB of records into a topic.
func (g *target) fillTopic(t *testing.T, topic string, mb int) {
	t.Helper()
	c := g.dial(t)
	defer c.Close()
	b := batchOf(record.None, strings.Repeat("0123456789abcdef", 63<<10))
	for range mb {
		if e := c.produce(topic, 0, bytes.Clone(b)); e != 0 {
			t.Fatalf("produce: error %d", e)
		}
	}
}

// Clients that ask for much and read nothing block nobody but themselves, and take little memory, whether the bytes are in memory already
// or on the disk.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.fillTopic(t, "t", 60)
	for _, where := range []string{"memory", "disk"} {
		if where == "disk" {
			if code := g.Stop(); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			g.Restart()
		}
		g.row("64 ask for 50 MB, from "+where, func(t *testing.T) {
			for range 64 {
				c := g.dial(t)
				defer c.Close()
				c.send(request(fetchOf("t", 0, 0, 50<<20)))
			}
			time.Sleep(3 * time.Second)
		})
		g.row("64 ask for 50 MB a hundred times, from "+where, func(t *testing.T) {
			for range 64 {
				c := g.dial(t)
				defer c.Close()
				c.send(bytes.Repeat(request(fetchOf("t", 0, 0, 50<<20)), 100))
			}
			time.Sleep(3 * time.Second)
		})
	}
}

// Answers of any kind that nobody reads.
func TestUnreadAnswers(t *testing.T) {
	g := start(t)
	c := g.dial(t)
	c.create("wide", 5_000)
	c.Close()
	g.row("64 ask for wide metadata, unread", func(t *testing.T) {
		req := kmsg.NewPtrMetadataRequest()
		req.SetVersion(9)
		all := bytes.Repeat(request(req), 2_000)
		for range 64 {
			c := g.dial(t)
			defer c.Close()
			c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			c.send(all)
		}
		time.Sleep(2 * time.Second)
	})
}

// Very many clients that ask once and never read: after a moment those that read nothing are given up, if they are too many.
func TestManyUnread(t *testing.T) {
	g := start(t)
	c := g.dial(t)
	c.create("wide", 5_000)
	c.Close()
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(9)
	b := request(req)
	t.Run("400 ask for wide metadata, unread", func(t *testing.T) {
		g.watch(t, 15*time.Second, func(t *testing.T) { // 90 MB of answers
			for range 400 {
				c := g.dial(t)
				defer c.Close()
				c.Conn.(*net.TCPConn).SetReadBuffer(4096)
				c.send(bytes.Repeat(b, 20))
			}
			time.Sleep(2 * time.Second)
		})
	})
}

// Many large requests at the same time: together they take no more than requests may.
func TestCrowd(t *testing.T) {
	g := start(t)
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(9)
	for i := range 100_000 {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(fmt.Sprint("no-such-", i))
		req.Topics = append(req.Topics, rt)
	}
	b := request(req)
	t.Run("50 ask for 100,000 topics", func(t *testing.T) {
		g.watch(t, 50*time.Second, func(t *testing.T) { // 85 MB are sent and as many answered
			var wg sync.WaitGroup
			for range 50 {
				c := g.dial(t)
				defer c.Close()
				wg.Go(func() {
					c.send(b)
					c.ended()
				})
			}
			wg.Wait()
		})
	})
}

// Long polls that wait for many partitions, as long as they can say.
func TestEndlessPolls(t *testing.T) {
	g := start(t)
	c := g.dial(t)
	c.create("wide", 9_000)
	c.Close()
	req := fetchOf("wide", 0, 0, 1000)
	req.MaxWaitMillis, req.MinBytes = 1<<31-1, 1
	for i := range int32(9_000) {
		p := req.Topics[0].Partitions[0]
		p.Partition = i
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, p)
	}
	b := request(req)
	req.MaxWaitMillis = 0
	warm := g.dial(t)
	warm.ask(req) // partitions are loaded when they are first used
	warm.Close()
	t.Run("100 wait for 9,000 partitions", func(t *testing.T) {
		g.watch(t, 10*time.Second, func(t *testing.T) { // a million questions to partitions
			for range 100 {
				c := g.dial(t)
				defer c.Close()
				c.send(b)
			}
			time.Sleep(5 * time.Second)
		})
	})
}

// Sessions, names and producers that are made and left behind.
func TestHoarding(t *testing.T) {
	t.Parallel()
	g := start(t)
	t.Run("10,000 fetch sessions of 500 partitions", func(t *testing.T) {
		g.watch(t, 15*time.Second, func(t *testing.T) { hoardSessions(t, g) }) // five million partitions are looked up
	})
	t.Run("5,000 topics made by asking", func(t *testing.T) {
		g.watch(t, 10*time.Second, func(t *testing.T) { // they are there afterwards: this is work that was asked for
			c := g.dial(t)
			defer c.Close()
			for i := range 5 {
				req := kmsg.NewPtrMetadataRequest()
				req.SetVersion(9)
				req.AllowAutoTopicCreation = true
				for k := range 1_000 {
					rt := kmsg.NewMetadataRequestTopic()
					rt.Topic = kmsg.StringPtr(fmt.Sprintf("storm-%d-%d", i, k))
					req.Topics = append(req.Topics, rt)
				}
				c.ask(req)
			}
		})
	})
	g.row("20,000 topics made by one question", func(t *testing.T) {
		req := kmsg.NewPtrMetadataRequest()
		req.SetVersion(9)
		req.AllowAutoTopicCreation = true
		for k := range 20_000 {
			rt := kmsg.NewMetadataRequestTopic()
			rt.Topic = kmsg.StringPtr(fmt.Sprintf("flood-%d", k))
			req.Topics = append(req.Topics, rt)
		}
		c := g.dial(t)
		defer c.Close()
		c.ask(req)
	})
	g.row("2^31-1 partitions", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		req := kmsg.NewPtrCreateTopicsRequest()
		req.SetVersion(7)
		req.TimeoutMillis = 10_000
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = "huge", 1<<31-1, 1
		req.Topics = append(req.Topics, rt)
		if e := c.ask(req).(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; e != 44 && e != 37 {
			t.Errorf("error %d, want 44 or 37", e)
		}
		more := kmsg.NewPtrCreatePartitionsRequest()
		more.SetVersion(3)
		more.TimeoutMillis = 10_000
		mt := kmsg.NewCreatePartitionsRequestTopic()
		mt.Topic, mt.Count = "t", 1<<31-1
		more.Topics = append(more.Topics, mt)
		if e := c.ask(more).(*kmsg.CreatePartitionsResponse).Topics[0].ErrorCode; e == 0 {
			t.Error("2^31-1 partitions were made")
		}
	})
	g.row("50,000 producer ids that write once", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		c.create("producers", 1)
		for i := range 500 {
			for k := range 100 {
				o := record.Plain()
				o.ProducerID, o.ProducerEpoch, o.BaseSequence = int64(1_000_000+100*i+k), 0, 0
				b, _ := record.Build(o, []record.Record{{Value: []byte("x"), Timestamp: time.Now().UnixMilli()}})
				c.send(request(produceOf("producers", 0, b)))
			}
			for range 100 {
				if _, err := c.read(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func hoardSessions(t *testing.T, g *target) {
	req := fetchOf("t", 0, 0, 1000)
	req.SessionEpoch = 0
	p := req.Topics[0].Partitions[0]
	for i := range 500 {
		p.Partition = int32(i)
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, p)
	}
	b := request(req)
	c := g.dial(t)
	defer c.Close()
	for range 10_000 {
		c.send(b)
		if _, err := c.read(); err != nil {
			t.Fatal(err)
		}
	}
}

// Producers that wait for no answer send faster than the disk takes it. What is on its way to the disk is bounded: beside what a small broker keeps
// of new records anyway, little is taken.
func TestUnansweredProduce(t *testing.T) {
	g := start(t, "--memory", "256MiB")
	b := batchOf(record.None, strings.Repeat("0123456789abcdef", 60<<10))
	req := produceOf("t", 0, b)
	req.Acks = 0
	frame := request(req)
	t.Run("16 produce with acks=0", func(t *testing.T) {
		g.watch(t, 60*time.Second, func(t *testing.T) { // gigabytes are stored
			var wg sync.WaitGroup
			for range 16 {
				c := g.dial(t)
				defer c.Close()
				wg.Go(func() {
					c.SetWriteDeadline(time.Now().Add(4 * time.Second))
					for range 200 {
						if _, err := c.Write(frame); err != nil {
							return
						}
					}
				})
			}
			wg.Wait()
			u, err := UsageOf(g.PID)
			if err != nil {
				t.Fatal(err)
			}
			if most := int64(256<<20) * 115 / 100; u.Peak > most {
				t.Errorf("%d MB resident, which is more than 1.15 times --memory, %d", u.Peak>>20, most>>20)
			}
		})
	})
}
