package admin

import "time"

// Status is what /api/v1/status says of this node and its cluster. Field names are stable.
type Status struct {
	Version   string   `json:"version"`
	NodeID    int32    `json:"node_id"`
	ClusterID string   `json:"cluster_id"`
	Ready     bool     `json:"ready"`
	Steps     []Step   `json:"steps"`
	Brokers   []Broker `json:"brokers"`
	Topics    int      `json:"topics"`
	// Partitions are those of the cluster, Replicas those on this node.
	Partitions int  `json:"partitions"`
	Replicas   int  `json:"replicas"`
	Raft       Raft `json:"raft"`
	Disk       Disk `json:"disk"`
}

// Step is one step of the start.
type Step struct {
	Name     string  `json:"name"`
	Done     bool    `json:"done"`
	WaitsFor string  `json:"waits_for,omitempty"`
	Seconds  float64 `json:"seconds"` // how long it took, or has waited
}

// Broker is one registered broker.
type Broker struct {
	ID      int32  `json:"id"`
	Epoch   int64  `json:"epoch"`
	Address string `json:"address"`
	Rack    string `json:"rack,omitempty"`
	Fenced  bool   `json:"fenced"`
}

// Raft is the state of the metadata log on this node.
type Raft struct {
	Term      uint64  `json:"term"`
	Leader    int32   `json:"leader"` // node id, -1 if unknown
	State     string  `json:"state"`
	Persisted uint64  `json:"persisted"` // last durable index
	Committed uint64  `json:"committed"`
	Applied   uint64  `json:"applied"`
	Behind    uint64  `json:"behind"`     // committed - applied: more than 0 for long means that entries are not applied
	BehindFor float64 `json:"behind_sec"` // how long persisted, committed and applied have not been equal
	Pending   int     `json:"pending"`    // proposals without an answer
	OldestFor float64 `json:"oldest_pending_sec"`
}

// Disk is the state of the data directory's file system.
type Disk struct {
	FreeBytes uint64 `json:"free_bytes"`
	Full      bool   `json:"full"` // records are refused
	// MinFreeBytes is the free space below which records are refused; 0: not known.
	MinFreeBytes uint64 `json:"min_free_bytes"`
	// Damaged counts the reads since the start that met damaged data; the log names partition and offset of each.
	Damaged uint64 `json:"damaged_reads"`
}

// Actor is one living actor.
type Actor struct {
	Name      string `json:"name"`
	Title     string `json:"title"` // the name as people know it: partition/orders-0 for a partition, else Name
	Kind      string `json:"kind"`
	State     string `json:"state"`
	Depth     int    `json:"depth"`
	HighWater int    `json:"high_water"`
	In        uint64 `json:"in"`        // messages accepted
	Processed uint64 `json:"processed"` // messages handled
	Refused   uint64 `json:"refused"`   // came after its end
	Full      uint64 `json:"full"`      // refused by the limit of its mailbox
	Panics    uint64 `json:"panics"`    // there are no restarts: a panic ends the actor, or the process
	// InPerSec and OutPerSec are filled in by who looks twice.
	InPerSec  float64 `json:"in_per_sec,omitempty"`
	OutPerSec float64 `json:"out_per_sec,omitempty"`
	BusyMs    float64 `json:"busy_ms"`
	WaitP50Us float64 `json:"wait_p50_us"`
	WaitP99Us float64 `json:"wait_p99_us"`
	RunP50Us  float64 `json:"run_p50_us"`
	RunP99Us  float64 `json:"run_p99_us"`
	Current   string  `json:"current,omitempty"` // message type in hand
	CurrentMs float64 `json:"current_ms,omitempty"`
	// OldestWaitMs is how long the first waiting message has waited, about.
	OldestWaitMs float64 `json:"oldest_wait_ms,omitempty"`
}

// Finding is one thing that is wrong, in one sentence, with what to look at next.
type Finding struct {
	Code     string    `json:"code"`     // stable: see the rules in doctor*.go
	Severity string    `json:"severity"` // error: something is not served, or will not be soon; warning: slow, or near a limit
	Text     string    `json:"text"`
	Next     string    `json:"next,omitempty"`
	At       time.Time `json:"at"`
}
