package partition

import "slices"

// When a leader changes the ISR or gives up, in ms.
const (
	lostMs    = 500    // a link has been down for so long: its replica goes
	heldMs    = 500    // somebody has waited for so long for one replica alone: it goes
	stalledMs = 2_000  // somebody has waited for so long with no replica confirming anything: who confirms least goes
	caughtMs  = 1_000  // a replica that has kept up for so long joins
	backoffMs = 4_000  // at most so long, if it has come and gone
	calmMs    = 10_000 // after so long in the ISR that is forgotten
	shortMs   = 1_000  // too few replicas have been within reach for so long: the leader gives up
	lapseMs   = 500    // who has not kept up for so long begins again
	retryMs   = 500    // after a wish that was refused
	damagedMs = 10_000 // after a leader that cannot read its log has offered its place
)

// mate is another replica, as its leader knows it.
type mate struct {
	id          int32
	up          bool  // its link
	changedAt   int64 // when that changed, ms
	streaming   bool  // it has subscribed in this leader epoch
	brokerEpoch int64 // as it says
	durable     int64 // end of its log on its disk; -1: not known
	start       int64 // likewise
	subscribed  int64 // when, ms
	caughtAt    int64 // ms: its log reached then what the leader's was
	ackAt       int64 // of the last ack, ms
	ackEnd      int64 // end of the leader's log then
	since       int64 // ms: it has kept up since then; 0: it does not
	flaps       int   // times it has left the ISR
	joined      int64 // ms: seen in the ISR since; 0: it is not
	tryAt       int64 // ms: no wish to add it before
}

// acked notes how far a replica is (Replica.updateFetchState).
func (m *mate) acked(durable, next, now int64) {
	switch {
	case durable >= next:
		m.caughtAt = max(m.caughtAt, now)
	case durable >= m.ackEnd:
		m.caughtAt = max(m.caughtAt, m.ackAt)
	}
	m.ackAt, m.ackEnd = now, next
	m.durable = max(m.durable, durable)
	m.keepsUp(next, now)
}

// keepsUp notes since when a replica has kept up.
func (m *mate) keepsUp(next, now int64) {
	if m.durable >= next {
		m.caughtAt = now
	}
	switch {
	case !m.streaming || m.caughtAt == 0 || now-m.caughtAt > lapseMs:
		m.since = 0
	case m.since == 0:
		m.since = now
	}
}

// pause is how long it must keep up before it may join.
func (m *mate) pause() int64 { return min(int64(caughtMs)<<min(m.flaps, 10), backoffMs) }

// isrView is what a leader decides about its ISR by.
type isrView struct {
	self             int32
	min              int // replicas that acks=all needs
	lagMs            int64
	isr, elr         []int32
	mates            []mate
	high, epochStart int64
	durable          int64 // end of the leader's own log on its disk
	gone             int64 // nothing below may come back
	next             int64
	recovering       bool
	began            int64 // when it became leader, ms
	stalled          int64 // for how long somebody has waited with nothing confirmed, ms
}

// judge says which ISR the leader wants: the one it has, if it wants no change.
func (v *isrView) judge(now int64) []int32 {
	isr := slices.Clone(v.isr)
	for i := range v.mates {
		m := &v.mates[i]
		at := slices.Index(isr, m.id)
		switch {
		case at < 0:
		case v.lags(m, now) && len(isr) > 1, v.lost(m, now) && len(isr) > v.min, v.stalls(m) && len(isr) > v.min:
			isr = slices.Delete(isr, at, at+1)
		}
	}
	for i := range v.mates {
		if m := &v.mates[i]; !slices.Contains(v.isr, m.id) && v.joins(m, now) {
			isr = append(isr, m.id)
		}
	}
	return isr
}

func (v *isrView) lost(m *mate, now int64) bool {
	return !m.up && now-max(m.changedAt, v.began) >= lostMs
}

func (v *isrView) lags(m *mate, now int64) bool {
	return m.up && now-max(m.caughtAt, m.subscribed, m.changedAt, v.began) >= v.lagMs
}

// stalls says whether acks wait for a replica that confirms nothing, and for no other reason than that. If all others in sync have confirmed more it
// is known sooner: a broker that was stopped holds nobody up until its link counts as broken. A disk that is slow for all holds up all of them.
func (v *isrView) stalls(m *mate) bool {
	if m.durable > v.high || m.durable >= v.next {
		return false
	}
	return v.stalled >= stalledMs || v.stalled >= heldMs && v.alone(m)
}

// alone says whether all other replicas in sync, the leader and at least one more, have confirmed something above the high watermark. Where there is
// no other than the leader, what is acknowledged next would be on one disk only: a follower's disk that is slow once is no reason for that.
func (v *isrView) alone(m *mate) bool {
	others := 0
	for i := range v.mates {
		x := &v.mates[i]
		switch {
		case x.id == m.id || !slices.Contains(v.isr, x.id):
		case x.durable <= v.high:
			return false
		default:
			others++
		}
	}
	return others > 0 && v.durable > v.high
}

// joins says whether a replica may join the ISR: what the high watermark covers and what was there when the epoch began is on its disk, as
// it has said in this epoch (KAFKA-7128). The second covers all that an earlier leader may have committed, however much of it this one knows
// of; so the high watermark need not have come there. It could not, while the ISR is below the minimum. And it has not what was deleted.
func (v *isrView) joins(m *mate, now int64) bool {
	return !v.recovering && m.up && m.streaming && m.durable >= v.high && m.durable >= v.epochStart && m.start >= v.gone &&
		m.since > 0 && now-m.since >= m.pause() && now >= m.tryAt
}

// short says whether too few of those that have everything are within reach, while there are others who could lead.
func (v *isrView) short() bool {
	reach, others := 1, false
	for i := range v.mates {
		if m := &v.mates[i]; slices.Contains(v.isr, m.id) || slices.Contains(v.elr, m.id) {
			others = true
			if m.up {
				reach++
			}
		}
	}
	return others && reach < v.min
}

// settled says whether there is nothing to watch: everybody is in the ISR and has everything.
func (v *isrView) settled() bool {
	for i := range v.mates {
		m := &v.mates[i]
		if !slices.Contains(v.isr, m.id) || !m.up || !m.streaming || m.durable < v.next || m.flaps > 0 {
			return false
		}
	}
	return !v.recovering
}

// note keeps account of who comes and goes.
func (v *isrView) note(now int64) {
	for i := range v.mates {
		m := &v.mates[i]
		m.keepsUp(v.next, now)
		switch in := slices.Contains(v.isr, m.id); {
		case in && m.joined == 0:
			m.joined = now
		case in && now-m.joined >= calmMs:
			m.flaps = 0
		case !in && m.joined > 0:
			m.joined, m.since, m.flaps = 0, 0, m.flaps+1
		}
	}
}
