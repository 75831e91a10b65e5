package sim

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// number is a setting of the environment: SEED, N.
func number(env string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	return def
}

// manySeeds is how many seeds see each kind of fault a few times: one disk in six fails, in one of four ways.
const manySeeds = 160

// TestSeeds is the short version of make sim, in one process: the first seeds, one of them on Pebble.
func TestSeeds(t *testing.T) {
	first, n := number("SEED", 1), number("N", manySeeds)
	var sum Totals
	for seed := first; seed < first+n; seed++ {
		o := OptionsOf(uint64(seed))
		o.Nodes = 0 // see TestClusters for more than one
		r := Run(o)
		sum.Add(r.Totals)
		if r.Err != nil {
			t.Fatalf("%s\n%v", strings.Join(r.Trace, "\n"), r.Err)
		}
	}
	t.Logf("%d seeds: %s", n, sum)
	if n < manySeeds {
		return
	}
	for _, seed := range failedOnce {
		if r := Run(Options{Seed: seed}); r.Err != nil {
			t.Errorf("%s\n%v", strings.Join(r.Trace, "\n"), r.Err)
		}
	}
	for name, x := range map[string]uint64{"batches that timed out": sum.TimedOut, "batches refused": sum.Refused, "batches sent again": sum.Repeated,
		"trims": sum.Trims, "topics deleted": sum.Deleted, "unsynced writes lost": sum.Unsynced, "orderly stops": sum.Stops,
		"offsets committed": sum.Committed, "groups joined": sum.Joined, "deletions by retention": sum.Retained, "compactions": sum.Compactions,
		"records compacted away": sum.Compacted, "tombstones": sum.Tombstones, "elections": sum.Elections, "clock jumps": sum.Jumps, "slow disks": sum.Slow,
		"stuck disks": sum.Stuck, "full disks": sum.Full, "write errors": sum.Faults[WriteError], "sync errors": sum.Faults[SyncError],
		"write errors of metadata": sum.Faults[MetaWriteError], "sync errors of metadata": sum.Faults[MetaSyncError], "faults healed": sum.Healed,
		"torn writes": sum.Torn} {
		if x == 0 {
			t.Errorf("in all seeds no %s: the simulation has gone blind", name)
		}
	}
}

// failedOnce are seeds that a fault was found by; what they do has changed since.
var failedOnce = []uint64{59, 22635, 761, 1117, 8572, 309, 7048, 253}

// The same seed does the same, message by message; another seed does something else.
func TestSameSeedSameTrace(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := uint64(1); seed <= 12; seed++ {
		one, two := Run(Options{Seed: seed}), Run(Options{Seed: seed})
		if one.Hash != two.Hash || one.Totals != two.Totals {
			t.Fatalf("seed %d: %s\nand then: %s", seed, one.Totals, two.Totals)
		}
		if other, ok := seen[one.Hash]; ok {
			t.Fatalf("seeds %d and %d have the same trace", other, seed)
		}
		seen[one.Hash] = seed
	}
}

// With fsync off the run must fail: a simulation that does not notice proves nothing. Each store lies on its own.
func TestWithoutSyncItFails(t *testing.T) {
	for _, lie := range []struct {
		what string
		o    Options
		want []string // one of these is the reason
	}{
		{"data", Options{NoSyncData: true}, []string{"is lost", "promised", "was acknowledged as", "was consumed as", "went back", "out of range"}},
		{"meta", Options{NoSyncMeta: true}, []string{"is not in the image", "went back", "another one than before", "given twice", "promised", "is lost",
			"does not start", "has been applied", "was seen to start", "partitions at"}},
	} {
		caught := 0
		var reasons []string
		for seed := uint64(1); seed <= 20; seed++ {
			lie.o.Seed = seed
			r := Run(lie.o)
			if r.Err == nil {
				continue
			}
			reason, _, _ := strings.Cut(r.Err.Error(), "\n")
			reasons = append(reasons, reason)
			for _, w := range lie.want {
				if strings.Contains(reason, w) {
					caught++
					break
				}
			}
		}
		t.Logf("%s: fsync off was caught by %d of 20 seeds:\n%s", lie.what, caught, strings.Join(reasons, "\n"))
		if caught < 10 {
			t.Errorf("%s: fsync off was caught by %d of 20 seeds only", lie.what, caught)
		}
	}
}
