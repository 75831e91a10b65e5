package cleaner

import (
	"troupe/actors/kit"
	"troupe/storage"
)

// Settings are the broker's settings of compaction (log.cleaner.*). Until they come nothing is compacted.
//
// From: node, at start and when they change.
type Settings struct {
	Enabled        bool
	BackoffMs      int64   // between two looks for something to do
	BufferBytes    int64   // for keys
	BytesPerSecond float64 // read and written
}

// Keep names a local replica that is to be compacted, or changes its settings.
//
// From: node.
type Keep struct {
	PartID uint32
	Ref    *kit.Ref // the partition's actor
	Name   string   // for people
	Config Config
}

// Config is what compaction needs of a topic's effective configuration.
type Config struct {
	MinDirtyRatio     float64
	MinLagMs          int64
	MaxLagMs          int64
	DeleteRetentionMs int64
}

// Forget ends what Keep began: the replica is leaving, or its topic is not compacted any more.
//
// From: node.
type Forget struct{ PartID uint32 }

// wake looks for something to do.
//
// From: the cleaner's own timer.
type wake struct{}

// next goes on with the compaction that waits for its share of the disk.
//
// From: the cleaner's own timer. Fence: the job.
type next struct{ job *job }

// looked says how dirty the logs are.
//
// From: the cleaner's blocker.
type looked struct{ list []dirty }

// dirty is one log that was looked at.
type dirty struct {
	partID uint32
	at     storage.Dirt
	oldest int64 // greatest timestamp of the first dirty batch in ms, -1 if it is not known or not needed
	err    error
}

// mapped says that some more of the dirty part was read.
//
// From: the cleaner's blocker. Fence: the job.
type mapped struct{ job *job }

// shrunk says that some batches were shrunk.
//
// From: the cleaner's blocker. Fence: the job.
type shrunk struct{ job *job }
