package run

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"

	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
	"troupe/storage"
)

// timed measures how long the disk takes to make commits durable.
type timed struct {
	storage.Data
	syncs *kit.LiveHistogram
}

// Wait implements storage.Data.
func (t timed) Wait(w *storage.Write) error {
	start := time.Now()
	err := t.Data.Wait(w)
	t.syncs.Add(int64(time.Since(start)))
	return err
}

// look takes the counters of which the watch remembers the last minute.
func (b *Broker) look() look {
	return look{sync: b.syncs.Load(), errors: int64(b.stores.data.Metrics()["background_errors_total"]), rejected: b.connections().RejectedLately,
		rounds: b.cleaned.Rounds.Load(), dirty: b.cleaned.DirtyPermille.Load()}
}

// Health implements admin.Source.
func (s source) Health() admin.Health {
	b, now := s.b, time.Now()
	since, jumps := b.watch.lately(now)
	h := admin.Health{
		Work: s.Work(), Memory: memoryNow(), Files: filesNow(), Clock: jumps,
		Connections: b.connections(),
		Sync: admin.Sync{
			Count: since.sync.Count(), P50Ms: since.sync.Quantile(.5).Seconds() * 1000, P99Ms: since.sync.Quantile(.99).Seconds() * 1000,
		},
		DiskOp: diskOp(b.stores.watch.Oldest()),
		Store:  admin.Store{Failed: b.stores.data.Metrics()["store_failed"] != 0, ErrorsLately: since.errors},
	}
	h.Connections.RejectedLately = since.rejected
	if d := b.door.Load(); d != nil {
		h.Requests = admin.Requests{UsedBytes: d.RequestBytes(), LimitBytes: b.doorCfg.RequestMemory}
	}
	h.Cleaner = admin.Cleaner{
		Partitions: b.cleaned.Partitions.Load(), Uncleanable: b.cleaned.Damaged.Load(), Dirty: float64(since.dirty) / 1000, Rounds: since.rounds,
	}
	if h.Connections.Max == math.MaxInt32 {
		h.Connections.Max = 0 // no limit
	}
	h.Leaderless, h.Leaderless1 = leaderless(b.pub.Get().Image)
	return h
}

// connections are those of clients, and how many were rejected since the start; none before the doors are open.
func (b *Broker) connections() admin.Connections {
	d := b.door.Load()
	if d == nil {
		return admin.Connections{}
	}
	return admin.Connections{Open: d.Stats().Open.Load(), Max: int64(b.limits().Connections), RejectedLately: d.Stats().Rejected.Load()}
}

func diskOp(o storage.DiskOp) admin.DiskOp {
	return admin.DiskOp{Op: o.Op, File: o.File, ForMs: float64(o.For) / float64(time.Millisecond)}
}

// explainWithin is how long a group may take to say what it waits for.
const explainWithin = 500 * time.Millisecond

// Explain implements admin.Source.
func (s source) Explain(id string) (admin.GroupWait, bool) {
	t := s.b.pub.Get().Image.Topic(group.Topic)
	if t == nil {
		return admin.GroupWait{}, false
	}
	shard := s.b.sys.Lookup(group.ShardName(group.PartitionFor(id, int32(len(t.Partitions)))))
	if shard == nil {
		return admin.GroupWait{}, false
	}
	m, ok := kit.Await[group.Explained](s.b.sys, explainWithin, func(to *kit.Ref) { shard.Tell(&group.Explain{Ask: kit.Ask{ReplyTo: to}, Group: id}) })
	if !ok || m.Explanation.Awaiting == "" {
		return admin.GroupWait{}, false
	}
	return admin.GroupWait{Group: id, State: m.Explanation.State, Awaiting: m.Explanation.Awaiting}, true
}

// leaderless counts the partitions without a leader, and names the first.
func leaderless(img *meta.Image) (n int, first string) {
	for t := range img.Topics() {
		for i := range t.Partitions {
			if p := &t.Partitions[i]; p.Leader == meta.NoLeader {
				if n++; n == 1 {
					first = t.Name + "/" + strconv.Itoa(int(p.Index))
				}
			}
		}
	}
	return n, first
}

func memoryNow() admin.Memory {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	m := admin.Memory{LimitBytes: uint64(debug.SetMemoryLimit(-1))}
	if sample[0].Value.Kind() == metrics.KindUint64 {
		live := sample[0].Value.Uint64()
		m.LiveBytes = live - min(live, ballastLen())
	}
	if m.LimitBytes == math.MaxInt64 {
		m.LimitBytes = 0
	}
	return m
}

// filesNow counts open file descriptors; where the system does not list them, none.
func filesNow() (f admin.Files) {
	if d, err := os.Open("/proc/self/fd"); err == nil {
		names, _ := d.Readdirnames(-1)
		d.Close()
		f.Open = max(len(names)-1, 0) // not counting the one that listed them
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		f.Limit = int(min(limit.Cur, math.MaxInt32))
	}
	return f
}
