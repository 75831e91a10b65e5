package partition

// assign notes where an epoch begins. An entry that it contradicts, or that holds no record, goes (LeaderEpochFileCache.assign).
func (c *core) assign(e epochBegin) {
	for n := len(c.epochs); n > 0; n-- {
		if last := c.epochs[n-1]; last.Epoch < e.Epoch && last.Start < e.Start {
			break
		}
		c.epochs = c.epochs[:n-1]
	}
	c.epochs = append(c.epochs, e)
}

// lead begins an epoch in which this broker leads.
func (c *core) lead(epoch int32) {
	if epoch == c.epoch {
		return
	}
	if n := len(c.epochs); n > 0 && c.epochs[n-1].Epoch == epoch { // after a restart, or led before in it
		c.epoch, c.epochStart, c.epochWritten = epoch, c.epochs[n-1].Start, true
		return
	}
	c.epoch, c.epochStart, c.epochWritten = epoch, c.next, false
	c.assign(epochBegin{Epoch: epoch, Start: c.next})
}

// latestEpoch is the last epoch that the log knows of; -1: none.
func (c *core) latestEpoch() int32 {
	if n := len(c.epochs); n > 0 {
		return c.epochs[n-1].Epoch
	}
	return -1
}

// endOf says where the largest epoch not above the asked one ends; -1, -1 if that is not known (LeaderEpochFileCache.endOffsetFor).
// The latest epoch ends at the durable end: what is beyond may still be lost.
func (c *core) endOf(epoch int32) EpochEnd { return c.endIn(epoch, c.durable) }

// endIn is endOf a log that ends at last.
func (c *core) endIn(epoch int32, last int64) EpochEnd {
	n := len(c.epochs)
	if epoch == -1 || n == 0 || epoch > c.epochs[n-1].Epoch {
		return EpochEnd{-1, -1}
	}
	if epoch == c.epochs[n-1].Epoch {
		return EpochEnd{epoch, last}
	}
	for i, e := range c.epochs {
		if e.Epoch > epoch {
			if i == 0 {
				return EpochEnd{epoch, e.Start}
			}
			return EpochEnd{c.epochs[i-1].Epoch, e.Start}
		}
	}
	return EpochEnd{-1, -1}
}

// epochAt is the epoch of the record at an offset, -1 if it is not known.
func (c *core) epochAt(offset int64) int32 {
	found := int32(-1)
	for _, e := range c.epochs {
		if e.Start > offset {
			break
		}
		found = e.Epoch
	}
	return found
}

// diverges says whether a reader that last saw an epoch holds what this log does not (KIP-595); nil: it does not, or did not say.
func (c *core) diverges(offset int64, lastEpoch int32) (end *EpochEnd, outOfRange bool) {
	if lastEpoch < 0 {
		return nil, false
	}
	e := c.endOf(lastEpoch)
	switch {
	case e.Epoch < 0 || e.End < 0:
		return nil, true
	case e.Epoch < lastEpoch || e.End < offset:
		return &e, false
	}
	return nil, false
}
