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
