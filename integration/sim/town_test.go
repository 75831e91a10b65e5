package sim

import (
	"strings"
	"testing"
)

// clusterSeeds are the first n seeds of clusters.
func clusterSeeds(first, n int) (list []uint64) {
	for seed := uint64(first); len(list) < n; seed++ {
		if OptionsOf(seed).Nodes > 1 {
			list = append(list, seed)
		}
	}
	return list
}

// TestClusters is the short version of make sim for clusters.
func TestClusters(t *testing.T) {
	n := number("N", 30)
	var sum Totals
	for _, seed := range clusterSeeds(number("SEED", 1), n) {
		r := Run(OptionsOf(seed))
		sum.Add(r.Totals)
		if r.Err != nil {
			t.Fatalf("%s\n%v", strings.Join(r.Trace, "\n"), r.Err)
		}
	}
	t.Logf("%d seeds: %s", n, sum)
	if n < 30 {
		return
	}
	for name, x := range map[string]uint64{"crashes": sum.Crashes, "unsynced writes lost": sum.Unsynced, "batches sent again": sum.Repeated, "elections": sum.Elections,
		"cuts": sum.Cuts, "leaders elected": sum.Leaders, "ISR changes": sum.ISRs, "truncations": sum.Truncations, "moves": sum.Moves,
		"topics deleted": sum.Deleted, "slow disks": sum.Slow, "stuck disks": sum.Stuck, "clock jumps": sum.Jumps, "traps sprung": sum.Traps, "resets": sum.Resets, "disks lost": sum.Replaced, "pauses": sum.Pauses, "full disks": sum.Full, "commits of groups": sum.Committed,
		"brokers that ended themselves": sum.Fatals,
		"orderly stops":                 sum.Stops} {
		if x == 0 {
			t.Errorf("in all seeds no %s: the simulation has gone blind", name)
		}
	}
}

// The same seed of a cluster does the same, message by message.
func TestSameClusterSameTrace(t *testing.T) {
	for _, seed := range clusterSeeds(1, 3) {
		one, two := Run(OptionsOf(seed)), Run(OptionsOf(seed))
		if one.Hash != two.Hash || one.Totals != two.Totals {
			t.Errorf("seed %d: %s\nand then: %s", seed, one.Totals, two.Totals)
		}
	}
}

// With fsync off clusters must fail, though every record is on three brokers: sometimes the power of all fails at once.
func TestClusterWithoutSyncItFails(t *testing.T) {
	for name, o := range map[string]Options{"data": {Nodes: 3, NoSyncData: true}, "meta": {Nodes: 3, NoSyncMeta: true}} {
		caught := 0
		var reasons []string
		for _, seed := range clusterSeeds(1, 8) {
			o.Seed = seed
			if r := Run(o); r.Err != nil {
				caught++
				reason, _, _ := strings.Cut(r.Err.Error(), "\n")
				reasons = append(reasons, reason)
			}
		}
		t.Logf("%s: fsync off was caught by %d of 8 seeds:\n%s", name, caught, strings.Join(reasons, "\n"))
		if caught < 4 {
			t.Errorf("%s: fsync off was caught by %d of 8 seeds only", name, caught)
		}
	}
}

// Seeds of clusters that failed once.
func TestClustersThatFailedOnce(t *testing.T) {
	for _, seed := range []uint64{
		1463, // a broker that restarted led in an epoch before its log's, and forgot the later one: its log was never cut
		259,  // a broker that was away let nobody in whose disk had been replaced meanwhile, and that was who led the metadata
	} {
		if r := Run(OptionsOf(seed)); r.Err != nil {
			t.Errorf("%v", r.Err)
		}
	}
}
