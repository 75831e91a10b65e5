package soak

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ledger is what the producers of one topic were promised and what its reader has seen, as far as it is not settled yet. A record's value
// begins with the number that its producer gave it in its partition, from 0 on.
type ledger struct {
	topic string
	exact bool // idempotent: the numbers stand in the log one after the other, each once
	weeds bool // compacted: a record may be missing if a later one of its key is there

	mu    sync.Mutex
	parts []page
	acked int
	wrong []string
}

// page is one partition.
type page struct {
	next   uint64            // the number of the next record to be sent
	acked  uint64            // one more than the greatest number that was acknowledged
	seen   uint64            // one more than the greatest number that was read
	offset int64             // one more than the last offset that was read
	open   map[uint64]string // acknowledged and not read yet: its key
	early  map[uint64]bool   // read and not acknowledged yet
	newest map[string]uint64 // of a compacted log, by key
}

func newLedger(topic string, partitions int, exact, weeds bool) *ledger {
	l := &ledger{topic: topic, exact: exact, weeds: weeds, parts: make([]page, partitions)}
	for i := range l.parts {
		l.parts[i] = page{open: map[uint64]string{}, early: map[uint64]bool{}, newest: map[string]uint64{}}
	}
	return l
}

func (l *ledger) number(partition int32) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.parts[partition]
	p.next++
	return p.next - 1
}

// ack notes that a record is promised.
func (l *ledger) ack(partition int32, n uint64, key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.parts[partition]
	l.acked++
	p.acked = max(p.acked, n+1)
	if p.early[n] {
		delete(p.early, n)
		return
	}
	p.open[n] = key
}

// fail notes what is wrong.
func (l *ledger) fail(format string, args ...any) {
	if len(l.wrong) < 10 {
		l.wrong = append(l.wrong, l.topic+": "+fmt.Sprintf(format, args...))
	}
}

// read notes a record that the reader got. Readers never get one twice.
func (l *ledger) read(partition int32, offset int64, key, value []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.parts[partition]
	if len(value) < 8 {
		l.fail("partition %d offset %d: a value of %d bytes", partition, offset, len(value))
		return
	}
	n := binary.BigEndian.Uint64(value)
	for i, b := range value[8:] {
		if b != filler(n, i) {
			l.fail("partition %d offset %d: record %d is not what was sent", partition, offset, n)
			break
		}
	}
	if offset < p.offset || offset > p.offset && !l.weeds {
		l.fail("partition %d: offset %d follows %d", partition, offset, p.offset-1)
	}
	if l.exact && (n < p.seen || n > p.seen && !l.weeds) {
		l.fail("partition %d offset %d: record %d follows record %d", partition, offset, n, int64(p.seen)-1)
	}
	p.offset, p.seen = offset+1, max(p.seen, n+1)
	if _, ok := p.open[n]; ok {
		delete(p.open, n)
	} else {
		p.early[n] = true
	}
	if l.weeds {
		p.newest[string(key)] = n
	}
}

// filler is what byte i of the value of record n is, behind its number: it can be compressed and is never the same.
func filler(n uint64, i int) byte { return byte(n>>(8*(i/16%3))) + byte(i%16) }

func valueOf(n uint64, size int) []byte {
	v := binary.BigEndian.AppendUint64(make([]byte, 0, size), n)
	for i := range size - 8 {
		v = append(v, filler(n, i))
	}
	return v
}

// settle looks at what is left when producers and readers have come to rest. What compaction took out before it was read has a later record.
func (l *ledger) settle() (wrong []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.parts {
		p := &l.parts[i]
		lost := []uint64{}
		for n, key := range p.open {
			if !l.weeds || p.newest[key] <= n {
				lost = append(lost, n)
			}
		}
		slices.Sort(lost)
		if len(lost) > 0 {
			l.fail("partition %d: %d acknowledged records are lost, from %d to %d (the reader is at offset %d)", i, len(lost), lost[0], lost[len(lost)-1], p.offset)
		}
	}
	return l.wrong
}

// behind is how many acknowledged records no reader has seen yet.
func (l *ledger) behind() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.parts {
		if p := &l.parts[i]; p.seen < p.acked {
			n += int(p.acked - p.seen)
		}
	}
	return n
}

// forget drops numbers whose outcome nobody will hear of: of plain producers, far behind what is read.
func (l *ledger) forget() {
	const far = 200_000
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.parts {
		for n := range l.parts[i].early {
			if n+far < l.parts[i].seen {
				delete(l.parts[i].early, n)
			}
		}
	}
}

// clock collects how long produce requests took, from the record's handing over to its acknowledgement.
type clock struct {
	mu   sync.Mutex
	took []time.Duration
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.took) < 1<<20 {
		c.took = append(c.took, d)
	}
}

// take gives the median and the 99th percentile since the last call.
func (c *clock) take() (p50, p99 time.Duration) {
	c.mu.Lock()
	list := c.took
	c.took = nil
	c.mu.Unlock()
	if len(list) == 0 {
		return 0, 0
	}
	slices.Sort(list)
	return list[len(list)/2], list[len(list)*99/100]
}
