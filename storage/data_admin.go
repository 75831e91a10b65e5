package storage

import (
	"context"
	"errors"
	"math"
)

// Partitions implements Data. It jumps from partition to partition, whatever they hold.
func (e *engine) Partitions() ([]uint32, error) {
	it, err := e.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	var out []uint32
	for ok := it.First(); ok; {
		id := keyPart(it.Key())
		out = append(out, id)
		if id == math.MaxUint32 {
			break
		}
		next := prefix(id+1, 0)
		ok = it.SeekGE(next.b[:4])
	}
	return out, errors.Join(it.Error(), it.Close())
}

// Reclaim implements Data. Deleting alone leaves the bytes on the disk: keys and values lie in different files, and only a
// compaction of the keys lets the files of values go. It rewrites keys, not values; files that are partly garbage are rewritten in
// the background.
func (e *engine) Reclaim(parts []uint32) error {
	if err := e.failure(); err != nil || len(parts) == 0 {
		return err
	}
	least, most := parts[0], parts[0]
	for _, p := range parts {
		least, most = min(least, p), max(most, p)
	}
	e.scatter.look(e.db, e.opts.MemTable)
	lo, hi := prefix(least, 0), prefix(most, kindEnd)
	return e.db.Compact(context.Background(), lo.b[:4], hi.bytes(), false)
}

// Metrics implements Data.
func (e *engine) Metrics() map[string]float64 {
	m := e.db.Metrics()
	t := m.Total()
	// In this version of Pebble the total of flushed table bytes holds the WAL's bytes too, and that of compacted blobs the flushed ones.
	flushed, compacted := t.TableBytesFlushed-t.TableBytesIn+t.BlobBytesFlushed, t.TableBytesCompacted+t.BlobBytesCompacted-t.BlobBytesFlushed
	free, full := e.disk.known() // a file system that hangs must not hang who asks how it is
	out := map[string]float64{
		"disk_free_bytes":            float64(free),
		"disk_full":                  0,
		"disk_min_free_bytes":        float64(e.disk.threshold),
		"store_bytes":                float64(m.DiskSpaceUsage()),
		"store_value_bytes":          float64(m.BlobFiles.ValueSize),
		"store_value_live_bytes":     float64(m.BlobFiles.ReferencedValueSize),
		"store_tables":               float64(t.TablesCount),
		"store_blob_files":           float64(m.BlobFiles.LiveCount),
		"wal_in_bytes_total":         float64(m.WAL.BytesIn),
		"wal_written_bytes_total":    float64(m.WAL.BytesWritten),
		"flushed_bytes_total":        float64(flushed),
		"compacted_bytes_total":      float64(compacted),
		"commits_total":              float64(e.commits.Load()),
		"batches_copied_total":       float64(e.copied.Load()),
		"batches_direct_total":       float64(e.direct.Load()),
		"write_stalls_total":         float64(e.stalls.Load()),
		"write_stall_seconds_total":  float64(e.stallNs.Load()) / 1e9,
		"slow_disk_events_total":     float64(e.slow.Load()),
		"background_errors_total":    float64(e.backgroundErrors.Load()),
		"damaged_reads_total":        float64(e.damagedReads.Load()),
		"corrupt_blocks_total":       float64(e.corruptions.Load()),
		"damaged_block_reads_total":  float64(e.damaged.reads.Load()),
		"slabs_live":                 float64(SlabsLive()),
		"slab_idle_bytes":            float64(IdleSlabs()),
		"cache_bytes":                float64(m.BlockCache.Size),
		"read_cache_bytes":           float64(e.reads.bytes.Load()),
		"read_cache_hits_total":      float64(e.reads.hits.Load()),
		"read_cache_misses_total":    float64(e.reads.misses.Load()),
		"read_aheads_total":          float64(e.reads.aheads.Load()),
		"direct_reads_total":         float64(e.directReads.Load()),
		"memtable_bytes":             float64(m.MemTable.Size),
		"unflushed_memtables":        float64(m.MemTable.Count),
		"compactions_total":          float64(m.Compact.Count),
		"blob_file_rewrites_total":   float64(m.Compact.BlobFileRewriteCount),
		"compaction_debt_bytes":      float64(m.Compact.EstimatedDebt),
		"store_failed":               0,
		"read_amplification_current": float64(m.ReadAmp()),
	}
	if full {
		out["disk_full"] = 1
	}
	if e.failure() != nil {
		out["store_failed"] = 1
	}
	return out
}
