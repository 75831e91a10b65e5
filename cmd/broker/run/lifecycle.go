package run

import (
	"strconv"
	"time"

	"troupe/actors/controller"
)

// stuckDisk is how long one operation on a file may take before the broker gives its leaderships to others.
const stuckDisk = 5 * time.Second

// timing is that of heartbeats and sessions: what the configuration names, else our own, which is shorter than Kafka's.
func timing(static map[string]string) controller.Timing {
	t := controller.DefaultTiming
	set := func(key string, to *time.Duration) {
		if ms, err := strconv.Atoi(static[key]); err == nil && ms > 0 {
			*to = time.Duration(ms) * time.Millisecond
		}
	}
	set("broker.heartbeat.interval.ms", &t.Beat)
	set("broker.session.timeout.ms", &t.Session)
	return t
}

// upkeep is what the configuration wants of the controller.
func upkeep(static map[string]string) (u controller.Upkeep) {
	if on, err := strconv.ParseBool(static["auto.leader.rebalance.enable"]); err == nil {
		u.NoBalance = !on
	}
	if s, err := strconv.Atoi(static["leader.imbalance.check.interval.seconds"]); err == nil && s > 0 {
		u.Check = time.Duration(s) * time.Second
	}
	return u
}
