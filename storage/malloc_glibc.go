//go:build cgo && linux

package storage

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
// What is freed stays in the arena that it came from, and a new thread takes an arena of its own: memtables freed in one are of no use to a
// thread with another, and all arenas together would grow far beyond what is in use at any time. How many there may be is settled when a
// second thread first asks for memory, which is before any code of Go runs.
//
// By default each block of more than 128 KB goes back to the system, and every block that Pebble reads then touches new memory, page by page: so
// blocks are kept for the next ones. Memtables are larger than what is kept.
static void __attribute__((constructor)) keep(void) {
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}
#endif
*/
import "C"
