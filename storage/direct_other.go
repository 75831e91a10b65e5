//go:build !linux

package storage

import "github.com/cockroachdb/pebble/v2/vfs"

// direct is for Linux only.
func direct(fs vfs.FS) vfs.FS { return fs }
