package metadata

import (
	"context"
	"log/slog"
	"slices"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/raftnode"
	"troupe/storage"
)

// hashEvery is after how many entries the hash of the state goes to the debug log, so that nodes can be compared.
const hashEvery = 1000

// apply moves the image in memory, then begins to store it and shows it to the node; both go on by themselves.
func (a *Metadata) apply(c kit.Context, m raftnode.Apply) {
	kit.Invariant(a.installing == nil, "BUG: apply during the installation of a snapshot")
	var changes meta.Changes
	var done []*waiter[*raftnode.Propose]
	before := a.image.Index()
	for _, e := range m.Entries {
		kit.Invariant(e.Index == a.image.Index()+1, "BUG: entry %d is applied after %d", e.Index, a.image.Index())
		a.log.add(e.Index, len(e.Data))
		if len(e.Data) == 0 {
			a.image = a.image.WithIndex(e.Index)
			continue
		}
		env, err := meta.Decode(e.Data)
		if err != nil {
			c.Fatal("a metadata log entry cannot be read; skipping it would fork the cluster's state", "index", e.Index, "error", err)
			return
		}
		img, ch, result := meta.Apply(a.image, e.Index, env)
		a.image = img
		join(&changes, ch)
		if env.ID.Node == a.o.Node && env.ID.Incarnation == a.o.Incarnation {
			if w := a.book.settle(env.ID.Seq, e.Index, result); w != nil {
				w.ask.Op.StampAt(trace.Appended, e.AppendedAt)
				w.ask.Op.StampAt(trace.Committed, e.CommittedAt)
				w.ask.Op.Stamp(trace.Decided)
				done = append(done, w)
			}
		}
	}
	a.mark, a.backoff, a.lastApply = m.Mark, 0, c.Now()
	a.tellMembers()
	if before/hashEvery != a.image.Index()/hashEvery {
		logHash(c, a.image)
	}
	a.store(c)
	a.show(c, changes, done)
	a.admit(c.Now())
}

// logHash logs the hash of an image, off the actor: it reads the whole of it.
func logHash(c kit.Context, img *meta.Image) {
	log := c.Log()
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	c.Go(c.Self(), func() any {
		log.Debug("metadata state", "index", img.Index(), "hash", img.Hash())
		return nil
	})
}

// store writes what changed since the last store, with the mark; one store at a time, so the order is kept and applies that come meanwhile
// share the next one. What changed is found out off the actor, too: images never change.
func (a *Metadata) store(c kit.Context) {
	if a.storing || a.installing != nil || a.image == a.stored {
		return
	}
	a.storing = true
	old, img, mark, disk := a.stored, a.image, a.mark, a.o.Store
	c.Go(c.Self(), func() any {
		records := meta.Diff(old, img)
		list := make([]storage.KV, len(records))
		for i, r := range records {
			list[i] = storage.KV{Key: r.Key, Value: r.Value}
		}
		return stored{img, disk.Apply(storage.MetaApplied{Index: mark.Index, Term: mark.Term, ConfState: mark.Conf, Records: list})}
	})
}

func (a *Metadata) onStored(c kit.Context, m stored) {
	if m.err != nil {
		c.Fatal("DISK: the metadata state cannot be written", "error", m.err)
		return
	}
	a.storing, a.stored = false, m.image
	a.raft.Tell(raftnode.Applied{Index: m.image.Index()})
	if to, ok := a.log.next(m.image.Index()); ok {
		a.raft.Tell(raftnode.Compact{Index: to})
	}
	if a.installing != nil {
		a.beginInstall(c)
		return
	}
	a.store(c)
}

// show tells the node that the image moved; done are answered when it has seen it, or at their deadline. One Changed is under way at a time:
// what comes meanwhile is joined in the next. Before there is a node nobody sees anything: its Subscribe shows all.
func (a *Metadata) show(c kit.Context, changes meta.Changes, done []*waiter[*raftnode.Propose]) {
	a.laterDone = append(a.laterDone, done...)
	if a.node == nil {
		return
	}
	join(&a.later, changes)
	a.laterAny = true
	if a.showing == 0 {
		a.showNext(c)
	}
}

func (a *Metadata) showNext(c kit.Context) {
	if !a.laterAny {
		return
	}
	a.slot++
	a.showing, a.shown = a.slot, a.laterDone
	m := &Changed{Ask: kit.Ask{ReplyTo: c.Self(), Slot: a.slot}, Image: a.image, Changes: a.later}
	a.later, a.laterAny, a.laterDone = meta.Changes{}, false, nil
	a.node.Tell(m)
}

func (a *Metadata) seen(c kit.Context, m Seen) {
	if m.AskSlot() != a.showing {
		return // of a node actor that was replaced
	}
	list := a.shown
	a.showing, a.shown = 0, nil
	a.finish(list)
	a.showNext(c)
}

// subscribe shows everything to a new node actor; who waited for the former to see waits for this one.
func (a *Metadata) subscribe(c kit.Context, m Subscribe) {
	a.node = m.Node
	a.laterDone = append(a.shown, a.laterDone...)
	a.later, a.laterAny, a.showing, a.shown = meta.Changes{Reset: true}, true, 0, nil
	a.showNext(c)
}

// tellMembers tells Raft whom its group is to be made of, if that has changed.
func (a *Metadata) tellMembers() {
	nodes := a.image.Nodes()
	ids := make([]uint64, len(nodes))
	for i := range nodes {
		ids[i] = nodes[i].RaftID
	}
	if !slices.Equal(ids, a.nodes) {
		a.nodes = ids
		a.raft.Tell(raftnode.Members{IDs: ids})
	}
}
