package partition

import (
	"troupe/actors/kit"
	"troupe/kafka/code"
)

// onRead answers a range; the asker reads the bytes from the tail or the store.
func (p *Partition) onRead(c kit.Context, m *Read) {
	if bad := p.fenceRead(m.LeaderEpoch, m.Replica); bad != code.OK {
		m.refuse(bad)
		return
	}
	if !p.ready(c, m) {
		return
	}
	l := p.log
	diverging, outOfRange := l.diverges(m.Offset, m.LastEpoch)
	if diverging == nil && (outOfRange || m.Offset < l.floor || m.Offset > l.next) {
		m.refuse(code.OffsetOutOfRange)
		return
	}
	// Without transactions the last stable offset is the high watermark.
	m.Reply(Readable{Read: m, PartID: p.o.PartID, Start: l.start, High: l.high, Stable: l.high, Limit: l.high, Diverging: diverging})
}

// refuse answers an error: all offsets are -1 then.
func (m *Read) refuse(bad code.Code) {
	m.Reply(Readable{Read: m, Code: bad, Start: -1, High: -1, Stable: -1, Limit: -1})
}
