package storage

// Tail keeps the newest batches of all partitions in memory within one budget of bytes. Partitions publish what has
// become readable; connections read it without asking anyone. Safe for any goroutine.
type Tail struct{}

// NewTail makes a tail of at most bytes.
func NewTail(bytes int64) *Tail { return &Tail{} }

// Publish adds a durable batch; the tail holds its slab. Batches of one partition come in offset order.
func (t *Tail) Publish(partID uint32, base, last int64, s *Slab, at int) {}

// Read is like Data.Read, from memory; ok is false when offset is older than what the tail keeps (go to Data then).
// Offset at or past limit gives no batches and ok.
func (t *Tail) Read(partID uint32, offset, limit int64, maxBytes int, minOne bool) (b Batches, ok bool) {
	return Batches{}, false
}

// Drop forgets a partition (deleted, truncated).
func (t *Tail) Drop(partID uint32) {}

// Bytes is how much the tail keeps.
func (t *Tail) Bytes() int64 { return 0 }
