package record

import "fmt"

// These bound what is read once more to say what is in the records of a refused batch: decompressed bytes, and records. Of larger batches none
// is named.
const (
	maxShown        = 4 << 20
	maxShownRecords = 10_000
)

// marked refuses a batch that its producer marked as having the broker's time. Kafka looks at the mark only where it does not judge the records'
// own time (LogValidator.validateTimestamp): where the topic takes the broker's, and where there is none. Elsewhere the mark is cleared.
func marked(b Batch, nullKeys []int32, inflated int64, o Opts) *Error {
	if !b.LogAppendTime() || !o.OwnTime && b.MaxTimestamp() != NoTime {
		return nil
	}
	e := bad("One or more records have been rejected due to invalid timestamp")
	e.Code, e.Custom = codeInvalidTimestamp, true
	if inflated > maxShown || b.Count() > maxShownRecords {
		return e
	}
	records, err := Records(b)
	if err != nil {
		return e
	}
	kind, none := "DefaultRecord", 0
	if b.Codec() != None && !o.Renumber { // Kafka does not read keys and values then
		kind, none = "PartialDefaultRecord", -1
	}
	size := func(field []byte) int {
		if field == nil {
			return none
		}
		return len(field)
	}
	for i, r := range records[:min(len(records), maxNamed)] {
		if len(nullKeys) > 0 && nullKeys[0] == int32(i) {
			e.Records, nullKeys = append(e.Records, RecordError{int32(i), keylessRecord(o)}), nullKeys[1:]
			continue
		}
		e.Records = append(e.Records, RecordError{int32(i), fmt.Sprintf(
			"Invalid timestamp type in message %s(offset=%d, timestamp=%d, key=%d bytes, value=%d bytes). Producer should not set timestamp type to LogAppendTime.",
			kind, i, b.MaxTimestamp(), size(r.Key), size(r.Value))})
	}
	return e
}
