package admin

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"troupe/actors/kit/trace"
)

func actors(x *exam) {
	for _, a := range x.Actors {
		switch {
		case a.Current != "" && a.CurrentMs > millis(actorGrace):
			x.fail("actor-blocked", "broker actor top --by wait", "%s has had %s in hand for %.1f s; %d messages wait", a.Title, a.Current, a.CurrentMs/1000, a.Depth)
		case a.Depth > 0 && a.OldestWaitMs > millis(mailGrace):
			x.warn("mailbox-backed-up", "broker actor top --by depth", "%s is behind: %d messages wait, the oldest for %.1f s", a.Title, a.Depth, a.OldestWaitMs/1000)
		}
	}
}

func pool(x *exam) {
	if p := x.Health.Work.Pool; p.Queued > 0 && p.OldestWaitMs > millis(poolGrace) {
		x.warn("pool-exhausted", "broker trace open", "%d reads wait for the pool, the oldest for %.1f s: all %d at work are waiting for the disk", p.Queued, p.OldestWaitMs/1000, p.Busy)
	}
}

func connections(x *exam) {
	c := x.Health.Connections
	switch {
	case c.RejectedLately > 0:
		x.fail("connections-refused", "raise max.connections or max.connections.per.ip, or find the client that does not close", "%d connections were refused or had to wait in the last minute by the limit of connections; %d are open", c.RejectedLately, c.Open)
	case c.Max > 0 && float64(c.Open) > connsHigh*float64(c.Max):
		x.warn("connections-many", "raise max.connections, or find the client that does not close", "%d of %d connections are open (max.connections)", c.Open, c.Max)
	}
	if f := x.Health.Files; f.Limit > 0 && float64(f.Open) > filesHigh*float64(f.Limit) {
		x.warn("files-many", "raise the limit of open files (ulimit -n, LimitNOFILE=)", "%d of %d file descriptors are open; without one no connection is accepted and the store cannot work", f.Open, f.Limit)
	}
}

func memory(x *exam) {
	if m := x.Health.Memory; m.LimitBytes > 0 && float64(m.LiveBytes) > memoryHigh*float64(m.LimitBytes) {
		x.warn("memory-high", "give the broker more --memory", "%d MiB of %d MiB of the heap are in use after a collection: the collector takes more and more of the CPU, and from seven eighths on groups are told to try again with what is new", m.LiveBytes>>20, m.LimitBytes>>20)
	}
}

// waited is how long an open request has been at what it awaits.
func (t *Trace) waited() time.Duration {
	if n := len(t.Spans); n > 0 && t.Spans[n-1].Open {
		return time.Duration(t.Spans[n-1].TookMs * float64(time.Millisecond))
	}
	return 0
}

// patient are the waits that a client asked for, or that it causes, or that are those of another request.
var patient = map[string]bool{
	trace.AwaitBody.Code(): true, trace.AwaitTurn.Code(): true, trace.AwaitOrder.Code(): true, trace.AwaitSocket.Code(): true, trace.AwaitClient.Code(): true,
	trace.AwaitBudget.Code(): true, trace.AwaitBytes.Code(): true, trace.AwaitMembers.Code(): true,
}

// requests are the rules about requests under way.
func requests(x *exam) {
	x.budget()
	x.slowClients()
	x.stuck()
}

func (x *exam) budget() {
	var wait int
	var longest time.Duration
	held, by := int64(0), map[string]int64{}
	for i := range x.Open {
		t := &x.Open[i]
		if t.Awaiting == trace.AwaitBudget.Code() {
			wait++
			longest = max(longest, t.waited())
		}
		held += t.Budget
		by[whose(t)] += t.Budget
	}
	if wait == 0 || longest < budgetGrace {
		return
	}
	most := ""
	for who, n := range by {
		if most == "" || cmp.Or(cmp.Compare(n, by[most]), cmp.Compare(most, who)) > 0 {
			most = who
		}
	}
	x.warn("budget-exhausted", "broker trace open, or more --memory", "%d requests wait for memory, the longest for %.1f s: %d of %d MiB are in use, %d MiB of them by %s", wait, longest.Seconds(),
		x.Health.Requests.UsedBytes>>20, x.Health.Requests.LimitBytes>>20, by[most]>>20, most)
}

// whose names a client by its id and its address.
func whose(t *Trace) string {
	if t.Client == "" {
		return "a client at " + t.Peer
	}
	return fmt.Sprintf("client %q at %s", t.Client, t.Peer)
}

// maxNamedClients is how many slow clients are named one by one.
const maxNamedClients = 10

func (x *exam) slowClients() {
	seen, left := map[uint64]bool{}, maxNamedClients
	for i := range x.Open {
		t := &x.Open[i]
		if t.Awaiting != trace.AwaitClient.Code() || t.waited() < clientGrace || seen[t.Conn] || left == 0 {
			continue
		}
		seen[t.Conn] = true
		left--
		x.warn("slow-client", "that client: it is stuck or its network is", "%s (conn/%d) has not read its answers for %.1f s; %s of %d bytes waits for it", whose(t), t.Conn, t.waited().Seconds(), t.API, t.BytesOut)
	}
}

// stuck names requests that are open for long without a reason of their own, one finding per thing that they wait for.
func (x *exam) stuck() {
	type sort struct {
		n      int
		oldest *Trace
	}
	by := map[string]*sort{}
	for i := range x.Open {
		t := &x.Open[i]
		if patient[t.Awaiting] || t.waited() < stuckGrace {
			continue
		}
		s := by[t.Awaiting]
		if s == nil {
			s = &sort{oldest: t}
			by[t.Awaiting] = s
		}
		if s.n++; t.waited() > s.oldest.waited() {
			s.oldest = t
		}
	}
	var codes []string
	for code := range by {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		s := by[code]
		x.fail("requests-stuck", "broker trace show "+s.oldest.ID, "%d requests are stuck at the same thing; the oldest, %s of %s (%s): %s", s.n, s.oldest.API, whose(s.oldest), s.oldest.About(), s.oldest.Sentence)
	}
}
