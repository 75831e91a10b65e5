package run

import (
	"strings"
	"time"

	"troupe/actors/kit"
	"troupe/cmd/broker/admin"
)

// Work implements admin.Source.
func (s source) Work() admin.Work {
	p := s.b.sys.Pool()
	w := admin.Work{
		Pool: admin.Pool{
			Size: p.Size, Busy: p.Busy, Queued: p.Queued, HighWater: p.HighWater, Done: p.Done, OldestWaitMs: float64(p.OldestWait) / float64(time.Millisecond),
		},
		Blockers: []admin.Blocker{},
	}
	for _, b := range s.b.sys.Blockers() {
		w.Blockers = append(w.Blockers, admin.Blocker{
			Actor: b.Actor, Name: b.Name, Queued: b.Queued, Done: b.Done, RunningMs: float64(b.Running) / float64(time.Millisecond), Waits: waits(b),
		})
	}
	return w
}

// waits says whether a blocker's work is to wait for the outside world: sockets. It may take for ever and means nothing.
func waits(b kit.BlockerInfo) bool {
	kind, _, _ := strings.Cut(b.Actor, "/")
	return kind == "door" || kind == "conn" && b.Name == "read" || strings.HasPrefix(kind, "peer") && !strings.HasPrefix(b.Name, "write")
}

// work adds what the pool and the blockers do. Connections are left out, those with other brokers too: there are several with the same ends.
func (s source) work(gauge func(name string, v float64, l ...admin.Label)) {
	w := s.Work()
	gauge("pool_busy", float64(w.Pool.Busy))
	gauge("pool_queued", float64(w.Pool.Queued))
	gauge("pool_oldest_wait_seconds", w.Pool.OldestWaitMs/1000)
	for _, b := range w.Blockers {
		if strings.HasPrefix(b.Actor, "conn/") || strings.HasPrefix(b.Actor, "peer") || b.Waits {
			continue
		}
		l := admin.Label{Name: "blocker", Value: b.Actor + " " + b.Name}
		gauge("blocker_running_seconds", b.RunningMs/1000, l)
		gauge("blocker_queued", float64(b.Queued), l)
	}
}
