package admin

// Work is what blocks outside of the actors: the pool for short reads, and the goroutines that wait for disks and sockets.
type Work struct {
	Pool     Pool      `json:"pool"`
	Blockers []Blocker `json:"blockers"` // those that have worked in the last seconds
}

// Pool is the pool for short blocking work.
type Pool struct {
	Size         int     `json:"size"`
	Busy         int     `json:"busy"`
	Queued       int     `json:"queued"`
	HighWater    int     `json:"high_water"` // the longest queue so far
	Done         uint64  `json:"done"`
	OldestWaitMs float64 `json:"oldest_wait_ms"`
}

// Blocker is one goroutine that belongs to an actor and may block.
type Blocker struct {
	Actor     string  `json:"actor"`
	Name      string  `json:"name"`
	Queued    int     `json:"queued"`
	Done      uint64  `json:"done"`
	RunningMs float64 `json:"running_ms"` // how long the present piece of work has taken; 0: none
	Waits     bool    `json:"waits"`      // it waits for clients, which is its work
}
