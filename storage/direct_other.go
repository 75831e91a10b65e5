//go:build !linux

package storage

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// direct is for Linux only.
func direct(fs vfs.FS) vfs.FS { return fs }

func setDirect(uintptr, bool) error { return errors.ErrUnsupported }
