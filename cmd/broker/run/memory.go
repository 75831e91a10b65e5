package run

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"troupe/storage"
)

// MinMemory is the least --memory that a broker works with, in bytes.
const MinMemory = 64 << 20

// split is how --memory is divided: the one place where it is decided. What all of it may take at the same time, worst, is at most the whole
// from 256 MiB on; resident memory stays under 1.15 times that.
type split struct {
	total      int64
	beside     int64 // how many brokers share the process, and with it the heap and the pool of slabs
	memtable   int64 // each of up to five: four that wait to be written out, and one that is kept for the next
	blockCache int64
	metaTable  int64 // each of up to three of the metadata store
	metaCache  int64
	readCache  int64 // records that were read from the disk lately, or ahead of readers
	tail       int64
	requests   int64
	giants     int64 // requests that name many things
	slabs      int64 // buffers of records that are kept for the next request
	reads      int64 // records that are on their way to clients
	unread     int64 // answers of other kinds that clients do not read
	trace      int64 // kept records of operations
	cleaner    int64 // the keys of a compaction
	groups     int64 // what members of consumer groups say, are called, and are assigned
	ballast    int64 // what the Go heap may grow by, beside twice what is in use, before it is collected
	garbage    int64 // as much again as lives on the Go heap
}

const (
	// memoryBase is what an idle broker takes whatever it is given: the program itself, its runtime, the buffers of files.
	memoryBase = 48 << 20
	// memtables and metaTables are how many of each there may be at a time.
	memtables  = 5
	metaTables = 3
	// leastTail is what the tail may take however much new memory costs.
	leastTail = 256 << 20
	// leastHeap is what the Go heap may always have: with less an idle broker would do nothing but collect.
	leastHeap = 40 << 20
)

func splitMemory(total int64) split {
	rest := max(total-memoryBase, total/2)
	return split{
		total:      total,
		beside:     1,
		memtable:   min(rest/40, 64<<20),
		blockCache: min(rest/32, 64<<20),
		metaTable:  max(min(rest/128, storage.MetaMemTable), 1<<20),
		metaCache:  min(rest/128, storage.MetaCache),
		readCache:  min(rest/20, 192<<20),
		tail:       min(rest*3/16, 2<<30),
		requests:   min(rest/8, 256<<20),
		giants:     min(rest/20, 96<<20),
		slabs:      min(rest/32, 64<<20),
		reads:      min(rest/12, 128<<20),
		unread:     min(rest/20, 64<<20),
		trace:      min(rest/64, 4<<20),
		cleaner:    rest / 24,
		groups:     max(rest/64, 1<<20),
		ballast:    min(rest/32, 64<<20),
		garbage:    rest / 8,
	}
}

// worst is what everything may take together. One request at a time may go beyond what requests may
// take, by as much as it is longer (socket.request.max.bytes): a client that was never told of a limit must get through.
func (s *split) worst() int64 {
	return memoryBase + s.pebble() + s.readCache + s.tail + s.requests + s.giants + s.slabs + s.reads + s.unread +
		s.trace + s.cleaner + s.groups + s.ballast + s.garbage
}

// pebble is what the memtables and block caches of both stores may take.
func (s *split) pebble() int64 {
	return memtables*s.memtable + s.blockCache + metaTables*s.metaTable + s.metaCache
}

// goLimit is what the Go heap may take while slabs take mapped bytes outside of it. Where there is no C, memtables and block caches are on it.
func (s *split) goLimit(mapped int64) int64 {
	limit := s.beside*(s.total-memoryBase/2) - mapped // the other half of the base is Go's
	if cgo {
		limit -= s.beside * s.pebble()
	}
	return max(limit, leastHeap) + s.ballast // which counts, and takes nothing
}

// tight says whether so much lives on the Go heap that what is kept for clients, for as long as they want, must not grow: what is left of the limit
// is for requests, and for garbage. Without it the collector would do nothing but collect, and then the limit would not hold.
func tight(live, ballast, limit int64) bool {
	return live-ballast > (limit-ballast)/8*7
}

// paceHeap makes the limit of the Go heap follow what is taken outside of it, and its garbage what lives on it, until somebody else sets them; and
// tells whether it is tight.
func (s *split) paceHeap(tell func(isTight bool)) (again func()) {
	set := s.goLimit(storage.MappedSlabs())
	debug.SetMemoryLimit(set)
	percent := debug.SetGCPercent(defaultGOGC)
	if debug.SetGCPercent(percent); percent != defaultGOGC {
		percent = -1 // GOGC says what is wanted
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	return func() {
		if debug.SetMemoryLimit(-1) == set {
			set = s.goLimit(storage.MappedSlabs())
			debug.SetMemoryLimit(set)
		}
		metrics.Read(live)
		tell(tight(int64(live[0].Value.Uint64()), int64(ballastLen()), s.goLimit(storage.MappedSlabs())))
		if want := gcPercent(live[0].Value.Uint64(), ballastLen()); percent >= 0 && (want-percent >= 5 || percent-want >= 5) {
			if old := debug.SetGCPercent(want); old != percent { // somebody has set it
				debug.SetGCPercent(old)
				want = -1
			}
			percent = want
		}
	}
}

const (
	defaultGOGC = 100
	// idleHeap is about what lives on the heap of a broker with few partitions.
	idleHeap = 20 << 20
)

// gcPercent is GOGC while live bytes, the ballast among them, were on the heap after the last collection. The ballast makes up for a small heap;
// where the heap is large, as much garbage as really lives is enough.
func gcPercent(live, ballast uint64) int {
	if live == 0 || live <= ballast {
		return defaultGOGC
	}
	return min(int(defaultGOGC*max(live-ballast, ballast+idleHeap)/live), defaultGOGC)
}

// ballast is never touched, so it takes no memory of the machine, but the collector counts it.
var ballast atomic.Pointer[[]byte]

// allowGarbage lets the process's Go heap grow by n bytes more before it is collected. Records, memtables and the block cache lie outside the
// heap, so little is in use there and the collector would run for every few buffers in which a flush lays out its blocks, and give their memory
// back each time.
func allowGarbage(n int64) {
	if ballastLen() == uint64(n) {
		return
	}
	b := make([]byte, n)
	ballast.Store(&b)
}

func ballastLen() uint64 {
	if b := ballast.Load(); b != nil {
		return uint64(len(*b))
	}
	return 0
}

// machineMemory is what the machine has, or what the cgroup allows if that is less.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	total := int64(1 << 30)
	if unix.Sysinfo(&info) == nil {
		total = int64(info.Totalram) * int64(info.Unit)
	}
	for _, f := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 && n < total {
			total = n
		}
	}
	return total
}
