package partition

// jittered is the age at which segments of a partition end: segment.ms less a part of segment.jitter.ms. The part is the partition's
// own and stays, so that partitions made together do not end their segments together; it is at most 24 days.
func jittered(segmentMs, jitterMs int64, partID uint32) int64 {
	jitter := min(jitterMs, segmentMs)
	if jitter <= 0 {
		return segmentMs
	}
	h := (uint64(partID) + 1) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29) * 0xbf58476d1ce4e5b9
	return max(1, segmentMs-int64((h>>32)*uint64(min(jitter, 1<<31))>>32))
}
