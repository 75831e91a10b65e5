package storage

import "sync/atomic"

// Lending bounds the bytes of records that are on their way to clients: read from the disk for them, or kept in memory by them when the tail
// has let go. A client that does not read its answer keeps what it was lent, so nobody gets more than is left; but a little is always
// there, so that everybody gets on. Safe for any goroutine.
type Lending struct {
	limit int64
	lent  atomic.Int64
}

// NewLending makes a lending of limit bytes.
func NewLending(limit int64) *Lending { return &Lending{limit: limit} }

// Grant lends want bytes, or what is left if that is less, but at least least of them. What is not used must be given back.
func (l *Lending) Grant(want, least int) int {
	for {
		lent := l.lent.Load()
		n := min(int64(want), max(l.limit-lent, int64(least), 0))
		if n == 0 || l.lent.CompareAndSwap(lent, lent+n) {
			return int(n)
		}
	}
}

// Give gives n bytes back; a negative n takes more, whatever the limit.
func (l *Lending) Give(n int) { l.lent.Add(-int64(n)) }

// Lent is how many bytes are lent now.
func (l *Lending) Lent() int64 { return l.lent.Load() }

// Lend says that the bytes of b were granted by l: Release gives them back.
func (b *Batches) Lend(l *Lending) { b.from = l }
