package sim

import (
	"fmt"
	"slices"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/storage"
)

// townBook is what is known of the metadata of a town, whoever tells it. The names of the invariants (M1, D1...) are those of the design.
type townBook struct {
	newest *meta.Image
	leads  map[reign]int32
	high   map[uint32]int64 // by partition: the greatest high watermark that anybody was told, or a leader had
	crests map[uint32]crests
	wishes wishes
	ends   map[cellar]int64 // of the logs, to see truncations

	term uint64 // the greatest seen

	terms, leaders, isrs, truncations, moves uint64
}

// reign is a time in which one broker leads a partition.
type reign struct {
	partID uint32
	epoch  int32
}

// cellar is one replica.
type cellar struct {
	id     int32
	partID uint32
}

func (b *townBook) init() {
	b.leads, b.high, b.ends = map[reign]int32{}, map[uint32]int64{}, map[cellar]int64{}
	b.crests, b.wishes = map[uint32]crests{}, wishes{}
}

// check runs after every step.
func (t *town) check() error {
	for _, h := range t.nodes {
		if !h.up() {
			continue
		}
		if img := h.broker.Published.Get().Image; img != h.seen {
			if err := t.checkImage(h, img); err != nil {
				return fmt.Errorf("%s: %w", host(h.id), err)
			}
		}
	}
	if t.Stats().Steps%16 != 0 {
		return nil
	}
	if err := t.look(); err != nil {
		return err
	}
	if t.Stats().Steps%64 != 0 {
		return nil
	}
	if err := t.checkReplicas(); err != nil {
		return err
	}
	if t.Stats().Steps%256 != 0 {
		return nil
	}
	for _, h := range t.nodes {
		if !h.up() {
			continue
		}
		if err := h.checkRaft(); err != nil {
			return err
		}
		if err := h.checkActors(); err != nil {
			return err
		}
		if !h.checkDisk() {
			return fmt.Errorf("%s: the disk failed %s ago, and the broker lives on", host(h.id), t.Now()-h.hitAt)
		}
	}
	for _, c := range t.clients {
		if what, since := c.waits(); what != "" && t.Now()-since > patience {
			return fmt.Errorf("L2: %s has waited since %s for %s%s", c.name(), since, what, t.waiting())
		}
	}
	return nil
}

// checkImage looks at a newly published image of a broker: M1 to M6.
func (t *town) checkImage(h *house, img *meta.Image) error {
	if img.Index() < h.index {
		return fmt.Errorf("the published image went back from %d to %d", h.index, img.Index())
	}
	h.seen, h.index = img, img.Index()
	h.notePlaces(img)
	if err := t.cluster.checkImage(img); err != nil {
		return fmt.Errorf("M1 to M5: %w", err)
	}
	was := t.book.newest
	if was != nil && img.Index() <= was.Index() {
		return nil // known by its hash
	}
	t.book.newest = img
	for x := range img.Topics() {
		for i := range x.Partitions {
			var old *meta.Partition
			if was != nil {
				if _, p := was.ByPartID(x.Partitions[i].ID); p != nil {
					old = p
				}
			}
			if err := t.checkPartition(img, x, &x.Partitions[i], old); err != nil {
				return fmt.Errorf("%s-%d at index %d: %w", x.Name, i, img.Index(), err)
			}
		}
	}
	return nil
}

func (t *town) checkPartition(img *meta.Image, x *meta.Topic, p, old *meta.Partition) error {
	if old == p {
		return nil
	}
	if old != nil {
		switch {
		case p.LeaderEpoch < old.LeaderEpoch || p.PartitionEpoch < old.PartitionEpoch:
			return fmt.Errorf("M4: epochs %d/%d after %d/%d", p.LeaderEpoch, p.PartitionEpoch, old.LeaderEpoch, old.PartitionEpoch)
		case p.Leader != old.Leader && p.LeaderEpoch == old.LeaderEpoch:
			return fmt.Errorf("M6: leader %d after %d in epoch %d", p.Leader, old.Leader, p.LeaderEpoch)
		}
		if !slices.Equal(p.ISR, old.ISR) {
			t.book.isrs++
		}
		if p.Leader != old.Leader && p.Leader != meta.NoLeader {
			t.book.leaders++
		}
		if p.Leader != meta.NoLeader { // nobody has told it yet what became of what it has asked for
			if s, ok := t.nodes[p.Leader-1].standing(p.ID); ok {
				t.book.wishes.note(p.ID, s.Asked)
			}
		}
		for _, id := range p.ISR {
			if b := img.Broker(id); b != nil && !slices.Contains(old.ISR, id) {
				if err := t.book.wishes.checkJoined(p, id, b.Epoch); err != nil {
					return err
				}
			}
		}
		if old.Moving() && !p.Moving() {
			t.book.moves++
		}
	}
	for _, id := range append(slices.Clone(p.ISR), p.Leader) {
		if id == meta.NoLeader {
			continue
		}
		if b := img.Broker(id); b == nil || b.Fenced {
			return fmt.Errorf("M5: broker %d is fenced, and in the ISR %v or the leader %d", id, p.ISR, p.Leader)
		}
	}
	if p.Leader != meta.NoLeader {
		k := reign{p.ID, p.LeaderEpoch}
		if id, ok := t.book.leads[k]; ok && id != p.Leader {
			return fmt.Errorf("M6: brokers %d and %d lead in epoch %d", id, p.Leader, p.LeaderEpoch)
		}
		t.book.leads[k] = p.Leader
	}
	return t.checkComplete(img, p)
}

// checkComplete: D1 and D2: whoever leads, is in sync or may be elected holds all that anybody was told, on its disk. Of a disk that was lost the
// cluster hears when it takes the next one in.
func (t *town) checkComplete(img *meta.Image, p *meta.Partition) error {
	high := t.book.high[p.ID]
	for _, id := range append(slices.Clone(p.ISR), p.ELR...) {
		if n := img.Node(id); n == nil || n.StoreID != t.nodes[id-1].store {
			continue
		}
		if end := t.nodes[id-1].durable(p.ID); end < high {
			return fmt.Errorf("D1, D2: broker %d is in the ISR %v or the ELR %v with a durable log to %d; records up to %d were acknowledged or shown", id, p.ISR, p.ELR, end, high)
		}
	}
	return nil
}

// checkReplicas looks at what the disks hold of all that was told to anybody.
func (t *town) checkReplicas() error {
	if t.book.newest == nil {
		return nil
	}
	for x := range t.book.newest.Topics() {
		for i := range x.Partitions {
			p := &x.Partitions[i]
			if err := t.checkComplete(t.book.newest, p); err != nil {
				return fmt.Errorf("%s-%d: %w", x.Name, i, err)
			}
			for _, id := range p.Replicas {
				k, end := cellar{id, p.ID}, t.nodes[id-1].durable(p.ID)
				if end < t.book.ends[k] {
					t.book.truncations++
				}
				t.book.ends[k] = end
			}
		}
	}
	return nil
}

// told notes that a broker told somebody of records up to an offset: they must have become durable on as many brokers as min.insync.replicas asks
// for (D7). A disk that was lost since counts for what it held of that broker's log: what was committed on it stays committed, and is shown as
// long as anybody in sync has it, for a high watermark does not go back (D6).
func (t *town) told(by *house, a *account, partID uint32, to int64, how string) {
	x, p := t.book.newest.ByPartID(partID)
	if p == nil || a.gone {
		return
	}
	n := 0
	for _, h := range t.nodes {
		if h.durable(partID) >= to || h.had(by.disk.data.Durable(partID), partID, to) {
			n++
		}
	}
	if least := t.book.newest.MinISROf(x, p); n < least {
		t.Fail("D7: %s: records up to %d were %s by %s, and are durable on %d brokers of %d", a, to, how, host(by.id), n, least)
	}
	t.book.high[partID] = max(t.book.high[partID], to)
}

// had says whether a disk that a node has lost held a log up to an offset.
func (h *house) had(log storage.Loaded, partID uint32, to int64) bool {
	return slices.ContainsFunc(h.past, func(d *models) bool { return held(d.data.Durable(partID), log, to) })
}

// held says whether a lost log was the same up to an offset as one that is there, but for what was deleted. They are as far as the shorter of them
// goes in the last epoch that both know: each epoch has one leader.
func held(lost, log storage.Loaded, to int64) bool {
	if lost.End < to || log.End < to {
		return false
	}
	if to <= max(lost.Start, log.Start) {
		return true
	}
	for _, e := range slices.Backward(lost.Epochs) {
		if end, ok := endOfEpoch(log, e.Epoch); ok {
			own, _ := endOfEpoch(lost, e.Epoch)
			return to <= min(own, end)
		}
	}
	return false
}

// endOfEpoch is where an epoch ends in a log; false: the log does not know it.
func endOfEpoch(l storage.Loaded, epoch int32) (end int64, ok bool) {
	for i, e := range l.Epochs {
		switch {
		case e.Epoch != epoch:
		case i+1 < len(l.Epochs):
			return l.Epochs[i+1].Start, true
		default:
			return l.End, true
		}
	}
	return 0, false
}

// ackedAt notes that a broker told somebody that a command was applied at an index: its published view must show it already.
func (t *town) ackedAt(h *house, index uint64) {
	t.cluster.acked = max(t.cluster.acked, index)
	if at := h.image().Index(); at < index {
		t.Fail("M2: %s acknowledged a command at index %d, and publishes an image at %d", host(h.id), index, at)
	}
}

// retries says whether a code of a produce tells a client of a cluster to try again.
func retries(c code.Code) bool {
	switch c {
	case code.NotEnoughReplicas, code.NotEnoughReplicasAfterAppend, code.UnknownTopicOrPartition, code.UnknownTopicId, code.LeaderNotAvailable,
		code.FencedLeaderEpoch, code.UnknownLeaderEpoch:
		return true
	}
	return retriable(c)
}
