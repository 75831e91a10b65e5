package scrub

// due says that the next pass or the next reading begins.
//
// From: the scrubber's own timer.
type due struct{}

// listed is which partitions the store has.
//
// From: kit's pool.
type listed struct {
	parts []uint32
	err   error
}

// looked is what one reading found.
//
// From: kit's pool. Fence: pass.
type looked struct {
	pass  uint64
	done  int   // partitions that were read to their end
	next  int64 // where to go on in the one behind them
	bytes int64
	err   error // of that partition, which is left here or passed over
}
