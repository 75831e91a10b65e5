package partition

import (
	"troupe/actors/kit"
	"troupe/kafka/code"
)

// ListOffsets' special timestamps (ListOffsetsRequest, KIP-405, KIP-734, KIP-1005, KIP-1023).
const (
	latest         = -1
	earliest       = -2
	maxTimestamp   = -3
	earliestLocal  = -4
	latestTiered   = -5
	earliestUpload = -6
)

func (p *Partition) onLocate(c kit.Context, m *Locate) {
	if bad := p.fenceRead(m.LeaderEpoch, m.Replica && m.Timestamp == earliest); bad != code.OK {
		m.refuse(bad)
		return
	}
	if !p.ready(c, m) {
		return
	}
	l := p.log
	// A new leader does not yet know how far its predecessor's high watermark was (KIP-207).
	if (l.high < l.epochStart || p.early() && l.high < l.durable) && (m.Timestamp == latest || m.Timestamp == maxTimestamp || m.Timestamp >= 0) {
		m.refuse(code.OffsetNotAvailable)
		return
	}
	r := Located{Locate: m, PartID: p.o.PartID, Start: l.start, Limit: l.high, Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	switch {
	case m.Timestamp >= 0:
		r.Search = true
	case m.Timestamp == latest:
		r.Offset, r.LeaderEpoch = l.high, p.facts.LeaderEpoch
	case m.Timestamp == earliest, m.Timestamp == earliestLocal:
		r.Offset, r.LeaderEpoch = l.start, l.epochAt(l.start)
	case m.Timestamp == maxTimestamp:
		l.newest(&r)
	case m.Timestamp == latestTiered, m.Timestamp == earliestUpload:
		// nothing is tiered here
	default:
		r.Code = code.UnsupportedVersion
	}
	m.Reply(r)
}

// early says that this run of the broker is not registered yet: what was committed is not known, for the ISR may have grown since this one left.
func (p *Partition) early() bool { return p.o.Replicas != nil && p.brokerEpoch == 0 }

// newest answers the record with the greatest timestamp. When all records have been deleted since, it is still told, as Kafka does.
func (l *log) newest(r *Located) {
	if l.start == l.high && l.maxAt >= 0 {
		r.Offset, r.Timestamp, r.LeaderEpoch = l.maxAt, l.maxTime, l.epochAt(l.maxAt)
		return
	}
	r.Search = true
}

func (m *Locate) refuse(bad code.Code) {
	m.Reply(Located{Locate: m, Code: bad, Offset: -1, Timestamp: -1, LeaderEpoch: -1})
}

func (p *Partition) onFindEpoch(c kit.Context, m *FindEpoch) {
	if bad := p.fence(m.CurrentEpoch); bad != code.OK {
		m.Reply(FoundEpoch{m, bad, EpochEnd{-1, -1}})
		return
	}
	if !p.ready(c, m) {
		return
	}
	m.Reply(FoundEpoch{m, code.OK, p.log.endOf(m.Epoch)})
}
