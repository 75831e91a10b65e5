//go:build !cgo || !linux

package storage

// keepBlocks is for the C library of GNU: without cgo, blocks come from Go's heap.
func keepBlocks() {}
