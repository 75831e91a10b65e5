package admin

import (
	"strings"
	"testing"
	"time"
)

// TestExamine gives each rule the evidence that it looks for, and what is just not enough.
func TestExamine(t *testing.T) {
	now := time.Unix(1000, 0)
	f := func(e Evidence, want ...string) {
		t.Helper()
		e.Now = now
		got := Examine(e)
		if len(got) != len(want) {
			t.Fatalf("%d findings, want %v: %+v", len(got), want, got)
		}
		for i := range want {
			code, text, _ := strings.Cut(want[i], ": ")
			if got[i].Code != code || got[i].Next == "" || got[i].Severity == "" || !strings.Contains(got[i].Text, text) || got[i].Text == "" {
				t.Fatalf("finding %d is %+v, want %s", i, got[i], want[i])
			}
		}
	}
	raft := func(r Raft) Evidence { return Evidence{Status: Status{Raft: r}} }
	health := func(h Health) Evidence { return Evidence{Health: h} }
	blocked := func(actor, name string, ms float64) Evidence {
		return health(Health{Work: Work{Blockers: []Blocker{{Actor: actor, Name: name, RunningMs: ms}}}})
	}
	open := func(list ...Trace) Evidence {
		return Evidence{Open: list, Health: Health{Requests: Requests{60 << 20, 64 << 20}}}
	}
	waits := func(awaiting string, seconds float64, client string) Trace {
		return Trace{ID: "1-7", API: "Produce", Client: client, Peer: "10.0.0.1", Topic: "orders", Awaiting: awaiting, Sentence: "why", Budget: 10 << 20,
			Spans: []TraceSpan{{Open: true, TookMs: seconds * 1000}}}
	}
	f(Evidence{})
	f(raft(Raft{Persisted: 12, Committed: 12, Applied: 11, Behind: 1, BehindFor: 5}), "not-applied: up to 12 committed, but only up to 11 applied, for 5.0 s")
	f(raft(Raft{Persisted: 12, Committed: 12, Applied: 11, Behind: 1, BehindFor: 0.5}))
	f(raft(Raft{Persisted: 12, Committed: 11, Applied: 11, BehindFor: 5}), "not-committed")
	f(raft(Raft{Persisted: 12, Committed: 12, Applied: 12}))
	f(raft(Raft{Pending: 2, OldestFor: 6, Leader: 3}), "proposal-waits: 2 proposals wait for the metadata log, the oldest for 6.0 s; node 3 leads it")
	f(raft(Raft{Pending: 1, OldestFor: 6, Leader: -1}), "proposal-waits: 1 proposal waits for the metadata log, the oldest for 6.0 s; no leader is known here")
	f(Evidence{Status: Status{Steps: []Step{{Name: "a", Done: true, Seconds: 9}, {Name: "b", WaitsFor: "a leader", Seconds: 6}, {Name: "c", Seconds: 0}}}}, "boot-waits: for a leader")
	f(Evidence{Status: Status{Steps: []Step{{Name: "b", WaitsFor: "a leader", Seconds: 3}}}})
	f(Evidence{Strays: []Stray{{PartID: 7, Name: "partition/x-0", Index: 9}, {PartID: 8, Index: 9}}}, "stray-partition: partition/x-0", "stray-partition: number 8")
	f(health(Health{Leaderless: 3, Leaderless1: "orders/0"}), "no-leader: 3 partitions have no leader, such as orders/0")
	f(health(Health{Leaderless: 1, Leaderless1: "orders/0"}), "no-leader: 1 partition has no leader, such as orders/0")
	f(Evidence{Status: Status{NodeID: 1, Ready: true, Brokers: []Broker{{ID: 1, Fenced: true}, {ID: 2, Fenced: true}}}}, "fenced")

	cluster := func(c Cluster) Evidence { c.NodeID = 1; return Evidence{Cluster: c} }
	three := func(n Node) Evidence {
		return cluster(Cluster{Nodes: []Node{{ID: 1, Raft: "leader", State: "running"}, {ID: 2, Raft: "voter", State: "running", Link: "up"}, n}})
	}
	f(three(Node{ID: 3, Raft: "voter", State: "running", Link: "up"}))
	f(three(Node{ID: 3, Raft: "voter", State: "fenced", Link: "waiting", LinkFor: 60}), "node-out: node 3 is out of service")
	f(three(Node{ID: 3, Raft: "voter", State: "running", Link: "waiting", LinkFor: 6, LinkWhy: "refused"}), "link-down: node 3")
	f(three(Node{ID: 3, Raft: "voter", State: "running", Link: "waiting", LinkFor: 4}))
	f(cluster(Cluster{Nodes: []Node{{ID: 1, Raft: "leader"}}}))
	f(cluster(Cluster{Nodes: []Node{{ID: 1, Raft: "leader"}, {ID: 2, Raft: "learner", State: "running", Link: "up"}}}), "one-voter: log of 2 nodes")
	f(cluster(Cluster{UnderMinISR: 2}), "under-min-isr: 2 partitions")

	f(blocked("writer", "sync", 1500), "disk-stuck: for 1.5 s")
	f(blocked("raft/log", "raft log", 1500), "disk-stuck: metadata log")
	f(blocked("writer", "apply", 1500), "store-stuck")
	f(health(Health{DiskOp: DiskOp{"fsync", "db/000006.log", 1500}, Work: Work{Blockers: []Blocker{{Actor: "writer", Name: "apply", RunningMs: 1500}}}}), "disk-stuck: the fsync of a commit for 1.5 s (fsync of db/000006.log)")
	f(blocked("writer", "sync", 900))
	f(health(Health{DiskOp: DiskOp{"fsync", "db/000007.log", 12_000}, Work: Work{Blockers: []Blocker{{Actor: "writer", Name: "sync", RunningMs: 12_000}}}}), "disk-stuck: the fsync of a commit for 12.0 s (fsync of db/000007.log); no record")
	f(health(Health{DiskOp: DiskOp{"fsync", "db/000009.blob", 12_000}}), "disk-stuck: the fsync of db/000009.blob for 12.0 s")
	f(health(Health{DiskOp: DiskOp{"write", "db/000009.blob", 900}}))
	f(blocked("writer", "reclaim", 60_000))
	f(blocked("conn/7", "read", 60_000))
	f(Evidence{Silent: 2 * time.Second}, "store-silent")
	f(health(Health{Sync: Sync{Count: 60, P99Ms: 300, P50Ms: 5}}), "fsync-slow: more than 300 ms")
	f(health(Health{Sync: Sync{Count: 10, P99Ms: 300}}))
	f(health(Health{Sync: Sync{Count: 60, P99Ms: 90}}))
	f(Evidence{Status: Status{Disk: Disk{Full: true, FreeBytes: 5 << 20, MinFreeBytes: 10 << 20}}}, "disk-full: 5 MiB")
	f(Evidence{Status: Status{Disk: Disk{FreeBytes: 15 << 20, MinFreeBytes: 10 << 20}}}, "disk-filling: 15 MiB")
	f(Evidence{Status: Status{Disk: Disk{FreeBytes: 25 << 20, MinFreeBytes: 10 << 20}}})
	f(Evidence{Status: Status{Disk: Disk{Damaged: 2}}}, "damaged: 2 reads")
	f(health(Health{Store: Store{Failed: true, ErrorsLately: 3}}), "store-failed", "store-errors: 3")

	f(health(Health{Cleaner: Cleaner{Partitions: 5, Uncleanable: 2}}), "cleaner-failing: 2 of 5")
	f(health(Health{Cleaner: Cleaner{Partitions: 5, Dirty: .95}}), "cleaner-behind: 95 %")
	f(health(Health{Cleaner: Cleaner{Partitions: 5, Dirty: .95, Rounds: 1}}))
	f(Evidence{Groups: []GroupWait{{"g", "PreparingRebalance", 15, "1 of 2 members to join again: c-1"}, {"h", "", 3, ""}}}, `group-waits: group "g" has kept members waiting for 15 s (PreparingRebalance): it waits for 1 of 2 members to join again: c-1`)

	f(Evidence{Actors: []Actor{{Title: "x", Current: "Append", CurrentMs: 1500, Depth: 4}, {Title: "y", Current: "Append", CurrentMs: 15}}}, "actor-blocked: x has had Append in hand for 1.5 s; 4")
	f(Evidence{Actors: []Actor{{Title: "x", Depth: 4, OldestWaitMs: 1500}, {Title: "y", Depth: 4, OldestWaitMs: 500}}}, "mailbox-backed-up: x is behind: 4")
	f(health(Health{Work: Work{Pool: Pool{Size: 32, Busy: 32, Queued: 5, OldestWaitMs: 1500}}}), "pool-exhausted: 5 reads")
	f(health(Health{Work: Work{Pool: Pool{Size: 32, Busy: 32, Queued: 5, OldestWaitMs: 100}}}))
	f(health(Health{Connections: Connections{Open: 10, Max: 10, RejectedLately: 2}}), "connections-refused: 2")
	f(health(Health{Connections: Connections{Open: 95, Max: 100}}), "connections-many: 95 of 100")
	f(health(Health{Connections: Connections{Open: 95}}))
	f(health(Health{Files: Files{900, 1000}}), "files-many: 900 of 1000")
	f(health(Health{Files: Files{900, 0}}))
	f(health(Health{Memory: Memory{90 << 20, 100 << 20}}), "memory-high: 90 MiB of 100")
	f(health(Health{Memory: Memory{70 << 20, 100 << 20}}))
	f(health(Health{Clock: []ClockJump{{At: now, By: -3600}}}), "clock-jump: -3600.0 s at 1970-01-01T00:16:40Z")

	f(open(waits("request-budget", 2, "a"), waits("handler", 1, "b"), waits("handler", 1, "b")), `budget-exhausted: 1 requests wait for memory, the longest for 2.0 s: 60 of 64 MiB are in use, 20 MiB of them by client "b" at 10.0.0.1`)
	f(open(waits("request-budget", 0.5, "a")))
	f(open(waits("client", 6, "a"), waits("client", 7, "a")), `slow-client: client "a" at 10.0.0.1 (conn/0) has not read its answers for 6.0 s`)
	f(open(waits("client", 4, "a")))
	f(open(waits("fsync", 12, "a"), waits("fsync", 15, "b"), waits("fsync", 1, "c"), waits("fsm-apply", 11, "d")), "requests-stuck: 1 requests", `requests-stuck: 2 requests are stuck at the same thing; the oldest, Produce of client "b"`)
	for _, patient := range []string{"fetch-min-bytes", "rebalance", "request-body", "connection-turn", "answer-order", "socket"} {
		f(open(waits(patient, 600, "a")))
	}
	// Errors come first.
	f(Evidence{Health: Health{Clock: []ClockJump{{}}}, Status: Status{Disk: Disk{Damaged: 1}}}, "damaged", "clock-jump")
}
