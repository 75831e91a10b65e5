package sim

import (
	"strings"
	"time"
)

// stall lets the disk of a node not answer for a while.
func (h *house) stall(d time.Duration) {
	if h.node != nil {
		h.node.Stuck = h.t.Now() + d
		h.raft.easy = max(h.raft.easy, h.node.Stuck)
		h.t.stuck++
	}
}

// slow lets all work of a node's disk take up to so much longer.
func (h *house) slow(d time.Duration) {
	if h.node != nil {
		h.node.Slow = d
		h.raft.easy = max(h.raft.easy, h.t.Now()+4*d)
		h.t.slow++
	}
}

// pause stops the process of a node for a while, or until the trouble is over.
func (h *house) pause(d time.Duration) {
	if !h.up() {
		return
	}
	h.node.Pause()
	h.t.pauses++
	h.raft.easy = max(h.raft.easy, h.t.Now()+d)
	h.t.after(d, h.node.Resume)
}

// fail lets the disk of a node that is up fail.
func (h *house) fail(f Fault) {
	if h.up() && !h.failing {
		h.failing, h.fault, h.hitAt = true, f, 0
		h.disk.Fail(f)
	}
}

// onFatal: a broker ended itself. It may do so only if its disk has failed.
func (h *house) onFatal(reason string) {
	if !h.failing || !h.disk.Hit() || !strings.Contains(reason, "DISK") && !strings.Contains(reason, errDisk.Error()) {
		h.t.Fail("%s ended itself: %s", host(h.id), reason)
		return
	}
	h.t.fatals++
	h.t.faults[h.fault]++
	h.t.At(0, h.bury)
}

// bury loses what a broker that has ended itself had not made durable. Its disk works again then.
func (h *house) bury() {
	if h.failing && !h.up() {
		h.failing = false
		h.lose()
	}
}

// lose is what a loss of power does to a node's disk and to its connections.
func (h *house) lose() {
	h.disk.Crash(h.t.rng)
	for _, c := range h.t.clients {
		c.cut(h)
	}
}

// checkDisk: a broker whose disk has failed ends itself soon.
func (h *house) checkDisk() bool {
	switch now := h.t.Now(); {
	case !h.failing || !h.disk.Hit():
	case h.hitAt == 0:
		h.hitAt = now
	case now-max(h.hitAt, h.raft.easy) > patience:
		return false
	}
	return true
}

// recover ends the faults of a node. A disk that fails works again only after a restart.
func (h *house) recover() {
	if h.node == nil {
		return
	}
	h.node.Resume()
	h.node.Slow, h.node.Stuck = 0, 0
	h.disk.SetFull(false)
	if h.failing {
		h.t.kill(h)
		h.bury()
	}
}
