package admin

import (
	"testing"
	"time"
)

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
			if got[i].Code != want[i] || got[i].Text == "" {
				t.Fatalf("finding %d is %+v, want %s", i, got[i], want[i])
			}
		}
	}
	f(Evidence{})
	f(Evidence{Status: Status{Raft: Raft{Persisted: 12, Committed: 12, Applied: 11, Behind: 1, BehindFor: 5}}}, "not-applied")
	f(Evidence{Status: Status{Raft: Raft{Persisted: 12, Committed: 12, Applied: 11, Behind: 1, BehindFor: 0.5}}})
	f(Evidence{Status: Status{Raft: Raft{Persisted: 12, Committed: 11, Applied: 11, BehindFor: 5}}}, "not-committed")
	f(Evidence{Status: Status{Raft: Raft{Persisted: 12, Committed: 12, Applied: 12}}})
	f(Evidence{Status: Status{Raft: Raft{Pending: 2, OldestFor: 6}}}, "proposal-waits")
	f(Evidence{Status: Status{Steps: []Step{{Name: "a", Done: true, Seconds: 9}, {Name: "b", WaitsFor: "a leader", Seconds: 6}, {Name: "c", Seconds: 0}}}}, "boot-waits")
	f(Evidence{Status: Status{Steps: []Step{{Name: "b", WaitsFor: "a leader", Seconds: 3}}}})
	f(Evidence{Strays: []Stray{{PartID: 7, Name: "partition/x-0", Index: 9}, {PartID: 8, Index: 9}}}, "stray-partition", "stray-partition")
	f(Evidence{Actors: []Actor{{Name: "x", Current: "Append", CurrentMs: 1500}, {Name: "y", Current: "Append", CurrentMs: 15}}}, "actor-blocked")
	f(Evidence{Status: Status{Disk: Disk{Full: true}}}, "disk-full")
	f(Evidence{Status: Status{Disk: Disk{Damaged: 2}}}, "damaged")
	f(Evidence{Status: Status{NodeID: 1, Ready: true, Brokers: []Broker{{ID: 1, Fenced: true}, {ID: 2, Fenced: true}}}}, "fenced")
}
