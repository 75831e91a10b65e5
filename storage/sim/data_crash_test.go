package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// crashRun is one life of an engine that ends in a crash: writes, some of them waited for, and what must be there afterwards.
type crashRun struct {
	*logs
	rng   *rand.Rand
	acked map[uint32]int64 // end offset that was confirmed
	sent  map[uint32][]byte
	open  []*storage.Write
	used  []*storage.Write
}

func newCrashRun(t testing.TB, rng *rand.Rand) *crashRun {
	return &crashRun{newLogs(t), rng, map[uint32]int64{}, map[uint32][]byte{}, nil, nil}
}

// live runs some writes; at most three await their sync, as with the writer actor.
func (c *crashRun) live(d storage.Data) {
	for range 20 + c.rng.IntN(40) {
		batches := map[uint32][]record.Record{}
		for id := range uint32(4) {
			if c.rng.IntN(2) == 0 {
				size := c.rng.IntN(1 << c.rng.IntN(15))
				if c.rng.IntN(30) == 0 {
					size = c.rng.IntN(700 << 10) // stored in pieces
				}
				rs := rec(1+c.rng.IntN(3), int64(c.rng.IntN(1000)), size)
				for i := range rs {
					noise(c.rng, rs[i].Value)
				}
				batches[id] = rs
			}
		}
		if len(batches) == 0 {
			continue
		}
		o := record.Plain()
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = 9, 0, 0
		w := c.write(batches, o)
		for _, a := range w.Records {
			c.sent[a.PartID] = append(c.sent[a.PartID], a.Slab.Batch(a.At)...)
		}
		must(c.t, d.Apply(w))
		c.open, c.used = append(c.open, w), append(c.used, w)
		for len(c.open) > c.rng.IntN(4) {
			must(c.t, d.Wait(c.open[0]))
			for _, a := range c.open[0].Records {
				c.acked[a.PartID] = a.Last + 1
			}
			c.open = c.open[1:]
		}
	}
}

// check says what is wrong with the store after the crash: an acknowledged record is gone, a hole, other bytes, a wrong producer state.
func (c *crashRun) check(d storage.Data) error {
	for id := range uint32(4) {
		l, err := d.Load(id)
		if err != nil {
			return err
		}
		if l.End < c.acked[id] {
			return fmt.Errorf("partition %d ends at %d, but %d was acknowledged", id, l.End, c.acked[id])
		}
		b, err := d.Read(id, 0, l.End, 1<<30, true)
		if err != nil {
			return err
		}
		got := flat(b)
		if !bytes.HasPrefix(c.sent[id], got) {
			return fmt.Errorf("partition %d holds other bytes than were written", id)
		}
		if int64(len(got)) != l.Bytes {
			return fmt.Errorf("partition %d holds %d bytes and counts %d", id, len(got), l.Bytes)
		}
		for last := int64(0); len(got) > 0; {
			x := record.Batch(got)
			if x.BaseOffset() != last {
				return fmt.Errorf("partition %d has a hole before %d", id, x.BaseOffset())
			}
			last = x.LastOffset() + 1
			got = got[int(x.Length())+record.Overhead:]
			if len(got) == 0 && (len(l.Producers) != 1 || l.Producers[0].Batches[0].Last+1 != l.End) {
				return fmt.Errorf("partition %d: the producer's state %+v does not fit the end %d", id, l.Producers, l.End)
			}
		}
	}
	return nil
}

// end settles what the dead process still held.
func (c *crashRun) end(d storage.Data) {
	for _, w := range c.open {
		_ = d.Wait(w) // it was applied: this frees the engine's references
	}
	for _, w := range c.used {
		release(w)
	}
}

// crashPebble is one seed of the real engine: a life, a power cut, the check of what is left.
func crashPebble(t *testing.T, seed uint64, o storage.Options) error {
	rng := rand.New(rand.NewPCG(seed, 7))
	disk := sim.NewDisk()
	c := newCrashRun(t, rng)
	s := pebble(t, disk, o)
	c.live(s)
	after := disk.Crash(rng, []int{0, 20, 50, 80, 100}[seed%5])
	c.end(s)
	must(t, s.Close())
	again, err := after.Open("data", o)
	if err != nil {
		return err
	}
	err = c.check(again)
	return errors.Join(err, again.Close())
}

func TestCrashKeepsWhatWasAcknowledged(t *testing.T) {
	before := storage.SlabsLive()
	t.Run("pebble", func(t *testing.T) {
		for seed := range uint64(50) {
			if err := crashPebble(t, seed, storage.Options{}); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
	})
	t.Run("model", func(t *testing.T) {
		for seed := range uint64(50) {
			if err := crashModel(t, seed, false); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
	})
	if n := storage.SlabsLive() - before; n != 0 {
		t.Errorf("%d slabs leaked", n)
	}
}

func crashModel(t *testing.T, seed uint64, lie bool) error {
	rng := rand.New(rand.NewPCG(seed, 7))
	d := sim.NewData()
	d.NoSync = lie
	c := newCrashRun(t, rng)
	c.live(d)
	after := d.Crash(rng)
	c.end(d)
	return c.check(after)
}

// TestCrashNoticesMissingSync is the mutation of the test above: a store that confirms what it did not sync must be caught.
func TestCrashNoticesMissingSync(t *testing.T) {
	caught := map[string]int{}
	for seed := range uint64(10) {
		if crashPebble(t, seed, storage.Options{DisableSync: true}) != nil {
			caught["pebble"]++
		}
		if crashModel(t, seed, true) != nil {
			caught["model"]++
		}
	}
	if caught["pebble"] < 5 || caught["model"] < 5 {
		t.Errorf("10 seeds without sync, noticed: %v", caught)
	}
}

func TestFaults(t *testing.T) {
	d := sim.NewData()
	l := newLogs(t)
	w := l.write(map[uint32][]record.Record{1: rec(1, 1, 1)}, record.Plain())
	must(t, d.Apply(w))
	d.SetFaults(sim.Faults{Fail: errors.New("EIO"), Full: true})
	if err := d.Wait(w); err == nil {
		t.Error("Wait returned nil")
	}
	d.SetFaults(sim.Faults{})
	if err := d.Apply(w); err == nil {
		t.Error("a failed store applied a write")
	}
	release(w)
}
