package partition

import (
	"fmt"
	"strings"

	"troupe/actors/writer"
	"troupe/storage/record"
)

// maxSearched bounds the bytes of decompressed records that are looked through to name the guilty ones: it happens on the
// partition's own time. In larger batches no record is named.
const maxSearched = 4 << 20

// keyless names the records without a key.
func (c *core) keyless(b record.Batch) (errs []writer.RecordError) {
	bad := record.Each(b, func(i int, m record.Meta) bool {
		if m.NullKey {
			errs = append(errs, writer.RecordError{Index: int32(i),
				Message: fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %s-%d", c.topic, c.index)})
		}
		return len(errs) < maxNamed
	})
	if bad != nil && len(errs) == 0 {
		errs = append(errs, writer.RecordError{Message: bad.Message})
	}
	return errs
}

func keylessText(errs []writer.RecordError) string {
	var some []string
	for _, e := range errs[:min(len(errs), 3)] {
		some = append(some, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", e.Index, e.Message))
	}
	return fmt.Sprintf("One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
		len(errs), strings.Join(some, ", "))
}

// timesOutside names the records whose timestamp lies outside [lo, hi].
func timesOutside(b record.Batch, info record.Info, lo, hi int64) (errs []writer.RecordError) {
	if info.Inflated > maxSearched {
		return nil
	}
	bad := record.Each(b, func(i int, m record.Meta) bool {
		if m.Timestamp != record.NoTime && (m.Timestamp < lo || m.Timestamp > hi) {
			errs = append(errs, writer.RecordError{Index: int32(i), Message: fmt.Sprintf(
				"Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]", m.Timestamp, i, lo, hi)})
		}
		return len(errs) < maxNamed
	})
	if bad != nil {
		return nil
	}
	return errs
}
