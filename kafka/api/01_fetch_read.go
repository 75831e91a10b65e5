package api

import (
	"troupe/actors/kit/trace"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
)

const (
	// parallelReads is how many partitions of one fetch are read from the store at a time.
	parallelReads = 4
	// leastLent is what every fetch may have, however much other clients have been lent and do not read.
	leastLent = 128 << 10
)

// fetchGather reads the bytes of a fetch, partition after partition, within its limits: each partition gives up to its own limit of what the
// fetch has left. The first batch is given whole whatever the limits, so that every fetch gets on. Bytes come from the tail, else from
// the store: then a part of the room is reserved until it is known how much that gave.
type fetchGather struct {
	running bool
	last    bool // the answer goes out whatever is found
	at      int  // partition to read next
	room    int  // bytes that are neither given nor reserved
	bytes   int  // given
	reading int  // reads of the store under way
	first   int  // partition that may exceed the limits, -1 while none was chosen
}

// diskRead is what the store gave for one partition.
//
// From: kit's pool.
type diskRead struct {
	index   int
	reserve int // bytes that were granted
	lending *storage.Lending
	batches storage.Batches
	err     error
}

// Release gives the bytes back if nobody takes them.
func (d *diskRead) Release() {
	d.lending.Give(d.reserve)
	d.batches.Release()
}

// begin reads all partitions anew.
func (g *fetchGather) begin(f *fetchCall) {
	f.c.Op.StampFirst(trace.Located)
	*g = fetchGather{running: true, last: g.last, room: f.maxBytes, first: -1}
	g.run(f)
}

// run reads until all is read, or the store has to answer first.
func (g *fetchGather) run(f *fetchCall) {
	for {
		for g.at < len(f.parts) && g.step(f) {
			g.at++
		}
		if g.reading > 0 || g.at < len(f.parts) {
			return
		}
		if g.bytes > 0 || g.first < 0 {
			break
		}
		// Who might exceed the limits had nothing after all (a hole that compaction left): the next one may.
		g.at, g.first = g.first+1, -1
	}
	g.running = false
	f.gathered()
}

// step reads one partition; false if it has to wait for the store.
func (g *fetchGather) step(f *fetchCall) bool {
	p, w := &f.parts[g.at], &f.scope.parts[g.at]
	if p.code != code.OK || p.diverging != nil || p.preferred != noReplica || w.offset >= p.limit {
		return true
	}
	whole := g.bytes == 0 && g.first < 0
	if !whole && g.room <= 0 {
		return g.reading == 0 // what is reserved may come back
	}
	least := 0
	if whole {
		least = leastLent
	}
	most := f.c.Env.Lending.Grant(max(0, min(int(w.maxBytes), g.room)), least)
	if b, ok := f.c.Env.Tail.Read(p.partID, w.offset, p.limit, most, whole); ok {
		if whole {
			g.first = g.at
		}
		f.c.Op.Reads(1, 0)
		g.take(f, p, b, most)
		g.room -= b.Bytes
		return true
	}
	if most == 0 && !whole {
		return true // everything is lent: this partition has its turn in the next fetch
	}
	if g.reading >= parallelReads {
		f.c.Env.Lending.Give(most)
		return false
	}
	if whole {
		g.first = g.at
	}
	f.c.Op.Reads(0, 1)
	g.reading++
	g.room -= most
	d := &diskRead{index: g.at, reserve: most, lending: f.c.Env.Lending}
	data, partID, offset, limit := f.c.Env.Data, p.partID, w.offset, p.limit
	f.c.Go(func() any {
		d.batches, d.err = data.Read(partID, offset, limit, most, whole)
		return d
	})
	return true
}

// take takes what was read; granted is what it was allowed to be.
func (g *fetchGather) take(f *fetchCall, p *fetchPart, b storage.Batches, granted int) {
	f.c.Env.Lending.Give(granted - b.Bytes) // a first batch is given whole, even if it is larger
	g.bytes += b.Bytes
	if p.size = b.Bytes; b.Bytes == 0 {
		b.Release()
		p.give(nil)
		return
	}
	b.Lend(f.c.Env.Lending)
	p.give(&b)
}

func (g *fetchGather) onDisk(f *fetchCall, d *diskRead) {
	g.reading--
	p := &f.parts[d.index]
	if d.err != nil {
		f.c.Sys.Log().Error("a partition cannot be read", "partition", p.partID, "offset", f.scope.parts[d.index].offset, "err", d.err)
		d.Release()
		p.ref.Tell(partition.Unreadable{LeaderEpoch: p.image.LeaderEpoch, Err: d.err})
		p.refuse(storageCode(d.err))
		g.room += d.reserve
	} else {
		g.take(f, p, d.batches, d.reserve)
		g.room += d.reserve - d.batches.Bytes
	}
	g.run(f)
}

// gathered decides between answering and waiting.
func (f *fetchCall) gathered() {
	if f.gather.last || f.gather.bytes >= f.minBytes || f.req.MaxWaitMillis <= 0 || !f.mayWait() {
		f.c.Op.Stamp(trace.Gathered)
		f.answer()
		return
	}
	if !f.wait.begin(f) {
		f.answer()
	}
}

// mayWait says whether there is something to wait for and nothing that the client has to hear at once. A topic that is not known
// does not cut the wait short, as with Kafka: clients would ask again and again.
func (f *fetchCall) mayWait() bool {
	any := false
	for i := range f.parts {
		p := &f.parts[i]
		if p.code != code.OK && !p.refused || p.diverging != nil || p.code == code.OK && p.preferred != noReplica {
			return false
		}
		any = any || p.code == code.OK
	}
	return any
}
