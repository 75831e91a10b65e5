package cluster

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"troupe/integration/harness"
)

// nemesis makes trouble for a cluster.
type nemesis struct {
	rng    *rand.Rand
	c      *harness.Cluster
	dirs   []string
	disks  []*harness.Disk // empty where disks cannot lose their power
	faults []fault
	all    bool          // each trouble befalls all brokers
	calm   time.Duration // within which the cluster is well again
}

// A fault befalls some brokers, lasts a while and is over when do returns.
type fault struct {
	name string
	do   func(t *testing.T, victims []int)
	one  bool // it befalls one broker at a time
}

// act makes one trouble, lets it last a while, ends it and says what it was.
func (n *nemesis) act(t *testing.T) string {
	t.Helper()
	victims := n.rng.Perm(3)
	if !n.all {
		victims = victims[:1+n.rng.IntN(3)]
	}
	f := n.faults[n.rng.IntN(len(n.faults))]
	if f.one {
		victims = victims[:1]
	}
	f.do(t, victims)
	for i, b := range n.c.Brokers {
		if b.HasEnded() {
			t.Fatalf("%s %d: broker %d has ended by itself", f.name, len(victims), i+1)
		}
	}
	return fmt.Sprint(f.name, " ", len(victims))
}

func (n *nemesis) kill(_ *testing.T, victims []int) {
	n.each(victims, func(i int) { n.c.Brokers[i].Kill() })
	n.lasts(2 * time.Second)
	n.launch(victims)
}

func (n *nemesis) pause(_ *testing.T, victims []int) {
	n.each(victims, func(i int) { n.c.Brokers[i].Pause() })
	n.lasts(5 * time.Second)
	n.each(victims, func(i int) { n.c.Brokers[i].Resume() })
}

func (n *nemesis) restart(t *testing.T, victims []int) {
	n.each(victims, func(i int) {
		if code := n.c.Brokers[i].Stop(); code != 0 {
			t.Errorf("broker %d ends with code %d", i+1, code)
		}
		n.launch([]int{i})
	})
}

func (n *nemesis) power(t *testing.T, victims []int) {
	n.each(victims, func(i int) { n.disks[i].Cut() })
	n.each(victims, func(i int) { n.c.Brokers[i].Kill() })
	n.lasts(2 * time.Second)
	n.each(victims, func(i int) { n.disks[i].Back() })
	n.free(t, victims) // that space was given back may be what the cut undid
	n.launch(victims)
}

// cut loses what some links carry: one broker is cut off, is not heard, or is deaf; or one link is lost, in one direction or both; or all are.
func (n *nemesis) cut(_ *testing.T, victims []int) {
	w := n.c.Net
	one, a, b := victims[0], (victims[0]+1)%3, (victims[0]+2)%3
	switch {
	case len(victims) == 3:
		w.Split([]int{0}, []int{1, 2})
		w.Split([]int{1}, []int{2})
	case len(victims) == 2:
		if w.Cut(one, victims[1]); n.rng.IntN(2) == 0 {
			w.Cut(victims[1], one)
		}
	default:
		switch n.rng.IntN(3) {
		case 0:
			w.Split([]int{one}, []int{a, b})
		case 1:
			w.Cut(one, a)
			w.Cut(one, b)
		default:
			w.Cut(a, one)
			w.Cut(b, one)
		}
	}
	n.lasts(6 * time.Second)
	w.Heal()
}

// full: another program takes all space, and what the broker gives up meanwhile.
func (n *nemesis) full(t *testing.T, victims []int) {
	long := time.Duration(n.rng.Int64N(int64(4 * time.Second)))
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		n.each(victims, func(i int) { n.disks[i].Fill(0) })
	}
	n.free(t, victims)
}

// free gives back the space that full took, if it has.
func (n *nemesis) free(t *testing.T, victims []int) {
	n.each(victims, func(i int) {
		if err := os.Remove(filepath.Join(n.disks[i].Dir, "filler")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	})
}

func (n *nemesis) each(victims []int, f func(i int)) {
	for _, i := range victims {
		f(i)
	}
}

func (n *nemesis) lasts(most time.Duration) { time.Sleep(time.Duration(n.rng.Int64N(int64(most)))) }

func (n *nemesis) launch(victims []int) {
	n.each(victims, func(i int) { n.c.Brokers[i].Launch() })
	n.each(victims, func(i int) { n.c.Brokers[i].AwaitReady() })
}
