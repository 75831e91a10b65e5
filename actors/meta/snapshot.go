package meta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A snapshot is: the magic, a format version (byte), the records of the image each as key and value with their lengths before
// them (uvarint), and the CRC-32C of all that (4 bytes, big-endian).
const (
	snapshotMagic   = "TRPMETA"
	snapshotVersion = 1
)

// ErrSnapshot says that bytes are not a snapshot, or are one of a newer format, or a damaged one.
var ErrSnapshot = errors.New("meta: not a usable snapshot")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Snapshot writes the whole image.
func (m *Image) Snapshot() []byte {
	e := &enc{b: append(make([]byte, 0, 1024+m.PartitionCount()*64), snapshotMagic...)}
	e.byte(snapshotVersion)
	for r := range m.Records() {
		e.bytes(r.Key)
		e.bytes(r.Value)
	}
	return binary.BigEndian.AppendUint32(e.b, crc32.Checksum(e.b, castagnoli))
}

// LoadSnapshot reads a snapshot. It never panics, whatever the bytes are.
func LoadSnapshot(b []byte) (*Image, error) {
	head := len(snapshotMagic) + 1
	if len(b) < head+4 || !bytes.HasPrefix(b, []byte(snapshotMagic)) {
		return nil, fmt.Errorf("%w: it does not begin like one", ErrSnapshot)
	}
	if v := b[head-1]; v != snapshotVersion {
		return nil, fmt.Errorf("%w: format %d is not known here", ErrSnapshot, v)
	}
	body := b[:len(b)-4]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return nil, fmt.Errorf("%w: the checksum is wrong", ErrSnapshot)
	}
	d := &dec{b: body[head:]}
	img, err := LoadRecords(func(yield func(k, v []byte) bool) {
		for len(d.b) > 0 {
			k, v := d.raw(), d.raw()
			if d.err != nil || !yield(k, v) {
				return
			}
		}
	})
	if err == nil {
		err = d.err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return img, nil
}
