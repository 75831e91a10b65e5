package run

import (
	"context"
	"errors"
	"time"

	"troupe/actors/bootstrap"
	"troupe/actors/kit"
	"troupe/actors/node"
	"troupe/actors/peer"
	"troupe/actors/writer"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// Stop ends the broker in order: no new connections, the broker leaves the cluster's view, replicas answer who waits, the writer
// drains, Raft ends, the stores close. What ctx cuts short is left to the next start; nothing acknowledged is lost by that.
func (b *Broker) Stop(ctx context.Context) error { return b.end(ctx, false) }

// Abandon ends the broker as a crash would, as far as a process can that goes on: nobody is told, what is under way gets no answer, and the
// next start finds no mark of an orderly end. What was written and not synced is not lost by it.
func (b *Broker) Abandon(ctx context.Context) error { return b.end(ctx, true) }

func (b *Broker) end(ctx context.Context, abrupt bool) error {
	b.log.Info("stopping", "abrupt", abrupt)
	left := func() time.Duration {
		if d, ok := ctx.Deadline(); ok {
			return max(time.Until(d), 100*time.Millisecond)
		}
		return 20 * time.Second
	}
	b.turn.Lock()
	b.stopped = true
	working := b.working
	b.turn.Unlock()
	if abrupt {
		b.stopActor(peer.Name, left())
	}
	idle := true
	switch {
	case working && abrupt:
		d := b.door.Load()
		d.CloseListeners()
		d.Close(0)
		for _, name := range []string{nodeName, scrubberName, writerName} {
			b.stopActor(name, left())
		}
	case !working: // it has not found a cluster, and so has nothing to leave
		b.stopActor(bootstrap.Name, left())
		b.stopActor(scrubberName, left())
		b.stopActor(writerName, left())
	default:
		idle = b.leave(left)
	}
	for _, name := range []string{api.TopicMakerName, api.ProducerIDsName, api.ForwarderName, raftnode.RaftName, raftnode.LogName, raftnode.MetadataName, bootstrap.Name, peer.Name} {
		b.stopActor(name, left())
	}
	idle = within(left(), b.watch.close) && idle
	b.admin.Close(ctx)
	b.closeListeners()
	idle = b.quiet(left()) && idle
	b.sys.Close()
	closed := make(chan error, 1)
	if !idle || !within(max(left(), b.leastClose), func() { closed <- b.closeStores() }) {
		return errors.New("stopped, but the disk is still at work: the stores were not closed; the next start recovers them")
	}
	b.log.Info("stopped")
	return <-closed
}

// leastClose is the least time that the stores get to write out what they hold in memory; tests shorten it.
const leastClose = 5 * time.Second

// closeStores does it once; a second call waits for the first.
func (b *Broker) closeStores() (err error) {
	b.closing.Do(func() { err = b.stores.close() })
	return err
}

// within runs f beside this goroutine and says whether it has ended within d. A disk that is full or stuck may keep it for ever.
func within(d time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

// leave takes a broker that works out of its cluster, and ends what works with records. False: the metadata store is still being written.
func (b *Broker) leave(left func() time.Duration) bool {
	d := b.door.Load()
	d.CloseListeners()
	down, ok := kit.Await[node.Down](b.sys, left(), func(to *kit.Ref) { b.node.Tell(&node.Shutdown{Ask: kit.Ask{ReplyTo: to}}) })
	d.Close(left())
	b.stopActor(nodeName, left())
	b.stopActor(scrubberName, left())
	// A change without ops is answered when everything before it is durable.
	drained, answered := kit.Await[writer.Changed](b.sys, left(), func(to *kit.Ref) { b.writer.Tell(&writer.Change{Ask: kit.Ask{ReplyTo: to}}) })
	b.stopActor(writerName, left())
	// The mark says that this replica lacks nothing it ever held, so it takes both: the cluster knew that we leave, and the disk has all.
	if !ok || !down.Fenced || !answered || drained.Code != code.OK {
		return true
	}
	id := *b.id.Load()
	id.CleanEpoch = b.epoch.Load()
	return within(left(), func() {
		if err := b.stores.meta.SetIdentity(id); err != nil {
			b.log.Warn("no clean-shutdown mark", "err", err)
		}
	})
}

// quiet waits until no function that an actor left behind runs any more, at most d: a store must not be closed under one that reads or
// writes it.
func (b *Broker) quiet(d time.Duration) bool {
	for end := time.Now().Add(d); ; time.Sleep(2 * time.Millisecond) {
		p := b.sys.Pool()
		busy := p.Busy + p.Queued
		for _, bl := range b.sys.Blockers() {
			if bl.Queued > 0 || bl.Running > 0 {
				busy++
			}
		}
		if busy == 0 {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

type gone struct{}

func (b *Broker) stopActor(name string, d time.Duration) {
	r := b.sys.Lookup(name)
	if r == nil {
		return
	}
	if _, ok := kit.Await[gone](b.sys, d, func(to *kit.Ref) { b.sys.Stop(r, to, gone{}) }); !ok {
		b.log.Warn("actor did not stop in time", "actor", name)
	}
}
