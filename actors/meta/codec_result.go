package meta

import (
	"fmt"

	"troupe/kafka/code"
)

// The kinds of Result.Value, by the byte that precedes them. Numbers are never reused: results are kept in snapshots.
const (
	valueNone          = 0
	valueNodeAdded     = 1
	valueRegistered    = 2
	valueTopicResults  = 3
	valueConfigResults = 4
	valueProducerIDs   = 5
	valuePartitions    = 6
)

// EncodeResult writes a result of Apply: code, message, kind of value, value.
func EncodeResult(r Result) []byte {
	e := &enc{}
	e.i(int64(r.Code))
	e.str(r.Message)
	switch v := r.Value.(type) {
	case nil:
		e.byte(valueNone)
	case NodeAdded:
		e.byte(valueNodeAdded)
		e.i(int64(v.NodeID))
		e.u(v.RaftID)
	case Registered:
		e.byte(valueRegistered)
		e.i(v.Epoch)
		e.flag(v.Fenced)
	case []TopicResult:
		e.byte(valueTopicResults)
		each(e, v, func(t TopicResult) {
			e.str(t.Name)
			e.id(t.ID)
			e.i(int64(t.Code))
			e.str(t.Message)
		})
	case []ConfigResult:
		e.byte(valueConfigResults)
		each(e, v, func(c ConfigResult) {
			e.byte(byte(c.Type))
			e.str(c.Name)
			e.i(int64(c.Code))
			e.str(c.Message)
		})
	case ProducerIDs:
		e.byte(valueProducerIDs)
		e.i(v.First)
		e.i(int64(v.Count))
	case []PartitionResult:
		e.byte(valuePartitions)
		each(e, v, e.partitionResult)
	default:
		panic(fmt.Sprintf("BUG: meta: no encoding for a result of %T", v))
	}
	return e.b
}

// DecodeResult reads what EncodeResult wrote. It never panics.
func DecodeResult(b []byte) (Result, error) {
	d := &dec{b: b}
	r := Result{Code: code.Code(d.i16()), Message: d.str()}
	switch d.byte() {
	case valueNone:
	case valueNodeAdded:
		r.Value = NodeAdded{NodeID: d.i32(), RaftID: d.u()}
	case valueRegistered:
		r.Value = Registered{Epoch: d.i(), Fenced: d.flag()}
	case valueTopicResults:
		r.Value = list(d, 19, func() TopicResult {
			return TopicResult{Name: d.str(), ID: d.id(), Code: code.Code(d.i16()), Message: d.str()}
		})
	case valueConfigResults:
		r.Value = list(d, 4, func() ConfigResult {
			return ConfigResult{Type: ResourceType(d.byte()), Name: d.str(), Code: code.Code(d.i16()), Message: d.str()}
		})
	case valueProducerIDs:
		r.Value = ProducerIDs{First: d.i(), Count: d.i32()}
	case valuePartitions:
		r.Value = list(d, 25, d.partitionResult)
	default:
		d.fail()
	}
	if err := d.end(); err != nil {
		return Result{}, err
	}
	return r, nil
}

// mustDecodeResult reads a result that Apply encoded, or that was checked when it was loaded.
func mustDecodeResult(b []byte) Result {
	r, err := DecodeResult(b)
	if err != nil {
		panic("BUG: meta: a remembered result does not decode: " + err.Error())
	}
	return r
}
