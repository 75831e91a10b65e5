package sim

import (
	"strings"
	"testing"
)

// TestClusters is the short version of make sim for clusters.
func TestClusters(t *testing.T) {
	first, n := number("SEED", 3), number("N", 40)
	var sum Totals
	for i := range n {
		seed := uint64(first + i*EveryCluster)
		r := Run(OptionsOf(seed))
		sum.Add(r.Totals)
		if r.Err != nil {
			t.Fatalf("%s\n%v", strings.Join(r.Trace, "\n"), r.Err)
		}
	}
	t.Logf("%d seeds: %s", n, sum)
}
