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

// TestSeeds is the short version of make sim: the first seeds, two of them on Pebble.
func TestSeeds(t *testing.T) {
	first, n := number("SEED", 1), number("N", 60)
	var sum Totals
	for seed := first; seed < first+n; seed++ {
		o := OptionsOf(uint64(seed))
		if f := os.Getenv("TRACE"); f != "" {
			w, err := os.Create(f)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			o.Trace = w
		}
		r := Run(o)
		sum.Add(r.Totals)
		if r.Err != nil {
			t.Fatalf("%s\n%v", strings.Join(r.Trace, "\n"), r.Err)
		}
	}
	t.Logf("%d seeds: %s", n, sum)
}
