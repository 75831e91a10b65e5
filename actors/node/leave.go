package node

import (
	"slices"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
)

func (n *Node) onStopped(c kit.Context, m stopped) {
	delete(n.stopping, m.partID)
	if m.drop {
		n.drop(c, m.partID)
	}
	if t, p := n.image.ByPartID(m.partID); t != nil && slices.Contains(p.Replicas, n.o.NodeID) { // given back meanwhile
		e := edit(n.view)
		n.become(c, e, t, p, n.configOf(t))
		n.publish(e)
	}
	n.finishShutdown(c)
}

// drop deletes a partition's data through the writer, in order with the last appends.
func (n *Node) drop(c kit.Context, partID uint32) {
	n.o.Tail.Drop(partID)
	n.o.Writer.Tell(&writer.Change{Ask: kit.Ask{ReplyTo: c.Self()}, Ops: []storage.Op{{Kind: storage.OpDrop, PartID: partID}}, Forget: true})
}

func (n *Node) onDropped(c kit.Context, m writer.Changed) {
	for _, op := range m.Ops {
		if m.Code != code.OK {
			c.Log().Warn("partition data not dropped; it will be at the next start", "part", op.PartID, "code", m.Code.String())
			continue
		}
		n.o.Writer.Tell(writer.Reclaim{PartID: op.PartID})
	}
}

// lookForStrays searches the store, once, for partitions that the image does not know: a deletion that a crash cut short.
// It waits until our own registration is applied. Until then the image may lack what was acknowledged before the crash, because
// the metadata state is stored without a sync and the log makes up for it: partitions that it names would be taken for strays.
func (n *Node) lookForStrays(c kit.Context) {
	if n.looked || n.life.epoch == 0 || n.image.Index() < n.life.registered {
		return
	}
	n.looked = true
	data, img := n.o.Data, n.image
	c.Go(c.Self(), func() any {
		ids, err := data.Partitions()
		var unknown []uint32
		for _, id := range ids {
			if t, _ := img.ByPartID(id); t == nil {
				unknown = append(unknown, id)
			}
		}
		return strays{unknown, err}
	})
}

func (n *Node) onStrays(c kit.Context, m strays) {
	if m.err != nil {
		c.Fatal("DISK: cannot list the partitions of the store", "err", m.err)
		return
	}
	for _, id := range m.partIDs {
		if t, _ := n.image.ByPartID(id); t == nil && n.replicas[id] == nil && !n.stopping[id] {
			c.Log().Info("dropping data of a partition that the cluster does not know", "part", id)
			n.drop(c, id)
		}
	}
}

func (n *Node) onFenced(c kit.Context, m raftnode.Proposed) {
	if _, ok := m.Cmd.(meta.FenceBroker); !ok || !n.fencing {
		return
	}
	n.fencing, n.fenced = false, m.Result.Code == code.OK
	n.stopReplicas(c)
}

func (n *Node) stopReplicas(c kit.Context) {
	n.stopCleaner(c)
	e := edit(n.view)
	for t := range n.image.Topics() {
		for i := range t.Partitions {
			if n.replicas[t.Partitions[i].ID] != nil {
				n.leave(c, e, t.Partitions[i].ID, false)
			}
		}
	}
	n.publish(e)
	n.finishShutdown(c)
}

func (n *Node) finishShutdown(c kit.Context) {
	if n.shutdown == nil || n.fencing || len(n.stopping) > 0 || len(n.replicas) > 0 || len(n.coordinators) > 0 || n.cleaner != nil {
		return
	}
	m := n.shutdown
	n.shutdown = nil
	m.Reply(Down{Shutdown: m, Fenced: n.fenced})
}
