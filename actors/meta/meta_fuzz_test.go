package meta

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"
)

// FuzzCommand decodes any bytes. What decodes is encoded to bytes that decode to the same, prints, and can be applied.
func FuzzCommand(f *testing.F) {
	for _, c := range examples {
		f.Add(Encode(exampleEnvelope(c)))
	}
	base := newCluster(f, 2).img
	f.Fuzz(func(t *testing.T, b []byte) {
		env, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(Encode(env))
		if err != nil || !reflect.DeepEqual(again, env) {
			t.Fatalf("%v becomes %v: %v", env, again, err)
		}
		if env.String() == "" {
			t.Fatal("no text")
		}
		next, _, _ := Apply(base, base.Index()+1, env)
		if err := Check(next); err != nil {
			t.Fatalf("%v: %v", env, err)
		}
	})
}

// FuzzSnapshot loads any bytes, with a checksum that fits so that they are looked at. What loads holds every invariant,
// and is written and loaded again to the same state.
func FuzzSnapshot(f *testing.F) {
	g, img := newGenerator(3), NewImage()
	for i := range 30 {
		img, _, _ = Apply(img, uint64(i+1), g.next(img))
		if i%10 == 9 {
			f.Add(img.Snapshot()[len(snapshotMagic)+1:])
		}
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		b := append([]byte(snapshotMagic+"\x01"), body...)
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
		img, err := LoadSnapshot(b)
		if err != nil {
			return
		}
		if err := Check(img); err != nil {
			t.Fatal(err)
		}
		again, err := LoadSnapshot(img.Snapshot())
		if err != nil || again.Hash() != img.Hash() || !bytes.Equal(again.Snapshot(), img.Snapshot()) {
			t.Fatalf("written and loaded again it is another one: %v", err)
		}
		if img.index < 1<<62 {
			Apply(img, img.index+1, Envelope{ID: request(1, 1, 1), Cmd: CreateTopics{[]NewTopic{{Name: "f", ID: id16(200), Assignments: [][]int32{{1}}}}}})
		}
	})
}
