package cleaner

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// digest stands for a key.
type digest [16]byte

func digestOf(key []byte) (d digest) {
	sum := sha256.Sum256(key)
	copy(d[:], sum[:])
	return d
}

// slot is a place for a key; behind is its last offset plus 1, 0 if the place is free.
type slot struct {
	key    digest
	behind int64
}

const (
	slotSize   = 24
	firstSlots = 1 << 10
)

// keys knows the last offset of each key, in bounded memory: open addressing, without pointers.
type keys struct {
	slots []slot
	n     int
	most  int // slots
}

// newKeys makes a map that takes at most budget bytes, also while it grows.
func newKeys(budget int64) *keys {
	return &keys{most: int(max(budget*2/3/slotSize, 16))}
}

// find is the place of a key, or the free one where it belongs.
func (k *keys) find(d digest) *slot {
	hi, _ := bits.Mul64(binary.BigEndian.Uint64(d[:]), uint64(len(k.slots)))
	for i := int(hi); ; i++ {
		if i == len(k.slots) {
			i = 0
		}
		if s := &k.slots[i]; s.behind == 0 || s.key == d {
			return s
		}
	}
}

// put notes a key at an offset, greater than all before; false: there is no room.
func (k *keys) put(d digest, offset int64) bool {
	if k.n >= len(k.slots)/10*9 && len(k.slots) < k.most {
		k.grow()
	}
	s := k.find(d)
	if s.behind == 0 {
		if k.n >= len(k.slots)*9/10 {
			return false
		}
		k.n++
		s.key = d
	}
	s.behind = offset + 1
	return true
}

func (k *keys) grow() {
	old := k.slots
	k.slots = make([]slot, min(max(2*len(old), firstSlots), k.most))
	for i := range old {
		if old[i].behind != 0 {
			*k.find(old[i].key) = old[i]
		}
	}
}

// last is the last offset of a key, -1 if it was not seen.
func (k *keys) last(d digest) int64 {
	if len(k.slots) == 0 {
		return -1
	}
	return k.find(d).behind - 1
}
