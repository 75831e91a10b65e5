package sim

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
)

// Seeds runs f once for each of n seeds, from 1 on; the environment overrides where to begin (SEED) and how many (N).
// With N=1 the whole trace goes to stderr. A seed that fails prints its last lines and how to repeat it. What draws from
// crypto/rand (such as Raft's election timeouts) is fixed by the seed as well, so seeds must not run in parallel.
// The sum of all runs' totals is returned.
func Seeds(t *testing.T, n int, f func(t *testing.T, s *Sim)) (sum Stats) {
	t.Helper()
	first := number("SEED", 1)
	n = number("N", n)
	for seed := first; seed < first+n; seed++ {
		stats, ok := Seed(t, uint64(seed), n == 1 && os.Getenv("SEED") != "", f)
		sum.Add(stats)
		if !ok {
			break // the first is the one to look at
		}
	}
	return sum
}

// Seed runs f for one seed, as Seeds does; all of its trace goes to stderr if it is to be told.
func Seed(t *testing.T, seed uint64, told bool, f func(t *testing.T, s *Sim)) (sum Stats, ok bool) {
	t.Helper()
	ok = t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		s := New(seed)
		if told {
			s.Trace.Full = os.Stderr
		}
		defer func() {
			s.Report(t)
			sum.Add(s.stats)
		}()
		f(t, s)
	})
	return sum, ok
}

func number(env string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	return def
}

// Report fails the test if the run has failed, and prints the end of the trace if the test has failed for any reason.
func (s *Sim) Report(t testing.TB) {
	t.Helper()
	if s.err != nil {
		t.Error(s.err)
	}
	if t.Failed() {
		t.Logf("end of the trace, after %d steps:\n%s\nreplay: make sim SEED=%d N=1", s.stats.Steps,
			strings.Join(s.Trace.Lines(), "\n"), s.Seed)
	}
}

// Add adds the totals of another run.
func (a *Stats) Add(b Stats) {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b)
	for i := range x.NumField() {
		x.Field(i).SetUint(x.Field(i).Uint() + y.Field(i).Uint())
	}
}
