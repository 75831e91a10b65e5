package sim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"troupe/actors/cleaner"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/node"
	"troupe/storage"
)

// Options of a run.
type Options struct {
	Seed   uint64
	Nodes  int    // brokers of a cluster; 0 and 1: one broker, alone
	Grows  bool   // the cluster begins with one of them, and the others join it
	Groups bool   // of a cluster: consumer groups commit offsets
	Pebble bool   // the real engines
	Trap   string // of a cluster: by name, set in every trouble; "": by the seed
	// NoSyncData and NoSyncMeta switch the syncs of a model store off: such a run must fail.
	NoSyncData, NoSyncMeta bool
	// Trace gets every line as it happens; nil: none.
	Trace io.Writer
}

// Totals are what a run did.
type Totals struct {
	Steps, Messages, Crashes, Stops, Unsynced uint64
	Fatals                                    uint64 // crashes by the broker's own hand: its disk had failed
	Acked, Repeated, Consumed, Trims          uint64
	Made, Deleted                             uint64
	TimedOut, Refused                         uint64             // batches
	Compacted                                 uint64             // records taken out
	Joined, Committed                         uint64             // of consumer groups
	Torn                                      uint64             // writes of which a crash kept a part
	Elections, Jumps                          uint64             // of the clock
	Slow, Stuck, Full                         uint64             // times of the disk
	Faults                                    [faultKinds]uint64 // that were met
	Retained, Compactions, Tombstones         uint64             // deletions by retention; tombstones: written
	Healed                                    uint64             // faults that ended, and the broker went on without a restart
	Clusters, Cuts                            uint64             // runs of clusters; directions between brokers that were cut
	Leaders, ISRs                             uint64             // changes of partitions' leaders and of their ISRs
	Truncations, Moves                        uint64             // replicas that threw records away; moves of partitions between brokers
	Traps, Resets                             uint64             // faults that waited for their moment; times that all connections of a broker broke
	Replaced, Pauses                          uint64             // disks that were lost; processes that were stopped for a while
}

// Add adds another run's totals.
func (t *Totals) Add(o Totals) {
	t.Steps += o.Steps
	t.Messages += o.Messages
	t.Crashes += o.Crashes
	t.Stops += o.Stops
	t.Fatals += o.Fatals
	t.Unsynced += o.Unsynced
	t.Acked += o.Acked
	t.Repeated += o.Repeated
	t.Consumed += o.Consumed
	t.Trims += o.Trims
	t.Made += o.Made
	t.Deleted += o.Deleted
	t.TimedOut += o.TimedOut
	t.Refused += o.Refused
	t.Compacted += o.Compacted
	t.Joined += o.Joined
	t.Committed += o.Committed
	t.Torn += o.Torn
	t.Elections += o.Elections
	t.Jumps += o.Jumps
	t.Slow += o.Slow
	t.Stuck += o.Stuck
	t.Full += o.Full
	for i, n := range o.Faults {
		t.Faults[i] += n
	}
	t.Retained += o.Retained
	t.Compactions += o.Compactions
	t.Tombstones += o.Tombstones
	t.Healed += o.Healed
	t.Clusters += o.Clusters
	t.Cuts += o.Cuts
	t.Leaders += o.Leaders
	t.ISRs += o.ISRs
	t.Truncations += o.Truncations
	t.Moves += o.Moves
	t.Traps += o.Traps
	t.Resets += o.Resets
	t.Replaced += o.Replaced
	t.Pauses += o.Pauses
}

// String shows them as a sentence.
func (t Totals) String() string {
	return fmt.Sprintf("%d messages, %d crashes (%d of a failed disk), %d orderly stops, %d unsynced writes lost, %d torn, %d elections, "+
		"%d records acknowledged, %d tombstones, %d batches refused, %d timed out, %d sent again, %d records consumed, "+
		"%d retention deletions, %d trims, %d compactions, %d records compacted away, %d topics made, %d deleted, %d groups joined, %d offsets committed, "+
		"%d write errors and %d sync errors of records, %d and %d of metadata, disk %d times slow, %d stuck, %d full, %d times healed without a restart, %d clock jumps; "+
		"%d clusters: %d cuts, %d partition leaders elected, %d ISR changes, %d truncations, %d moves, %d traps sprung, %d resets, %d disks lost, %d pauses",
		t.Messages, t.Crashes, t.Fatals, t.Stops, t.Unsynced, t.Torn, t.Elections,
		t.Acked, t.Tombstones, t.Refused, t.TimedOut, t.Repeated, t.Consumed,
		t.Retained, t.Trims, t.Compactions, t.Compacted, t.Made, t.Deleted, t.Joined, t.Committed,
		t.Faults[WriteError], t.Faults[SyncError], t.Faults[MetaWriteError], t.Faults[MetaSyncError], t.Slow, t.Stuck, t.Full, t.Healed, t.Jumps,
		t.Clusters, t.Cuts, t.Leaders, t.ISRs, t.Truncations, t.Moves, t.Traps, t.Resets, t.Replaced, t.Pauses)
}

// World is one run: a disk, a broker that dies and comes back, clients that outlive it, and what they were promised.
type World struct {
	*kitsim.Sim
	o       Options
	rng     *rand.Rand
	disk    Disk
	node    *kitsim.Node
	broker  *Broker
	opts    BrokerOptions
	clients []client
	ledger  *Ledger
	group   *groupBook
	cluster *clusterBook
	life    lifeBook
	refs    map[partKey]*kit.Ref // as some connection remembers them
	slabs   int64                // that nobody in the present life is to blame for
	stage   int                  // counts the ends of troubles
	trims   uint64
	stops   uint64
	closing bool // the clients' connections end
	failing bool // the disk fails its writes
	filled  bool // the disk was full in this life
	fault   Fault
	hitAt   time.Duration // when the fault was seen to be met; 0: it was not
	faults  [faultKinds]uint64
	fatals  uint64
	watched *watched

	skew, skewed      time.Duration // of the broker's clock: now, and the greatest since some time before jumped
	jumped            time.Duration
	jumps, elections  uint64
	slow, stuck, full uint64
	retained, healed  uint64
}

// source makes the run's own chance a rand.Source.
type source struct{ s *kitsim.Sim }

// Uint64 implements rand.Source.
func (s source) Uint64() uint64 { return s.s.Rand() }

// newWorld prepares a run: nothing has happened yet.
func newWorld(o Options) *World {
	w := &World{Sim: kitsim.New(o.Seed), o: o, ledger: newLedger(), cluster: newClusterBook(), slabs: storage.SlabsLive()}
	w.Trace.Full = o.Trace
	w.rng = rand.New(source{w.Sim})
	if w.disk = NewModels(o.NoSyncData, o.NoSyncMeta); o.Pebble {
		w.disk = NewPebbles()
	}
	w.opts = BrokerOptions{Watch: w.watch, Cleaned: &cleaner.Stats{}, TailBytes: []int64{0, 8 << 10, 1 << 20}[w.IntN(3)], Static: map[string]string{"log.retention.check.interval.ms": "300", "log.cleaner.backoff.ms": "100", "offsets.topic.num.partitions": "2"}}
	if w.Chance(.5) {
		w.opts.CompactEntries, w.opts.CompactTail = uint64(2+w.IntN(10)), uint64(1+w.IntN(5))
	}
	w.Check(w.check)
	return w
}

// boot is one life of the broker.
func (w *World) boot(l *kitsim.Life) {
	w.closing = false
	w.filled = false
	w.life = lifeBook{named: map[string]bool{}, leaving: map[string]time.Duration{}}
	w.refs = map[partKey]*kit.Ref{}
	var err error
	if w.broker, err = Boot(l, w.disk, w.opts); err != nil {
		w.Fail("the broker does not start: %v", err)
		return
	}
	for _, c := range w.clients {
		l.Spawn("conn/"+c.name(), seat{c}, kit.Options{Kind: "conn"})
	}
}

// start boots the broker: for the first time, or after it ended.
func (w *World) start() {
	if w.node == nil {
		w.node = w.Node("n1", w.boot)
		w.node.OnFatal = w.onFatal
		return
	}
	w.node.Restart()
}

// onFatal: the broker ended itself. It may do so only if the disk has failed; it must have then, too.
func (w *World) onFatal(reason string) {
	if !w.failing || !w.disk.Hit() || !strings.Contains(reason, "DISK") && !strings.Contains(reason, errDisk.Error()) {
		w.Fail("%s", reason)
		return
	}
	w.fatals++
	w.faults[w.fault]++
}

// crash kills the broker at this very moment and loses what the disk had not yet made durable.
func (w *World) crash() {
	w.node.Crash()
	w.disk.Crash(w.rng)
	w.failing, w.hitAt = false, 0
	w.ended()
}

// stop ends the broker in order.
func (w *World) stop() {
	if err := w.broker.Stop(w.Sim, w.leave); err != nil {
		if w.Err() == nil {
			w.Fail("%v%s", err, w.waiting())
		}
		return
	}
	if err := w.Settle(time.Minute); err != nil {
		return
	}
	if left := w.node.Actors(); len(left) > 0 {
		w.Fail("actors %v live after an orderly stop", left)
		return
	}
	if list := w.Unanswered(0); len(list) > 0 {
		w.Fail("never answered: %s", strings.Join(list, "; "))
		return
	}
	if n := storage.SlabsLive() - w.slabs; n != 0 {
		w.Fail("%d slabs are held after an orderly stop, and nobody lives who could hold them", n)
		return
	}
	w.node.Crash() // timers of nobody
	if err := w.disk.Close(); err != nil {
		w.Fail("the stores do not close: %v", err)
		return
	}
	w.stops++
	w.ended()
}

// leave ends the clients' connections, as the door does: nothing new is begun, what is under way is finished.
func (w *World) leave() {
	w.closing = true
	idle := func() bool {
		for _, c := range w.clients {
			if what, _ := c.waits(); what != "" {
				return false
			}
		}
		return true
	}
	if !w.RunUntil(patience, idle) {
		w.failIfWell("an orderly stop: all partitions have stopped, and %s after that clients wait:%s", patience, w.waiting())
		return
	}
	for _, c := range w.clients {
		if r := w.broker.Life.Lookup("conn/" + c.name()); r != nil {
			w.broker.Life.Stop(r, nil, nil)
		}
	}
}

// ended tells the clients, and takes the slabs of the dead out of the account.
func (w *World) ended() {
	for id := range uint32(200) {
		w.broker.Tail.Drop(id)
	}
	w.slabs = storage.SlabsLive()
	for _, c := range w.clients {
		c.cut()
	}
}

// check runs after every step.
func (w *World) check() error {
	if w.node == nil || !w.node.Up() || w.broker == nil {
		return nil
	}
	if v := w.broker.Published.Get(); v != w.life.view {
		if err := w.checkView(v); err != nil {
			return err
		}
	}
	if w.Stats().Steps%32 != 0 {
		return nil
	}
	if n := w.node.Depth(); n > kit.DefaultLimit {
		return fmt.Errorf("%d messages wait in mailboxes", n)
	}
	if w.Stats().Steps%256 != 0 {
		return nil
	}
	if err := w.checkRaft(); err != nil {
		return err
	}
	switch {
	case !w.failing || !w.disk.Hit():
	case w.hitAt == 0:
		w.hitAt = w.Now()
	case w.Now()-w.hitAt > patience:
		return fmt.Errorf("the disk failed %s ago, and the broker lives on", w.Now()-w.hitAt)
	}
	for _, c := range w.clients {
		if what, since := c.waits(); what != "" && w.Now()-since > patience {
			return fmt.Errorf("%s has waited since %s for %s", c.name(), since, what)
		}
	}
	return w.checkActors()
}

// patience bounds every wait of a client, beyond the time-out that it asked for. The slowest disk stalls for less.
const patience = 15 * time.Second

// find is the actor of a partition, as a client's connection finds it in a view. Some remember one from an earlier view.
func (w *World) find(v *node.View, a *account) *kit.Ref {
	if old := w.refs[a.partKey]; old != nil && w.Chance(.05) {
		return old
	}
	t := v.Image.TopicByID(a.topic)
	if t == nil || int(a.index) >= len(t.Partitions) {
		return nil
	}
	ref := v.Partition(t.Partitions[a.index].ID)
	if ref != nil {
		w.refs[a.partKey] = ref
	}
	return ref
}

// account is the ledger's page for a partition of a topic.
func (w *World) account(t *topic, index int) *account {
	a := w.ledger.part(t.ID, int32(index))
	a.weak, a.cleans, a.compacts = t.weak, t.cleans, t.compacts
	a.gone = a.gone || t.state == topicLeaving || t.state == topicDeleted
	return a
}

// clientTime is the clients' clock, in ms. It never jumps.
func clientTime(s *kitsim.Sim) int64 { return kitsim.Epoch.Add(s.Now()).UnixMilli() }

func (w *World) perm(n int) []int { return w.rng.Perm(n) }

func (w *World) waiting() string { return waiting(w.clients) }

// waiting says what the clients wait for.
func waiting[C interface {
	name() string
	done() bool
	waits() (what string, since time.Duration)
}](clients []C) string {
	var out strings.Builder
	for _, c := range clients {
		if c.done() {
			continue
		}
		what, since := c.waits()
		if what == "" {
			what = "its turn"
		}
		fmt.Fprintf(&out, "\n  %s waits for %s, since %s", c.name(), what, since)
	}
	return out.String()
}

func (w *World) totals() Totals {
	s := w.Stats()
	lost, torn := w.disk.Lost()
	return Totals{Steps: s.Steps, Messages: s.Messages, Crashes: s.Crashes - w.stops, Stops: w.stops, Fatals: w.fatals, Unsynced: uint64(lost), Torn: uint64(torn),
		Acked: w.ledger.acked, Repeated: w.ledger.repeated, TimedOut: w.ledger.timedOut, Refused: w.ledger.refused, Consumed: w.ledger.consumed, Trims: w.trims, Compacted: uint64(w.opts.Cleaned.Removed.Load()),
		Made: w.cluster.made, Deleted: w.cluster.deleted, Joined: w.group.joined, Committed: w.group.committed,
		Elections: w.elections, Jumps: w.jumps, Slow: w.slow, Stuck: w.stuck, Full: w.full, Faults: w.faults, Retained: w.retained, Healed: w.healed,
		Compactions: uint64(w.opts.Cleaned.Rounds.Load()), Tombstones: w.ledger.tombstones}
}
