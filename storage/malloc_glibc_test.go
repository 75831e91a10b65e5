//go:build cgo && linux

package storage

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// Memory of the C library that is freed on one thread is there for all others: there is one arena. What several keep adds up beyond --memory.
func TestOneArena(t *testing.T) {
	all := sync.WaitGroup{}
	started := make(chan bool)
	for range 16 {
		all.Go(func() {
			runtime.LockOSThread() // a thread of its own, that ends with it
			<-started
			pebble.NewCache(1 << 20).Unref() // lies in C
		})
	}
	close(started)
	all.Wait()
	if n := threadArenas(t); n > 0 {
		t.Errorf("%d arenas beside the main one", n)
	}
}

// threadArenas counts them in the map of this process: each begins with a heap of 64 MiB, at a multiple of that, of which only a part may be used yet.
func threadArenas(t *testing.T) (n int) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	const size = 64 << 20
	var begin, end uint64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uint64
		var may string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &may); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(may, "rw") && from%size == 0:
			begin, end = from, to
		case strings.HasPrefix(may, "---") && begin != 0 && from == end && to == begin+size:
			n++
			begin = 0
		default:
			begin = 0
		}
	}
	return n
}
