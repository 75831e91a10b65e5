//go:build !cgo

package run

// cgo says whether Pebble keeps memtables and block cache outside of the Go heap.
const cgo = false
