package admin

import "time"

// Health is what the doctor looks at beside the Status: the broker's surroundings and its limits, taken at one moment.
type Health struct {
	Work        Work        `json:"work"`
	Memory      Memory      `json:"memory"`
	Files       Files       `json:"files"`
	Connections Connections `json:"connections"`
	Requests    Requests    `json:"requests"`
	Sync        Sync        `json:"sync"`
	Store       Store       `json:"store"`
	DiskOp      DiskOp      `json:"disk_operation"`
	Clock       []ClockJump `json:"clock_jumps"` // of the last quarter of an hour
	// Leaderless are partitions of the cluster without a leader, and Leaderless1 names the first.
	Leaderless  int     `json:"leaderless_partitions"`
	Leaderless1 string  `json:"leaderless_example,omitempty"`
	Cleaner     Cleaner `json:"cleaner"`
}

// Cleaner is how compaction gets on.
type Cleaner struct {
	Partitions  int64   `json:"partitions"`
	Uncleanable int64   `json:"uncleanable"`   // given up after damage or a failed read
	Dirty       float64 `json:"dirty_ratio"`   // the greatest share of a log that is to be compacted, and was during all of the last minute
	Rounds      int64   `json:"rounds_lately"` // that ended well in the last minute
}

// GroupWait is a consumer group that keeps its members waiting.
type GroupWait struct {
	Group    string  `json:"group"`
	State    string  `json:"state"`
	Seconds  float64 `json:"seconds"`  // since when the first member waits
	Awaiting string  `json:"awaiting"` // what for, with the members by name
}

// Memory is Go's heap against its limit (GOMEMLIMIT, set from --memory).
type Memory struct {
	LiveBytes  uint64 `json:"live_bytes"` // what the last collection left
	LimitBytes uint64 `json:"limit_bytes"`
}

// Files are file descriptors: connections and the store's files.
type Files struct {
	Open  int `json:"open"`
	Limit int `json:"limit"` // 0: not known
}

// Connections are those of clients.
type Connections struct {
	Open           int64 `json:"open"`
	Max            int64 `json:"max"`             // max.connections
	RejectedLately int64 `json:"rejected_lately"` // in the last minute
}

// Requests is the memory that requests under way share.
type Requests struct {
	UsedBytes  int64 `json:"used_bytes"`
	LimitBytes int64 `json:"limit_bytes"`
}

// Sync is how long the disk took to make commits durable in the last minute.
type Sync struct {
	Count uint64  `json:"count"`
	P50Ms float64 `json:"p50_ms"`
	P99Ms float64 `json:"p99_ms"`
}

// Store is what the data store says of itself.
type Store struct {
	Failed       bool  `json:"failed"`
	ErrorsLately int64 `json:"background_errors_lately"` // in the last minute: failed flushes and compactions, which it tries again
}

// DiskOp is the operation on a file of the stores that has been under way for longest.
type DiskOp struct {
	Op    string  `json:"op,omitempty"` // such as fsync; "" if none is under way
	File  string  `json:"file,omitempty"`
	ForMs float64 `json:"for_ms"`
}

// ClockJump is a moment at which the wall clock moved otherwise than time.
type ClockJump struct {
	At time.Time `json:"at"` // by the clock after it
	By float64   `json:"by_seconds"`
}
