package writer

import "sync/atomic"

// Gate tells partitions whether records may be accepted. The writer sets it, partitions look at it before they accept: what was
// accepted is always written, so the gate must close before the disk is full. It closes in two steps: first to clients, and when most of
// what was kept back is gone, to the broker's own records too (Item.Own), such as the commits of consumer groups. Marks and deletions are not
// stopped by it. The zero value is open. Safe for any goroutine.
type Gate struct{ level atomic.Int32 }

// ownShare is the part of storage.Data.MinFree that is kept for marks and deletions.
const ownShare = 4

// What whoever is refused is told: while the gate is closed to clients, and while it is closed to all.
const (
	FullText = "The disk of this broker is nearly full: records are refused until space is freed; reads, commits and deletions go on."
	ShutText = "The disk of this broker is full: records and commits are refused until space is freed; reads and deletions go on."
)

// Text is what whoever is refused now is told.
func (g *Gate) Text() string {
	if g.Shut() {
		return ShutText
	}
	return FullText
}

// Full says that records of clients must be refused (KAFKA_STORAGE_ERROR, retriable).
func (g *Gate) Full() bool { return g.level.Load() > 0 }

// Shut says that the broker's own records must be refused too.
func (g *Gate) Shut() bool { return g.level.Load() > 1 }

// Set closes or opens the gate; shut closes it to the broker's own records too. For the writer, and for tests that stand in for it.
func (g *Gate) Set(full, shut bool) {
	switch {
	case full && shut:
		g.level.Store(2)
	case full:
		g.level.Store(1)
	default:
		g.level.Store(0)
	}
}

// Stats are the writer's counters and gauges, for metrics. The writer writes them; safe to read from any goroutine.
type Stats struct {
	Queued, QueuedBytes     atomic.Int64 // frames and changes that wait for their commit, and their record bytes
	Stashed, StashedBytes   atomic.Int64 // frames that wait for a predecessor
	InFlight, InFlightBytes atomic.Int64 // commits handed to the store and not yet durable
	Frames, Batches         atomic.Int64 // durable so far
	Bytes, Commits          atomic.Int64 // durable so far
	FreeBytes               atomic.Int64 // of the disk, -1 before the first look
	Reclaims                atomic.Int64 // compactions asked of the store
}

// Metrics are the stats by name, for /metrics.
func (s *Stats) Metrics() map[string]float64 {
	return map[string]float64{
		"writer_queued": float64(s.Queued.Load()), "writer_queued_bytes": float64(s.QueuedBytes.Load()),
		"writer_stashed": float64(s.Stashed.Load()), "writer_stashed_bytes": float64(s.StashedBytes.Load()),
		"writer_in_flight": float64(s.InFlight.Load()), "writer_in_flight_bytes": float64(s.InFlightBytes.Load()),
		"writer_frames_total": float64(s.Frames.Load()), "writer_batches_total": float64(s.Batches.Load()),
		"writer_bytes_total": float64(s.Bytes.Load()), "writer_commits_total": float64(s.Commits.Load()),
		"writer_free_bytes": float64(s.FreeBytes.Load()), "writer_reclaims_total": float64(s.Reclaims.Load()),
	}
}
