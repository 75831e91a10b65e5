package metadata

import (
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/raftnode"
	"troupe/storage"
)

// buildSnapshot serialises the image for a follower, off the actor.
func (a *Metadata) buildSnapshot(c kit.Context) {
	img, mark := a.image, a.mark
	c.Go(a.raft, func() any { return raftnode.SnapshotBuilt{Mark: mark, Data: img.Snapshot()} })
}

// install replaces image and store by a snapshot. A store that is under way ends first, so that it cannot write over it.
func (a *Metadata) install(c kit.Context, m *raftnode.Install) {
	kit.Invariant(a.installing == nil, "BUG: a second snapshot during an installation")
	a.installing = m
	if !a.storing {
		a.beginInstall(c)
	}
}

func (a *Metadata) beginInstall(c kit.Context) {
	m, disk := a.installing, a.o.Store
	c.Go(c.Self(), func() any {
		img, err := meta.LoadSnapshot(m.Data)
		if err != nil {
			return installed{err: err}
		}
		var list []storage.KV
		for r := range img.Records() {
			list = append(list, storage.KV{Key: r.Key, Value: r.Value})
		}
		err = disk.Install(storage.MetaApplied{Index: m.Mark.Index, Term: m.Mark.Term, ConfState: m.Mark.Conf, Records: list}, m.Hard)
		return installed{img, err}
	})
}

// onInstalled shows the new image. Proposals whose entries the snapshot covers will never be applied here, so all are entered again: the
// image remembers the results of those that were.
func (a *Metadata) onInstalled(c kit.Context, m installed) {
	if m.err != nil {
		c.Fatal("a metadata snapshot cannot be installed", "error", m.err)
		return
	}
	i := a.installing
	kit.Invariant(m.image.Index() == i.Mark.Index, "PEER: a snapshot of %d holds the state at %d", i.Mark.Index, m.image.Index())
	kit.Invariant(m.image.Index() > a.image.Index(), "BUG: a snapshot of %d is installed over the state at %d", m.image.Index(), a.image.Index())
	a.installing = nil
	a.image, a.stored, a.mark, a.lastApply = m.image, m.image, i.Mark, c.Now()
	a.log.cut(i.Mark.Index)
	a.tellMembers()
	i.Reply(raftnode.Installed{Install: i, Done: true})
	a.show(c, meta.Changes{Reset: true}, nil)
	a.enter(true)
}
