package storage

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// scatter sees to it that values do not come to lie in very many small files.
//
// Each flush makes a file of values, however little it holds, and a flush comes with each Reclaim, and with each start. Pebble writes values again,
// together, only where a table would refer to more files than a limit. That limit must be high as long as files are large, or all values would be
// written again and again. So it depends on how large files of values are at present: low while they are small on average. Once they were merged,
// it takes as many new small files as there were large ones, and more, until they are small on average again; so all the values may have to be written
// again for it, but no more than a third of a memtable for each flush.
type scatter struct{ small atomic.Bool }

const (
	// wideDepth is to how many files of values that overlap a table may refer.
	wideDepth = 1000
	// narrowDepth is the same while files of values are small.
	narrowDepth = 8
	// fewFiles are never too many, whatever their size.
	fewFiles = 8
	// smallShare of a memtable, which is what a flush at full speed writes, is a small file.
	smallShare = 4
)

func (s *scatter) depth() int {
	if s.small.Load() {
		return narrowDepth
	}
	return wideDepth
}

// look finds out how it is now.
func (s *scatter) look(db *pebble.DB, memtable uint64) {
	m := db.Metrics()
	s.small.Store(scattered(m.BlobFiles.LiveCount, m.BlobFiles.LiveSize, memtable))
}

// scattered says whether so many files are too small, of so many bytes together.
func scattered(files, bytes, memtable uint64) bool {
	return files > fewFiles+bytes/(memtable/smallShare)
}
