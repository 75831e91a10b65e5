package run

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// MinMemory is the least --memory that a broker works with, in bytes.
const MinMemory = 64 << 20

// split is how --memory is divided: the one place where it is decided. Resident memory stays under 1.15 times the whole.
type split struct {
	memtable   int64 // each of up to four
	blockCache int64
	tail       int64
	requests   int64
	slabs      int64 // buffers of records that are kept for the next request
	reads      int64 // records that are on their way to clients
	trace      int64 // kept records of operations
	cleaner    int64 // the keys of a compaction
	garbage    int64 // what the Go heap may grow by, beside twice what is in use, before it is collected
	goLimit    int64
}

func splitMemory(total int64) split {
	return split{
		memtable:   min(total/32, 64<<20),
		blockCache: min(total/8, 256<<20),
		tail:       min(total/4, 256<<20),
		requests:   min(total/8, 256<<20),
		slabs:      min(total/32, 64<<20),
		reads:      min(total/8, 128<<20),
		trace:      min(total/64, 4<<20),
		cleaner:    total / 16,
		garbage:    min(total/32, 64<<20),
		goLimit:    total / 10 * 9,
	}
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
