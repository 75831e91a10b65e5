package admin

import (
	"fmt"
	"time"
)

// diskWork are the blockers whose work is one piece for the disk, and what waits for it.
var diskWork = map[string]struct{ code, text string }{
	"writer apply":      {"store-stuck", "the data store has not taken a commit for %.1f s%s (it waits for its own flushes, or for the disk); no record is acknowledged meanwhile"},
	"writer sync":       {"disk-stuck", "the disk has not finished the fsync of a commit for %.1f s%s; no record is acknowledged meanwhile"},
	"raft/log raft log": {"disk-stuck", "the disk has not finished a write of the metadata log for %.1f s%s; no change of the cluster is made meanwhile"},
}

func disk(x *exam) {
	at := ""
	if o := x.Health.DiskOp; o.ForMs > millis(diskGrace) {
		at = fmt.Sprintf(" (%s of %s)", o.Op, o.File)
	}
	said := false
	for _, b := range x.Health.Work.Blockers {
		work := b.Actor + " " + b.Name
		if work == "writer apply" && at != "" && x.Health.DiskOp.Op == "fsync" { // a commit that is alone is applied and synced in one go
			work = "writer sync"
		}
		if w, ok := diskWork[work]; ok && b.RunningMs > millis(diskGrace) {
			said = true
			x.fail(w.code, "the kernel's log (dmesg) and iostat -x 1", w.text, b.RunningMs/1000, at)
		}
	}
	if o := x.Health.DiskOp; at != "" && !said {
		x.fail("disk-stuck", "the kernel's log (dmesg) and iostat -x 1", "the disk has not finished the %s of %s for %.1f s; commits go on until they need it", o.Op, o.File, o.ForMs/1000)
	}
	if x.Silent > 0 {
		x.fail("store-silent", "the kernel's log (dmesg) and iostat -x 1", "the data store has not answered a read for %.1f s", x.Silent.Seconds())
	}
	if s := x.Health.Sync; s.Count >= syncSamples && s.P99Ms > millis(syncSlow) {
		x.warn("fsync-slow", "broker trace slow --api Produce", "the disk is slow: of %d fsyncs in the last minute 1 %% took more than %.0f ms (half of them %.1f ms); every acknowledgement waits for one", s.Count, s.P99Ms, s.P50Ms)
	}
	d := x.Status.Disk
	switch {
	case d.Full:
		x.fail("disk-full", "free space on the data directory's file system", "the disk is nearly full (%d MiB free): records are refused, reads and deletes go on", d.FreeBytes>>20)
	case d.MinFreeBytes > 0 && d.FreeBytes < 2*d.MinFreeBytes:
		x.warn("disk-filling", "free space on the data directory's file system, or lower retention", "the disk has %d MiB free; below %d MiB records are refused", d.FreeBytes>>20, d.MinFreeBytes>>20)
	}
}

func store(x *exam) {
	if x.Health.Store.Failed {
		x.fail("store-failed", "the broker's log, then restart the broker", "the data store has stopped after a failed write: nothing more can be made durable by this process")
	}
	if n := x.Health.Store.ErrorsLately; n > 0 {
		x.warn("store-errors", "the broker's log", "%d flushes or compactions of the data store failed in the last minute and are tried again; space and reads suffer if that goes on", n)
	}
	if n := x.Status.Disk.Damaged; n > 0 {
		x.fail("damaged", "the broker's log: it names partition and offset", "%d reads met damaged data in the store and were refused; what is damaged cannot be served", n)
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
