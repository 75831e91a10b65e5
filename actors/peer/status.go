package peer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"troupe/actors/kit"
)

// Status is how a link is, as of its last pulse or change.
type Status struct {
	Node        int32
	State       string // up, dialling, waiting (for the pause between two dials, or to be dialled)
	Since       time.Time
	Why         string // it is not up
	Address     string // where it is dialled
	Remote      string // of the control connection
	Incarnation uint64
	Session     uint64
	Ups         uint64        // how often it came up
	RTT         time.Duration // of a ping, smoothed; 0: none measured
	Violations  uint64        // sessions that ended because the other side broke the rules
	Asks        int           // that wait for the other side
	Asked       int           // of the other side's that wait for us
	Lanes       [lanes]LaneStatus
}

// LaneStatus is how one lane of a link is.
type LaneStatus struct {
	Queued                        int    // bytes that wait or are being written
	Credit                        uint64 // bytes that may be sent before the other side gives more; not of Control
	SentBytes, SentFrames         uint64
	ReceivedBytes, ReceivedFrames uint64
	Dropped                       uint64 // frames that did not leave
	Undelivered                   uint64 // frames that came in and that nobody could take
}

// counts are what a link has counted since it was made.
type counts struct {
	ups, violations uint64
	rtt             time.Duration
	lanes           [lanes]LaneStatus
}

func (s *LaneStatus) received(size int) {
	s.ReceivedBytes += uint64(size)
	s.ReceivedFrames++
}

func (s *LaneStatus) sent(b *batch) {
	s.SentBytes += uint64(b.size)
	s.SentFrames += uint64(len(b.frames))
}

// measured smooths round trips: an eighth of each new one.
func (n *counts) measured(d time.Duration) {
	switch {
	case d < 0: // the clock was set
	case n.rtt == 0:
		n.rtt = d
	default:
		n.rtt += (d - n.rtt) / 8
	}
}

// Board shows the links to whoever wants to see them, without asking an actor. Safe for any goroutine.
type Board struct {
	links sync.Map // int32 -> *Status, never changed once it is there
}

// Links are all links, by node.
func (b *Board) Links() []Status {
	var list []Status
	b.links.Range(func(_, s any) bool { list = append(list, *s.(*Status)); return true })
	slices.SortFunc(list, func(a, b Status) int { return int(a.Node) - int(b.Node) })
	return list
}

// Link is the link to a node.
func (b *Board) Link(node int32) (Status, bool) {
	if s, ok := b.links.Load(node); ok {
		return *s.(*Status), true
	}
	return Status{}, false
}

// Awaiting says, in words for traces, what keeps messages from a node; "" if nothing does.
func (b *Board) Awaiting(node int32, now time.Time) string {
	s, ok := b.Link(node)
	switch {
	case !ok:
		return fmt.Sprintf("link n%d: there is none", node)
	case s.State == "up":
		return ""
	}
	return fmt.Sprintf("link n%d: reconnecting since %s (%s)", node, now.Sub(s.Since).Round(100*time.Millisecond), s.Why)
}

func (b *Board) drop(node int32) { b.links.Delete(node) }

// publish posts the status.
func (l *link) publish(c kit.Context) {
	s := &Status{Node: l.node, State: "waiting", Since: l.since, Why: l.why, Address: l.address, Ups: l.count.ups, RTT: l.count.rtt,
		Violations: l.count.violations, Lanes: l.count.lanes}
	if s.Address == "" {
		s.Address = l.learnt
	}
	if l.mine != nil || l.theirs != nil {
		s.State = "dialling"
	}
	if u := l.up; u != nil {
		s.State, s.Remote, s.Incarnation, s.Session = "up", u.wires[Control].Remote(), u.them.Incarnation, u.id
		s.Asks, s.Asked = len(u.asks), u.asked
		for _, lane := range Lanes {
			s.Lanes[lane].Queued, s.Lanes[lane].Credit = u.out[lane].bytes, u.out[lane].left()
		}
	}
	l.o.Board.links.Store(l.node, s)
}

func (l *link) inspect(c kit.Context, m *kit.Inspect) kit.Inspected {
	l.publish(c)
	s, _ := l.o.Board.Link(l.node)
	f := []kit.Field{
		{Name: "node", Value: s.Node}, {Name: "address", Value: s.Address}, {Name: "since", Value: c.Now().Sub(s.Since).Round(time.Millisecond)},
	}
	if s.Why != "" {
		f = append(f, kit.Field{Name: "awaiting", Value: l.o.Board.Awaiting(l.node, c.Now())})
	}
	f = append(f, kit.Field{Name: "round trip", Value: s.RTT}, kit.Field{Name: "asks", Value: fmt.Sprintf("%d out, %d in", s.Asks, s.Asked)})
	for _, lane := range Lanes {
		x := s.Lanes[lane]
		text := fmt.Sprintf("sent %d, received %d, queued %d bytes, dropped %d, undelivered %d", x.SentFrames, x.ReceivedFrames, x.Queued, x.Dropped, x.Undelivered)
		if lane != Control && l.up != nil {
			text += fmt.Sprintf(", credit %d", x.Credit)
		}
		f = append(f, kit.Field{Name: lane.String(), Value: text})
	}
	return kit.Inspected{Inspect: m, State: s.State, Fields: f}
}

// Metrics are sums over all links, for /metrics.
func (b *Board) Metrics() map[string]float64 {
	m := map[string]float64{}
	rtt := math.Inf(-1)
	for _, s := range b.Links() {
		m["peer_links"]++
		if s.State == "up" {
			m["peer_links_up"]++
			rtt = max(rtt, s.RTT.Seconds())
		}
		m["peer_violations_total"] += float64(s.Violations)
		for _, lane := range Lanes {
			x, p := s.Lanes[lane], "peer_"+lane.String()+"_"
			m[p+"queued_bytes"] += float64(x.Queued)
			m[p+"sent_bytes_total"] += float64(x.SentBytes)
			m[p+"received_bytes_total"] += float64(x.ReceivedBytes)
			m[p+"dropped_total"] += float64(x.Dropped)
			m[p+"undelivered_total"] += float64(x.Undelivered)
		}
	}
	if rtt >= 0 {
		m["peer_round_trip_seconds_max"] = rtt
	}
	return m
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
