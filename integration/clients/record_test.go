package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A record as the clients tell it (go/main.go describes the form).
type record struct {
	Offset    int64    `json:"offset"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []header `json:"headers"`
	Timestamp int64    `json:"timestamp"`
}

type header struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

func (r record) String() string {
	return fmt.Sprintf("{offset %d, key %q (null %v), value %.40q (null %v), headers %v, timestamp %d}",
		r.Offset, r.Key, r.Key == nil, r.Value, r.Value == nil, r.Headers, r.Timestamp)
}

// abilities are what a client can write; the rest is left out of the records it is given.
type abilities struct {
	codecs     []string
	idempotent bool
	headers    bool // several, with values of their own for each record
	nullKeys   bool
	binary     bool // values of any bytes, instead of text without the separators
	timestamps bool // of its choice
	fromTime   bool // consumes from a timestamp
	blurs      bool // reads what is empty as null
	librdkafka bool // is built on it
}

// The number of records of each test, and where reading begins in the middle.
const (
	count  = 60
	middle = 23
)

// baseTime is the timestamp of the first record; they are a second apart.
const baseTime = 1_700_000_000_000

// sample gives the records that a client of these abilities writes: repeated keys, tombstones, empty and large values.
func sample(a abilities) []record {
	var out []record
	for i := range count {
		r := record{Key: fmt.Appendf(nil, "key-%d", i%7), Value: fmt.Appendf(nil, "value-%d-%s", i, strings.Repeat("x", i*20)), Timestamp: baseTime + int64(i)*1000}
		switch {
		case i%11 == 3:
			r.Value = nil // a tombstone
		case i%13 == 5 && a.binary:
			r.Value = []byte{}
		case i%5 == 4 && a.binary:
			r.Value = append([]byte{0, 0xff, '\n', '\t', 0x80}, bytes.Repeat([]byte{byte(i)}, 3000)...)
		}
		if a.nullKeys && i%9 == 8 {
			r.Key = nil
		}
		if a.headers && i%3 == 0 {
			r.Headers = []header{{"trace", fmt.Appendf(nil, "t-%d", i)}, {"empty", []byte{}}, {"trace", []byte{1, 2, 0xfe}}}
		}
		out = append(out, r)
	}
	return out
}

// same compares what was read with what was written, from the record at first on.
func same(t *testing.T, who string, a abilities, want, got []record, first int) {
	t.Helper()
	want = want[first:]
	if len(got) != len(want) {
		t.Errorf("%s read %d records, want %d", who, len(got), len(want))
	}
	bad := 0
	for i := range min(len(got), len(want)) {
		w, g := want[i], got[i]
		w.Offset = int64(first + i)
		if a.blurs {
			w.Key, w.Value, g.Key, g.Value = blur(w.Key), blur(w.Value), blur(g.Key), blur(g.Value)
		}
		equal := w.Offset == g.Offset && sameBytes(w.Key, g.Key) && sameBytes(w.Value, g.Value) && sameHeaders(w.Headers, g.Headers)
		if a.timestamps {
			equal = equal && w.Timestamp == g.Timestamp
		} else {
			equal = equal && g.Timestamp > baseTime
		}
		if !equal {
			if bad++; bad <= 3 {
				t.Errorf("%s read\n%v, want\n%v", who, g, w)
			}
		}
	}
	if bad > 3 {
		t.Errorf("%s: %d records differ", who, bad)
	}
}

// blur makes null of empty.
func blur(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// sameBytes tells null from empty.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func sameHeaders(a, b []header) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || !bytes.Equal(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

// lines writes records as JSON lines; reading is decoding them.
func lines(records []record) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	for _, r := range records {
		_ = e.Encode(r)
	}
	return out.Bytes()
}

func parse[T any](text []byte) ([]T, error) {
	var out []T
	in := json.NewDecoder(bytes.NewReader(text))
	for in.More() {
		var v T
		if err := in.Decode(&v); err != nil {
			return out, fmt.Errorf("%w in %.200q", err, text)
		}
		out = append(out, v)
	}
	return out, nil
}
