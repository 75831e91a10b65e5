package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	walrecord "github.com/cockroachdb/pebble/v2/record"
)

// Why a data store cannot be opened. Match with errors.Is; the text around says which directory, and is one line for people.
var (
	ErrLocked     = errors.New("another process has the data directory open: stop it, or choose another --data-dir")
	ErrForeign    = errors.New("the directory holds something that is not a data store: choose an empty --data-dir")
	ErrFormat     = errors.New("the data store has a format that this version does not know: use the version that wrote it, or a newer one")
	ErrUnreadable = errors.New("the data directory cannot be read or written: check its owner and permissions")
	ErrNoStore    = errors.New("there is no store in the directory: name the --data-dir of a broker that has run")
	// ErrDamaged means that synced data is gone or changed: the replicas on it must be rebuilt from their peers, under a new identity.
	ErrDamaged = errors.New("DISK: the data store is damaged")
	// ErrStopped answers what comes after a failed write: the store is done, and the process must end.
	ErrStopped = errors.New("the data store has failed before")
)

// isDamage says whether an error of the database tells of damaged files. One that is named and not there is damage too.
func isDamage(err error) bool {
	for _, kind := range []error{pebble.ErrCorruption, walrecord.ErrInvalidChunk, walrecord.ErrZeroedChunk, walrecord.ErrUnexpectedEOF, fs.ErrNotExist} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return err != nil && strings.Contains(err.Error(), badOptions)
}

// badOptions is what the database says of an OPTIONS file that it cannot read.
const badOptions = "invalid key=value syntax"

// damage puts what the database says of damage into one line of the store's own kind.
func damage(kind, err error) error {
	why := ""
	if errors.Is(err, fs.ErrNotExist) {
		why = "MANIFEST is damaged, or files that it names are not there: "
	}
	if strings.Contains(err.Error(), badOptions) {
		why = "OPTIONS is damaged: "
	}
	return fmt.Errorf("%w: %s%s", kind, why, strings.Join(strings.Fields(err.Error()), " "))
}

// CorruptError says that the bytes of one batch are not what was written.
type CorruptError struct {
	PartID uint32
	Offset int64 // the last offset of the batch, or the offset that was asked for when not even that is known
	Err    error
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("DISK: partition %d is damaged at offset %d: %v", e.PartID, e.Offset, e.Err)
}

// Unwrap implements errors.Is.
func (e *CorruptError) Unwrap() error { return e.Err }
