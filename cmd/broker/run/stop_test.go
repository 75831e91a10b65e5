package run

import (
	"context"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/storage/faultfs"
)

// TestStopOnBadDisk: whatever a full or stuck disk keeps from being written, a broker that is told to end does so in bounded time, and what it
// acknowledged is there when it starts again.
func TestStopOnBadDisk(t *testing.T) {
	f := func(what string, r faultfs.Rule) {
		t.Helper()
		fs := faultfs.New(nil)
		cfg := Config{DataDir: t.TempDir(), Memory: MinMemory, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0", Files: fs}
		b, err := Start(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		offset := produce(t, serving(t, b))
		died := make(chan string, 10)
		b.sys.SetFatal(func(reason string) {
			died <- reason
			select {} // the process has ended
		})
		b.leastClose = 200 * time.Millisecond
		fs.Set(r)
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- b.Stop(ctx) }()
		select {
		case err = <-stopped:
		case <-died: // while a store was closed: that is bounded, too
			return
		case <-time.After(15 * time.Second):
			t.Errorf("%s: the broker does not end", what)
		}
		if fs.Hits() > 0 && err == nil {
			t.Errorf("%s: the disk failed %d times, and the end is called orderly", what, fs.Hits())
		}
		fs.Set() // as the process goes on: what still waits ends
		if r.Until != nil {
			close(r.Until)
		}
		if !b.quiet(10 * time.Second) {
			t.Fatalf("%s: what waited for the disk does not end", what)
		}
		b.closeStores()
		if b, err = Start(cfg, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if again := produce(t, serving(t, b)); again != offset+1 {
			t.Errorf("%s: offset %d was acknowledged, and the next is %d", what, offset, again)
		}
		stop(t, b)
	}
	for n := range 3 { // the entry of the fence, that it is applied, the mark of an orderly end
		f("no room for the metadata", faultfs.Rule{Op: faultfs.Write, File: "/meta/", After: n, Err: syscall.ENOSPC})
	}
	f("the metadata's disk is stuck", faultfs.Rule{Op: faultfs.Sync, File: "/meta/", After: 1, Until: make(chan struct{})})
	f("no room for a table", faultfs.Rule{Op: faultfs.Write, File: ".sst", Err: syscall.ENOSPC})
}

// produce has one record acknowledged and gives its offset.
func produce(t *testing.T, b *Broker) int64 {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.KafkaAddr()), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	res := cl.ProduceSync(ctx, &kgo.Record{Topic: "a", Value: make([]byte, 10_000)})
	if err := res.FirstErr(); err != nil {
		t.Fatal(err)
	}
	return res[0].Record.Offset
}
