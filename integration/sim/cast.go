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
		if w.Chance(.5) {
			t.Configs["delete.retention.ms"] = strconv.Itoa(w.IntN(500))
		}
		if !w.Chance(.3) {
			if w.Chance(.5) { // which is without effect
				t.Configs["retention.bytes"], t.Configs["retention.ms"] = "100", "100"
			}
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
	still := w.stage
	soon := func(from time.Duration, f func()) { w.At(from, func() { w.during(still, f) }) }
	if w.Chance(.4) {
		far := 10 * time.Second
		if w.Chance(.2) {
			far = 10 * time.Hour
		}
		w.At(at(time.Second), func() { w.jump(at(2*far) - far) })
	}
	if w.Chance(.25) {
		from := at(time.Second)
		soon(from, func() { w.setFull(true) })
		soon(from+at(3*time.Second), func() { w.setFull(false) })
	}
	if w.Chance(.2) {
		f := Fault(w.IntN(faultKinds))
		soon(at(time.Second), func() { w.fail(f) })
	}
	if w.Chance(.3) {
		from, much := at(500*time.Millisecond), at(2*time.Second)
		soon(from, func() { w.node.Slow = much; w.slow++ })
		soon(from+at(3*time.Second), func() { w.node.Slow = 0 })
	}
	if w.Chance(.15) {
		much := at(8 * time.Second)
		soon(at(time.Second), func() { w.node.Stuck = w.Now() + much; w.stuck++ })
	}
}

// fail lets the disk of a living broker fail.
func (w *World) fail(f Fault) {
	if w.node.Up() && !w.failing {
		w.failing, w.fault = true, f
		w.disk.Fail(f)
	}
}

// setFull fills the disk or empties it.
func (w *World) setFull(full bool) {
	if full {
		w.full++
		w.filled = true
	}
	w.disk.SetFull(full)
}

// calm ends all faults but the failure of a disk, which only its process's end does.
func (w *World) calm() {
	w.stage++
	w.setFull(false)
	w.node.Slow, w.node.Stuck = 0, 0
}

// heal waits until the broker serves again, in the same life, when a fault has ended: one more record is acknowledged, if there is one.
func (w *World) heal() {
	if w.failing || !w.node.Up() || w.Err() != nil {
		return
	}
	idle := func() bool {
		for _, c := range w.clients {
			if p, ok := c.(*producer); ok && p.acks != 0 && !p.done() {
				return false
			}
		}
		return true // what was left went to topics that have gone, or was refused and is not sent again
	}
	was := w.ledger.acked
	if idle() || len(w.cluster.live()) == 0 {
		return
	}
	if !w.RunUntil(time.Minute, func() bool { return w.ledger.acked > was || idle() }) {
		w.failIfWell("a minute after the faults ended no record is acknowledged:%s", w.waiting())
		return
	}
	w.healed++
}

// during does f if no fault has been called off since.
func (w *World) during(stage int, f func()) {
	if stage == w.stage {
		f()
	}
}
