package controller

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// Status is what a controller shows: whether it acts, and if so, how the sessions are.
type Status struct {
	Active   bool
	Term     uint64
	Lost     []int32 // nodes without a link
	Sessions []Session
}

// Session is how a broker's session is.
type Session struct {
	Broker  int32
	Epoch   int64
	Spoke   bool          // a heartbeat has come since this controller began
	Silent  time.Duration // since the last heartbeat, or since the session began
	Applied uint64        // metadata index of the last heartbeat
	Lost    []int32       // nodes that the broker has no link with
}

// String is for people.
func (s Session) String() string {
	if !s.Spoke {
		return fmt.Sprintf("epoch %d, no heartbeat yet, for %s", s.Epoch, s.Silent)
	}
	text := fmt.Sprintf("epoch %d, silent for %s, applied %d", s.Epoch, s.Silent, s.Applied)
	if len(s.Lost) > 0 {
		text += fmt.Sprintf(", lost %v", s.Lost)
	}
	return text
}

// Board shows a controller's status to whoever wants to see it. Safe for any goroutine.
type Board struct{ p atomic.Pointer[Status] }

// Status is the latest.
func (b *Board) Status() Status {
	if s := b.p.Load(); s != nil {
		return *s
	}
	return Status{}
}

func (b *Board) post(k *core) {
	s := k.status()
	b.p.Store(&s)
}

func (k *core) status() Status {
	out := Status{Active: k.active, Term: k.term, Lost: k.lost()}
	if !k.active {
		return out
	}
	for _, b := range k.img.Brokers() {
		s := k.sessions[b.ID]
		out.Sessions = append(out.Sessions, Session{Broker: b.ID, Epoch: s.epoch, Spoke: s.spoke, Silent: time.Duration(k.now-s.heard) * tickEvery,
			Applied: s.last.Applied, Lost: s.last.Lost})
	}
	return out
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
