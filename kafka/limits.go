package kafka

import (
	"time"

	"troupe/actors/kit"
)

// Limits are how many connections there may be. Kafka calls them quotas (ConnectionQuotas).
type Limits struct {
	Connections int            // max.connections
	PerIP       int            // max.connections.per.ip
	Overrides   map[string]int // max.connections.per.ip.overrides, by address
	Rate        int            // max.connection.creation.rate: connections per second
}

// unlimited is Kafka's default for each of them.
const unlimited = 1<<31 - 1

// NoLimits are the limits by default.
func NoLimits() Limits { return Limits{Connections: unlimited, PerIP: unlimited, Rate: unlimited} }

// perIP is how many connections one address may have.
func (l *Limits) perIP(host string) int {
	if n, ok := l.Overrides[host]; ok {
		return n
	}
	return l.PerIP
}

// recheck looks again whether held connections may come in: a limit may have been changed.
//
// From: the door's own timer.
type recheck struct{}

// recheckEvery is how long a change of a limit may go unnoticed while connections are held.
const recheckEvery = time.Second

// accepted lets a new connection in, holds it, or turns it away.
//
// When there are as many connections as there may be, the newcomer is held, and none is accepted after it, until another one ends; its client
// sees a connection that does not answer yet. One too many from an address is closed at once. Both as with Kafka.
func (d *door) accepted(x kit.Context, m accepted) {
	switch {
	case m.nc == nil:
		d.notAccepted(x, m)
		return
	case d.closing:
		m.nc.Close()
		d.accept(m)
		return
	}
	lim := d.cfg.Limits()
	if len(d.conns) >= lim.Connections {
		d.hold(x, m, &lim)
		return
	}
	host := hostOf(m.nc.RemoteAddr())
	if d.perIP[host] >= lim.perIP(host) {
		m.nc.Close()
		d.stats.Rejected.Add(1)
		d.tellFull(x, "too many connections from one address, closed", "client", host, "connections", d.perIP[host])
		d.accept(m)
		return
	}
	d.full = false
	d.admit(x, m.nc, host)
	d.acceptInTime(x, m, &lim)
}

func (d *door) hold(x kit.Context, m accepted, lim *Limits) {
	if !m.held {
		m.held = true
		d.stats.Rejected.Add(1)
	}
	d.held = append(d.held, m)
	d.tellFull(x, "too many connections, new ones wait", "client", hostOf(m.nc.RemoteAddr()), "connections", len(d.conns), "limit", lim.Connections)
	if !d.rechecking {
		d.rechecking = true
		x.After(x.Self(), recheckEvery, recheck{})
	}
}

// tellFull says so once, not for every client.
func (d *door) tellFull(x kit.Context, text string, args ...any) {
	if !d.full {
		x.Log().Warn(text, args...)
		d.full = true
	}
}

// release tries the held connections again, in their order.
func (d *door) release(x kit.Context) {
	held := d.held
	d.held = nil
	for _, m := range held {
		d.accepted(x, m)
	}
}

// acceptInTime accepts the next connection, not before the rate allows it. Who was idle may have as many as a second gives at once.
func (d *door) acceptInTime(x kit.Context, m accepted, lim *Limits) {
	now := x.Now()
	if lim.Rate <= 0 || lim.Rate >= unlimited {
		d.accept(m)
		return
	}
	if since := now.Add(-time.Second); d.paidUntil.Before(since) {
		d.paidUntil = since
	}
	d.paidUntil = d.paidUntil.Add(time.Second / time.Duration(lim.Rate))
	if wait := d.paidUntil.Sub(now); wait > 0 {
		x.After(x.Self(), wait, again{m})
		return
	}
	d.accept(m)
}
