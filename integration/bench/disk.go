package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	block      = 4096
	diskWrites = 300
)

// diskP50 is the median time in ms of one write of 4 KiB and its fdatasync, by direct I/O into a file whose blocks are allocated and
// written already: the least that an acknowledgement after a sync can take.
func diskP50(dir string) (float64, error) {
	path := filepath.Join(dir, "disk")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_DIRECT, 0o644)
	if err != nil {
		return 0, fmt.Errorf("direct I/O: %w", err)
	}
	defer os.Remove(path)
	defer f.Close()
	raw := make([]byte, 257*block)
	skip := (block - int(uintptr(unsafe.Pointer(&raw[0]))%block)) % block // direct I/O wants it aligned
	buf := raw[skip : skip+256*block]
	for at := int64(0); at < diskWrites*block; at += int64(len(buf)) {
		if _, err := f.WriteAt(buf, at); err != nil {
			return 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	var ms []float64
	for i := range int64(diskWrites) {
		began := time.Now()
		if _, err := f.WriteAt(buf[:block], i*block); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		ms = append(ms, time.Since(began).Seconds()*1e3)
	}
	slices.Sort(ms)
	return ms[len(ms)/2], nil
}
