package partition

import (
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// Standing is what a replica takes itself for. A simulation looks at it between two steps; nobody else may, for the actor owns what it says.
type Standing struct {
	Serves      bool         // it leads, and may serve clients: none is let in before the broker is registered
	Epoch       int32        // of the leader that it is or follows
	Begins      int64        // end of the log when its epoch began, if it leads
	ISR, Wanted []int32      // that its high watermark respects, if it leads: the committed ISR, and one that it has asked for
	Asked       *meta.NewISR // how it has asked, while that is under way; not to be changed
	High        int64        // high watermark
}

// Standing looks at a replica; false: its log is not known.
func (p *Partition) Standing() (s Standing, ok bool) {
	l := p.log
	if l == nil {
		return s, false
	}
	s = Standing{Epoch: p.facts.LeaderEpoch, High: l.high}
	if p.state == loaded {
		s.Serves, s.Begins, s.ISR, s.Wanted = p.fence(-1) == code.OK && !p.early(), l.epochStart, l.isr, l.wanted
		if l.led != nil && l.led.wish != nil && l.led.wish.resign == nil {
			s.Asked = &l.led.wish.isr
		}
	}
	return s, true
}
