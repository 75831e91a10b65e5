package storage

import (
	"bytes"
	"testing"
)

// FuzzValues: whatever lies under a key of the stores is read or refused, and what is read is written back to the same bytes.
func FuzzValues(f *testing.F) {
	f.Add([]byte("0123456789012"), bytes.Repeat([]byte{1}, 24))
	f.Add(make([]byte, 21), make([]byte, 8))
	f.Add(make([]byte, 13), make([]byte, 10+producerBatch))
	f.Add([]byte(nil), encodeIdentity(Identity{NodeID: 1, ClusterID: "c"}))
	f.Add([]byte(nil), encodeMark(3, 4))
	f.Fuzz(func(t *testing.T, k, v []byte) {
		same := func(what string, b []byte) {
			if !bytes.Equal(b, v) {
				t.Fatalf("%s: %x becomes %x", what, v, b)
			}
		}
		if m, err := parseStart(v); err == nil {
			same("start", m.append(nil))
		}
		if m, err := parseRoll(k, v); err == nil {
			same("roll", m.append(nil))
		}
		if p, err := parseProducer(k, v); err == nil {
			same("producer", p.append(nil))
		}
		if m, err := parseClean(v); err == nil {
			same("clean", m.append(nil))
		}
		_, _ = parseIndex(k, v)
		if id, err := decodeIdentity(v); err == nil && v[0] == identityVersion {
			same("identity", encodeIdentity(id))
		}
		if e, err := decodeMetaEntry(1, v); err == nil && e.GetType() <= 2 {
			same("entry", encodeMetaEntry(nil, e))
		}
		if index, term, rest, err := decodeMark("applied", v); err == nil {
			same("mark", append(encodeMark(index, term), rest...))
		}
	})
}
