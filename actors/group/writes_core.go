package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// writeKind says what becomes of the group when a write is durable.
type writeKind uint8

const (
	writeCreation   writeKind = iota // the group is there
	writeEmpty                       // the last member has left
	writeGeneration                  // members are a generation
	writeAssignment                  // a generation gets its assignment
	writeStatic                      // a static member has a new id
	writeOffsets                     // offsets are committed
	writeRemoval                     // offsets are gone
	writeBurial                      // the group is gone
)

// entry is one write of a group: records that become durable together, and what follows then.
type entry struct {
	kind     writeKind
	records  []kv
	deadline int64 // when who waits for it is told that it takes too long

	generation int32             // writeGeneration, writeAssignment, writeStatic: the fence
	member     string            // writeAssignment, writeStatic: whose it is
	assignment map[string][]byte // writeAssignment
	before     replaced          // writeStatic
	offsets    []committing      // writeOffsets
	removed    []place           // writeRemoval, writeBurial

	// Who is answered, if anybody.
	commit        *Commit
	resp          *kmsg.OffsetCommitResponse
	deleteOffsets *DeleteOffsets
	deleted       *kmsg.OffsetDeleteResponse
	delete        *Delete
}

func (e *entry) remove(group string, at place) {
	e.removed = append(e.removed, at)
	e.records = append(e.records, kv{offsetKey(group, at.topic, at.partition), nil})
}

// write puts an entry on its way.
func (c *core) write(e *entry, now moment) {
	if e.kind == writeOffsets && len(c.writes) >= maxInFlight {
		c.answerEntry(e, code.CoordinatorNotAvailable)
		return
	}
	if c.cfg.CommitTimeoutMs > 0 {
		e.deadline = now.mono + c.cfg.CommitTimeoutMs
		c.alarm(e.deadline)
	}
	c.writes = append(c.writes, e)
	c.out.writes = append(c.out.writes, e)
}

// written does what follows a write. Writes of one group end in the order in which they began, but for those that are refused before
// they reach the log.
func (c *core) written(e *entry, bad code.Code, now moment) {
	i := slices.Index(c.writes, e)
	if i < 0 {
		return
	}
	c.writes = slices.Delete(c.writes, i, i+1)
	if bad != code.OK {
		c.tally.refused += int64(len(e.offsets))
	} else {
		c.tally.commits += int64(len(e.offsets))
		for i := range e.offsets {
			x := &e.offsets[i]
			c.putOffset(x.topic, x.id, x.partition, x.offset)
		}
		for _, at := range e.removed {
			c.dropOffset(at.topic, at.partition)
		}
	}
	switch e.kind {
	case writeGeneration:
		c.serve(e, bad, now)
	case writeAssignment:
		c.assigned(e, bad, now)
	case writeStatic:
		c.staticWritten(e, bad, now)
	case writeBurial:
		c.buried(bad, now)
	}
	c.answerEntry(e, bad)
}

// buried ends the group's life; what comes after makes it anew.
func (c *core) buried(bad code.Code, now moment) {
	if bad != code.OK {
		c.become(empty, now)
		return
	}
	c.saved, c.generation, c.protocolType, c.protocol, c.subscribed, c.history = false, 0, "", nil, nil, nil
	c.become(empty, now)
}

// answerEntry answers who waits for a write.
func (c *core) answerEntry(e *entry, bad code.Code) {
	switch {
	case e.commit != nil && bad != code.OK:
		c.answer(Committed{e.commit, refused(e.resp, bad)})
	case e.commit != nil:
		c.answer(Committed{e.commit, e.resp})
	case e.deleteOffsets != nil && bad != code.OK:
		resp := kmsg.NewPtrOffsetDeleteResponse()
		resp.SetVersion(e.deleteOffsets.Req.Version)
		resp.ErrorCode = int16(bad)
		c.answer(DeletedOffsets{e.deleteOffsets, resp})
	case e.deleteOffsets != nil:
		c.answer(DeletedOffsets{e.deleteOffsets, e.deleted})
	case e.delete != nil:
		c.answer(Deleted{e.delete, bad})
	}
	e.commit, e.deleteOffsets, e.delete = nil, nil, nil
}

// refused gives the partitions that were to be written a code; the others have theirs.
func refused(resp *kmsg.OffsetCommitResponse, bad code.Code) *kmsg.OffsetCommitResponse {
	for i := range resp.Topics {
		for k := range resp.Topics[i].Partitions {
			if p := &resp.Topics[i].Partitions[k]; p.ErrorCode == 0 {
				p.ErrorCode = int16(bad)
			}
		}
	}
	return resp
}

// expireWrites answers who has waited for offsets.commit.timeout.ms. The write stays on its way: when it is durable it counts.
func (c *core) expireWrites(now moment) {
	for _, e := range c.writes {
		switch {
		case e.deadline == 0:
		case e.deadline > now.mono:
			c.alarm(e.deadline)
		default:
			e.deadline = 0
			switch e.kind {
			case writeGeneration:
				c.serve(e, code.CoordinatorNotAvailable, now)
			case writeAssignment:
				c.assigned(e, code.CoordinatorNotAvailable, now)
			case writeStatic:
				c.staticWritten(e, code.CoordinatorNotAvailable, now)
			default:
				c.answerEntry(e, code.CoordinatorNotAvailable)
			}
		}
	}
}

func (c *core) answer(a answer) { c.out.answers = append(c.out.answers, a) }
