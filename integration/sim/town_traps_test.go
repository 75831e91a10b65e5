package sim

import (
	"strings"
	"testing"
)

// TestTraps sets each trap in every trouble of some clusters. The mutation that a trap is there for must fail some of them: see
// integration/mutants, which runs one trap at a time. With -short there are a few clusters each.
func TestTraps(t *testing.T) {
	n := number("N", 60)
	if testing.Short() {
		n = number("N", 8)
	}
	for _, x := range traps {
		t.Run(x.name, func(t *testing.T) {
			var sum Totals
			for _, seed := range clusterSeeds(number("SEED", 1), n) {
				o := OptionsOf(seed)
				o.Trap = x.name
				r := Run(o)
				sum.Add(r.Totals)
				if r.Err != nil {
					t.Fatalf("%s\n%v\nbut with this trap: go run ./integration/sim/cmd -seed %d -n 1 -trap %s", strings.Join(r.Trace, "\n"), r.Err, seed, x.name)
				}
			}
			if sum.Traps == 0 && !testing.Short() {
				t.Error("it never sprang")
			}
			t.Logf("%d seeds: %s", n, sum)
		})
	}
}
