//go:build cgo && linux

package storage

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
// What is freed stays in the arena that it came from, and a new thread takes an arena of its own: memtables freed in one are of no use to a
// thread with another, and all arenas together would grow far beyond what is in use at any time. How many there may be is settled when a
// second thread first asks for memory, which is before any code of Go runs.
__attribute__((constructor)) static void one(void) { mallopt(M_ARENA_MAX, 1); }

static void keep(int map, int trim) {
	mallopt(M_MMAP_THRESHOLD, map);
	mallopt(M_TRIM_THRESHOLD, trim);
}
#else
static void keep(int map, int trim) {}
#endif
*/
import "C"

// keepBlocks lets the C library keep the memory of Pebble's blocks for the next ones. By default it gives each block of more than 128 KB back to
// the system, and every block that is read then touches new memory, page by page. Memtables are larger than what is kept.
func keepBlocks() { C.keep(32<<20, 64<<20) }
