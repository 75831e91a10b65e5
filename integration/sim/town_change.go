package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// stopWithin bounds an orderly stop: what a broker leads is moved, its fence applied and its lead of the metadata given away, each in a bounded time.
const stopWithin = 15 * time.Second

// stop ends a broker in order, as SIGTERM does, while everything else goes on; then does what is next.
func (h *house) stop(then func()) {
	if !h.up() || h.leaving {
		return
	}
	t, life, b := h.t, h.node.Life(), h.broker
	h.leaving = true
	alive := func() bool { return h.node.Life() == life && h.up() }
	p := t.Probe("stop of " + host(h.id))
	p.On = func(m any) {
		if !alive() {
			return
		}
		switch m := m.(type) {
		case node.Down:
			h.fenced = m.Fenced
			b.Writer.Tell(&writer.Change{Ask: kit.Ask{ReplyTo: p.Ref()}}) // answered when everything before it is durable
		case writer.Changed:
			h.ended()
			t.stops++
			then()
		}
	}
	b.Node.Tell(&node.Shutdown{Ask: kit.Ask{ReplyTo: p.Ref()}})
	t.At(stopWithin, func() {
		if alive() && h.leaving && h.raft.easy <= t.Now()-stopWithin { // nothing held it up
			t.Fail("%s was told to stop %s ago, and has not ended", host(h.id), stopWithin)
		}
	})
}

// ended is the end of an orderly stop: the process is gone, and what it wrote is there.
func (h *house) ended() {
	if id := h.broker.ID; h.fenced {
		if id.CleanEpoch = h.broker.Epoch; h.disk.meta.SetIdentity(id) != nil {
			h.t.Fail("%s: the mark of a clean shutdown cannot be written", host(h.id))
		}
	}
	h.node.Crash()
	if err := h.disk.Close(); err != nil {
		h.t.Fail("%s: the stores do not close: %v", host(h.id), err)
	}
	for _, c := range h.t.clients {
		c.cut(h)
	}
}

// spare reports whether a node may lose its disk: it is down, the cluster can do without what it holds, and the metadata log has a majority without it.
func (h *house) spare() bool {
	t := h.t
	img := t.book.newest
	if h.up() || img == nil || !dispensable(img, h.id) || !t.quorate() {
		return false
	}
	for _, x := range t.nodes { // of another disk that was lost it must know already
		if n := img.Node(x.id); n == nil || n.StoreID != x.store {
			return false
		}
	}
	return true
}

// dispensable reports whether a broker is fenced, and whatever it holds is on another one that may lead.
func dispensable(img *meta.Image, id int32) bool {
	if b := img.Broker(id); b != nil && !b.Fenced { // who is about to leave does not serve, and may be in sync
		return false
	}
	for x := range img.Topics() {
		for i := range x.Partitions {
			if in := slices.Concat(x.Partitions[i].ISR, x.Partitions[i].ELR); len(in) == 1 && in[0] == id {
				return false
			}
		}
	}
	return true
}

// quorate reports whether three nodes vote on the metadata, none of which has lost its disk.
func (t *town) quorate() bool {
	q := t.leader()
	if !q.up() {
		return false
	}
	voters := q.broker.Board.Status().Voters
	for _, id := range voters {
		if !slices.ContainsFunc(t.nodes, func(h *house) bool { return h.raftID == id && !h.joining }) {
			return false
		}
	}
	return len(voters) == 3
}

// replace gives a node that is down an empty disk, and has the cluster take it in anew under the same id. It starts when that is done.
func (h *house) replace() {
	h.t.Note("%s loses its disk", host(h.id))
	h.past = append(h.past, h.disk)
	h.disk = NewModels(h.t.o.NoSyncData, h.t.o.NoSyncMeta).(*models)
	for k := range h.t.book.ends {
		if k.id == h.id {
			delete(h.t.book.ends, k)
		}
	}
	h.t.replaced++
	h.join()
}

// join asks for a place in the cluster, of whoever answers, until there is one.
func (h *house) join() {
	t := h.t
	binary.BigEndian.PutUint64(h.store[:8], t.Sim.Rand()|1)
	h.joining = true
	p := t.Probe("place for " + host(h.id))
	var ask func()
	ask = func() {
		if !h.joining {
			return
		}
		if x := t.nodes[t.IntN(len(t.nodes))]; x.up() {
			x.broker.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: p.Ref()}, Timeout: time.Second, Cmd: meta.AddNode{StoreID: h.store, RequestedID: h.id,
				Endpoints: []meta.Endpoint{{Name: meta.PeerListener, Host: host(h.id), Port: 9093}}, Version: "sim"}})
		}
		t.At(200*time.Millisecond, ask)
	}
	p.On = func(m any) {
		r, ok := m.(raftnode.Proposed)
		if !ok || !h.joining || r.Result.Code != code.OK {
			return
		}
		at := r.Result.Value.(meta.NodeAdded)
		if at.NodeID != h.id || slices.ContainsFunc(t.nodes, func(x *house) bool { return x.raftID == at.RaftID }) {
			t.Fail("M4: node %d with another disk was given node id %d and Raft id %x", h.id, at.NodeID, at.RaftID)
			return
		}
		h.joining, h.raftID = false, at.RaftID
		h.start()
	}
	ask()
}
