package sim

import (
	"strconv"
	"time"

	"troupe/actors/kit"
)

// cast makes the clients and what they will do.
func (w *World) cast() {
	admins := [2]*admin{{w: w, id: "admin-1", p: proposals{w: w}}, {w: w, id: "admin-2", p: proposals{w: w}}}
	for i := range 2 + w.IntN(3) {
		t := w.newTopic("topic-"+strconv.Itoa(i), 1+w.IntN(3))
		w.configure(t)
		a := admins[w.IntN(2)]
		a.todo(a.create(t))
		if w.Chance(.3) {
			a.todo(a.alter(t, "max.message.bytes", strconv.Itoa(500_000+w.IntN(1000))))
		}
		if w.Chance(.3) {
			a.todo(w.pause(), a.grow(t))
		}
	}
	if w.Chance(.5) { // a name that nobody creates: clients ask for it and it is made
		for _, a := range admins {
			a.todo(a.auto("auto"))
		}
	}
	if w.Chance(.5) { // the same name, made by two who do not know of each other
		for i, a := range admins {
			a.todo(a.create(w.newTopic("both", 1+i)))
		}
	}
	for i := range w.IntN(3) { // topics that come and go, one after the other under the same name
		a := admins[i]
		for range 1 + w.IntN(3) {
			t := w.newTopic("short-"+strconv.Itoa(i), 1+w.IntN(3))
			a.todo(a.create(t), w.pause(), a.remove(t))
		}
	}
	w.clients = append(w.clients, admins[0], admins[1])
	for i := range 2 + w.IntN(3) {
		p := &producer{w: w, id: "p" + strconv.Itoa(i), idem: i == 0 || w.Chance(.5), acks: -1, pid: -1, left: 40 + w.IntN(120),
			frames: map[uint64]*flight{}}
		if !p.idem {
			p.acks = []int16{-1, 1, 1, 0}[w.IntN(4)]
		}
		w.clients = append(w.clients, p)
	}
	w.castGroup(w.cluster.topics[0].NewTopic)
	for i := range 1 + w.IntN(3) {
		w.clients = append(w.clients, &consumer{w: w, id: "c" + strconv.Itoa(i), bytes: 1 << (6 + w.IntN(11)), trims: w.Chance(.3), finite: 3 + w.IntN(6)})
	}
}

func (x *admin) todo(jobs ...job) { x.jobs = append(x.jobs, jobs...) }

// pause is a job that does nothing for a while.
func (w *World) pause() job {
	until := time.Duration(-1)
	return func(kit.Context) bool {
		if until < 0 {
			until = w.Now() + time.Duration(w.IntN(int(time.Second)))
		}
		return w.Now() >= until
	}
}

// configure gives a topic some settings of its own.
func (w *World) configure(t *topic) {
	if w.Chance(.2) {
		t.Configs["message.timestamp.type"] = "LogAppendTime"
	}
	if w.Chance(.2) {
		t.Configs["segment.ms"] = "100"
	}
	t.weak = len(w.cluster.topics) > 1 && w.Chance(.15) // the first serves idempotent producers
	if t.weak {
		t.Configs["flush.policy"] = "os"
	}
	if w.Chance(.3) {
		t.compacts = true
		t.Configs["cleanup.policy"], t.Configs["segment.ms"], t.Configs["min.cleanable.dirty.ratio"] = "compact", strconv.Itoa(1+w.IntN(100)), "0.01"
		if !w.Chance(.3) {
			return
		}
		t.Configs["cleanup.policy"] = "compact,delete"
	}
	switch {
	case w.Chance(.15):
		t.Configs["retention.bytes"], t.cleans = "2000", true
	case w.Chance(.1):
		t.Configs["retention.ms"], t.cleans = "500", true
	}
}

// trouble plans faults for the next seconds.
func (w *World) trouble() {
	at := func(most time.Duration) time.Duration { return time.Duration(w.IntN(int(most))) }
	if w.Chance(.4) {
		w.At(at(time.Second), func() { w.node.JumpClock(at(20*time.Second) - 10*time.Second) })
	}
	if w.Chance(.25) {
		from, still := at(time.Second), w.stage
		w.At(from, func() { w.during(still, func() { w.full(true) }) })
		w.At(from+at(3*time.Second), func() { w.during(still, func() { w.full(false) }) })
	}
	if w.Chance(.15) {
		still := w.stage
		w.At(at(time.Second), func() { w.during(still, func() { w.failing = w.node.Up() && w.disk.Fail() }) })
	}
	if w.Chance(.3) {
		from, still, much := at(500*time.Millisecond), w.stage, at(2*time.Second)
		w.At(from, func() { w.during(still, func() { w.node.Slow = much }) })
		w.At(from+at(3*time.Second), func() { w.during(still, func() { w.node.Slow = 0 }) })
	}
}

// full fills the disk or empties it. A disk that fails its writes stays so.
func (w *World) full(full bool) {
	if !w.failing {
		w.disk.SetFull(full)
	}
}

// calm ends all faults.
func (w *World) calm() {
	w.stage++
	w.full(false)
	w.node.Slow = 0
}

// during does f if no fault has been called off since.
func (w *World) during(stage int, f func()) {
	if stage == w.stage {
		f()
	}
}
