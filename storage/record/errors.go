package record

import "fmt"

// Kafka's error codes that a check can give; package code has them all, but stands on the same floor.
const (
	codeCorrupt          = 2  // CORRUPT_MESSAGE
	codeTooLarge         = 10 // MESSAGE_TOO_LARGE
	codeInvalidTimestamp = 32 // INVALID_TIMESTAMP
	codeUnsupported      = 76 // UNSUPPORTED_COMPRESSION_TYPE
	codeInvalidRecord    = 87 // INVALID_RECORD
)

// Error says why a batch is refused.
type Error struct {
	Code    int16  // Kafka's error code
	Message string // for people: why; Kafka sends it to the client only where Custom is set
	// Validating says that the batch got as far as the log's own checks, so that Kafka's answer shows the real log start
	// offset and not -1 (LogValidator, against ProduceRequest.validateRecords and UnifiedLog.analyzeAndValidateRecords).
	Validating bool
	Framing    bool // of the request, before anything is asked of the partition (ProduceRequest.validateRecords)
	Custom     bool // RecordValidationException: Message and Records go to the client (Produce v8+)
	Records    []RecordError
	Inflated   int64 // bytes that were decompressed before it was found
}

// RecordError names one record of a refused batch (KIP-467).
type RecordError struct {
	Index   int32
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

func bad(format string, a ...any) *Error {
	return &Error{Code: codeInvalidRecord, Message: fmt.Sprintf(format, a...), Validating: true}
}

func refuse(code int16, format string, a ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, a...)}
}

func misframed(code int16, format string, a ...any) *Error {
	e := refuse(code, format, a...)
	e.Framing = true
	return e
}

// at says which record it was.
func (e *Error) at(i int) *Error {
	e.Message = fmt.Sprintf("record %d: %s", i, e.Message)
	return e
}
