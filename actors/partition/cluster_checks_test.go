package partition

import (
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"troupe/actors/meta"
	"troupe/storage/record"
)

// checks are what must hold in every step of a run; their names are those of the design's list of invariants.
type checks struct {
	truth   map[int64]uint32 // offset -> checksum of the batch that a producer was told is there
	gone    int64            // below this everything was deleted, as somebody was told
	trueHW  int64            // the greatest high watermark that any leader of the present or an earlier epoch had
	unclean bool             // an unclean election has happened: what was committed may be gone
	highs   map[*Partition]int64
	leads   map[int32]int32 // by leader epoch
}

// init sets the checks up. They look at actors between steps, and at what is durable on the disks.
func (w *cluster) init() {
	w.truth, w.highs, w.leads = map[int64]uint32{}, map[*Partition]int64{}, map[int32]int32{}
	w.s.Check(w.check)
}

// confirm notes what a producer was told.
func (w *cluster) confirm(r acknowledged) {
	if was, ok := w.truth[r.offset]; ok && was != r.sum {
		w.s.Fail("D5: offset %d was acknowledged for two batches", r.offset)
	}
	w.truth[r.offset] = r.sum
	n := 0
	for _, h := range w.hosts {
		if end := durableEnd(h); end > r.offset {
			n++
		}
	}
	if min := w.minISR(); n < min {
		w.s.Fail("D7: offset %d was acknowledged, and is durable on %d replicas", r.offset, n)
	}
}

func (w *cluster) minISR() int {
	t := w.img.TopicByID(topicID)
	return w.img.MinISROf(t, &t.Partitions[0])
}

// durableEnd is the end of what a broker would find after a loss of power.
func durableEnd(h *host) int64 {
	return h.data.Durable(1).End
}

// elected is called with every state of the partition.
func (w *cluster) elected(p meta.Partition) {
	was := w.part
	w.part = p
	if p.Leader != meta.NoLeader && (p.LeaderEpoch != was.LeaderEpoch || p.Leader != was.Leader) {
		if id, ok := w.leads[p.LeaderEpoch]; ok && id != p.Leader {
			w.s.Fail("M6: brokers %d and %d lead in epoch %d", id, p.Leader, p.LeaderEpoch)
		}
		w.leads[p.LeaderEpoch] = p.Leader
		if p.Recovering {
			w.unclean = true
		}
		if end := durableEnd(w.hosts[p.Leader-1]); !w.unclean && end < w.trueHW {
			w.s.Fail("D1: broker %d was elected with a log to %d; the high watermark is %d", p.Leader, end, w.trueHW)
		}
		if start := w.hosts[p.Leader-1].data.Durable(1).Start; !w.unclean && start < w.gone {
			w.s.Fail("broker %d was elected with a log from %d; what lies below %d was deleted", p.Leader, start, w.gone)
		}
	}
	if w.unclean {
		return
	}
	for _, id := range append(slices.Clone(p.ISR), p.ELR...) {
		if end := durableEnd(w.hosts[id-1]); end < w.trueHW {
			w.s.Fail("D2: broker %d is in sync or eligible with a log to %d; the high watermark is %d", id, end, w.trueHW)
		}
	}
}

// check is called after every step.
func (w *cluster) check() error {
	for _, h := range w.hosts {
		l := h.p.log
		if !h.node.Up() || l == nil {
			continue
		}
		if l.start > l.floor || l.high > l.durable || l.durable > l.next {
			return fmt.Errorf("n%d: start %d floor %d high %d durable %d next %d", h.id, l.start, l.floor, l.high, l.durable, l.next)
		}
		if was := w.highs[h.p]; l.high < was && !w.unclean {
			return fmt.Errorf("D6: n%d: the high watermark went back from %d to %d", h.id, was, l.high)
		} else {
			w.highs[h.p] = l.high
		}
		if h.p.state != loaded || l.high <= w.trueHW {
			continue
		}
		w.trueHW = l.high
		if w.unclean {
			continue
		}
		n := 0
		for _, x := range w.hosts {
			if durableEnd(x) >= l.high {
				n++
			}
		}
		if n < w.minISR() {
			return fmt.Errorf("D7: n%d has high watermark %d, durable on %d replicas", h.id, l.high, n)
		}
		if p := w.part; p.LeaderEpoch == h.p.facts.LeaderEpoch && p.Leader == h.id {
			for _, id := range append(slices.Clone(p.ISR), p.ELR...) {
				if len(p.ISR) >= w.minISR() && !slices.Contains(l.isr, id) && !slices.Contains(l.wanted, id) {
					return fmt.Errorf("D3: n%d counts %v and %v; in sync are %v", h.id, l.isr, l.wanted, p.ISR)
				}
			}
			for _, id := range append(slices.Clone(p.ISR), p.ELR...) {
				if end := durableEnd(w.hosts[id-1]); end < w.trueHW {
					return fmt.Errorf("D2: broker %d is in sync or eligible with a log to %d; n%d has high watermark %d", id, end, h.id, l.high)
				}
			}
		}
	}
	return nil
}

// compare looks at the logs of all brokers: the same below the least high watermark, and what was acknowledged is there (D4, D5).
func (w *cluster) compare(t *testing.T) {
	t.Helper()
	sums := map[int64]uint32{}
	for _, h := range w.hosts {
		l, err := h.data.Load(1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.data.Read(1, l.Start, l.End, 1<<30, true)
		if err != nil {
			t.Fatal(err)
		}
		found := map[int64]uint32{}
		for _, run := range b.Data {
			for len(run) > 0 {
				x := record.Batch(run)
				n := record.Overhead + int(x.Length())
				one := record.Batch(run[:n])
				if !one.Intact() {
					t.Errorf("n%d: the batch at %d is damaged", h.id, one.BaseOffset())
				}
				sum := crc32.ChecksumIEEE(one)
				if was, ok := sums[one.BaseOffset()]; ok && was != sum && one.BaseOffset() < w.trueHW {
					t.Errorf("D4: n%d has another batch at %d", h.id, one.BaseOffset())
				}
				sums[one.BaseOffset()] = sum
				found[one.BaseOffset()] = one.CRC()
				run = run[n:]
			}
		}
		b.Release()
		if w.unclean {
			continue
		}
		for offset, sum := range w.truth {
			if got, ok := found[offset]; (ok || h.id == w.leader()) && offset >= l.Start && got != sum {
				t.Errorf("D5: n%d has another batch at %d than was acknowledged, or none", h.id, offset)
			}
		}
	}
}
