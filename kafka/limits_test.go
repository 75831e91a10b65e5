package kafka

import (
	"sync/atomic"
	"testing"
	"time"
)

// limited is a door whose limits can be changed.
func limited(t *testing.T, l Limits) (*fixture, func(Limits)) {
	var now atomic.Pointer[Limits]
	now.Store(&l)
	f := newFixture(t, Config{Limits: func() Limits { return *now.Load() }})
	return f, func(l Limits) { now.Store(&l) }
}

func TestLimitPerAddress(t *testing.T) {
	l := NoLimits()
	l.PerIP = 2
	f, set := limited(t, l)
	a, b, c := f.dial(), f.dial(), f.dial()
	a.apiVersions(3)
	b.apiVersions(3)
	c.closed()
	a.Close()
	f.waitOpen(1)
	f.dial().apiVersions(3)
	if n := f.s.Stats().Rejected.Load(); n != 1 {
		t.Errorf("%d rejected, want 1", n)
	}
	l.Overrides = map[string]int{"127.0.0.1": 3}
	set(l)
	f.dial().apiVersions(3)
	f.dial().closed()
	l.Overrides, l.PerIP = map[string]int{"127.0.0.2": 9}, 0
	set(l)
	f.dial().closed()
}

// One too many waits, and comes in when another one ends or the limit is raised.
func TestLimitOfAll(t *testing.T) {
	l := NoLimits()
	l.Connections = 2
	f, set := limited(t, l)
	a, b := f.dial(), f.dial()
	a.apiVersions(3)
	b.apiVersions(3)
	c, d := f.dial(), f.dial()
	c.send(request(1, nil, apiVersionsRequest(3)))
	d.send(request(1, nil, apiVersionsRequest(3)))
	time.Sleep(30 * time.Millisecond)
	if n := f.s.Stats().Open.Load(); n != 2 {
		t.Errorf("%d connections are open", n)
	}
	a.Close()
	if _, _, err := c.try(); err != nil {
		t.Fatal(err)
	}
	l.Connections = 3
	set(l)
	if _, _, err := d.try(); err != nil {
		t.Fatal(err)
	}
	f.dial() // held when the door closes
	f.waitOpen(3)
}

func TestRateOfConnections(t *testing.T) {
	l := NoLimits()
	l.Rate = 20
	f, _ := limited(t, l)
	begin := time.Now()
	for range 30 { // twenty at once, ten more in half a second
		f.dial().apiVersions(3)
	}
	if d := time.Since(begin); d < 400*time.Millisecond {
		t.Errorf("30 connections came in within %v", d)
	}
}
