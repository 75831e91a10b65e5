package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pageCache brings the memory of the machine into a known state, for a virtual machine gives free memory back to its host and pays for
// touching it again: that moves the figures of any broker that writes through the page cache threefold.
//
// The host takes memory back slowly, a sixteenth every 2 s, and the kernel gives out first what was freed last. So in the fresh state
// nothing is freed between figures: what was written stays in the cache, and old data on the disk, until a good part of the memory is
// used; then all is dropped at once, and the host is given time.
type pageCache struct {
	sparse *os.File
	size   int64
	at     atomic.Int64 // read next: always on, so that what is read is not in memory
	state  string       // reached last
	old    []string     // data directories to be deleted
}

const (
	piece   = 4 << 20
	readers = 4
	// fullAt is the share of free memory under which the cache is full: the kernel then gives out pages by dropping others, as it keeps
	// about a half of a percent free by itself.
	fullAt = 0.02
	// freshAt is the share of free memory under which fresh begins anew; oldMax directories are as much disk as is taken meanwhile.
	freshAt = 0.5
	oldMax  = 4
	// takenBack is the time after which the host has taken back nearly all.
	takenBack = 35 * time.Second
)

func newPageCache(dir string) (*pageCache, error) {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		return nil, err
	}
	// Without readahead the kernel fills with single pages: for large ones it reclaims whole ranges, and never gets full.
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM); err != nil {
		return nil, err
	}
	p := &pageCache{sparse: f, size: int64(info.Totalram) * 8 / piece * piece}
	return p, f.Truncate(p.size)
}

func (p *pageCache) close() { p.sparse.Close() }

// prepare syncs, brings the cache into the state and tells what was reached.
func (p *pageCache) prepare(state string) (string, error) {
	syscall.Sync()
	began := time.Now()
	was := p.state
	p.state = state
	if state == "fresh" {
		if was == "fresh" && freeMB() > freshAt*totalMB() && len(p.old) <= oldMax {
			return fmt.Sprintf("fresh: %.0f of %.0f MB free", freeMB(), totalMB()), nil
		}
		if err := errors.Join(p.deleteOld(), dropCaches()); err != nil {
			return "", err
		}
		time.Sleep(takenBack)
		return fmt.Sprintf("fresh, dropped: %.0f of %.0f MB free; touching new memory costs %.2f ms/MB", freeMB(), totalMB(), touch()), nil
	}
	if err := p.deleteOld(); err != nil {
		return "", err
	}
	read := p.fill()
	text := fmt.Sprintf("full: %.0f of %.0f MB free, %d MB read in %.1f s; touching new memory costs %.2f ms/MB", freeMB(), totalMB(), read>>20, time.Since(began).Seconds(), touch())
	if freeMB() > 2*fullAt*totalMB() {
		return text, fmt.Errorf("the page cache could not be filled: %s", text)
	}
	return text, nil
}

func dropCaches() error {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0o644); err != nil {
		return fmt.Errorf("the page cache cannot be dropped: %w", err)
	}
	return nil
}

// later has a directory deleted when memory may be freed.
func (p *pageCache) later(dir string) { p.old = append(p.old, dir) }

func (p *pageCache) deleteOld() (err error) {
	for _, dir := range p.old {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	p.old = nil
	return err
}

// fill reads on in the sparse file until the cache is full, at most three times the memory.
func (p *pageCache) fill() int64 {
	var read atomic.Int64
	var done sync.WaitGroup
	limit := int64(totalMB() * 3e6)
	for range readers {
		done.Go(func() {
			buf := make([]byte, piece)
			for freeMB() > fullAt*totalMB() && read.Add(piece) <= limit {
				if _, err := p.sparse.ReadAt(buf, p.at.Add(piece)%p.size); err != nil {
					return
				}
			}
		})
	}
	done.Wait()
	return read.Load()
}

// touch gives the ms that a MB of new memory costs: what the two states differ by. It takes little, and gives it back.
func touch() float64 {
	const size = 64 << 20
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return 0
	}
	defer unix.Munmap(b)
	began := time.Now()
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return time.Since(began).Seconds() * 1e3 / (size / 1e6)
}

func freeMB() float64  { return field("/proc/meminfo", "MemFree") * kB }
func totalMB() float64 { return field("/proc/meminfo", "MemTotal") * kB }

// forget drops the pages of the files under a folder, which must be on disk, and brings the rest of the cache back into its state.
func (p *pageCache) forget(dir, state string) (string, error) {
	syscall.Sync()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return nil // files come and go under a broker that runs
		}
		return dropPages(path)
	})
	if err != nil {
		return "", err
	}
	return p.prepare(state)
}

func dropPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("drop the pages of %s: %w", path, err)
	}
	return nil
}
