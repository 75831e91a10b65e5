//go:build unix

package storage

import "golang.org/x/sys/unix"

// mapBytes takes zeroed memory outside the Go heap; nil if there is none (too many mappings): the heap serves then.
func mapBytes(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return b
}

func unmapBytes(b []byte) {
	// An error means that b was not mapped but came from the heap: nothing to give back then.
	_ = unix.Munmap(b)
}

// threadTime is what the thread has had of a processor, in ns; 0 where it cannot be told.
func threadTime() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return t.Nano()
}
