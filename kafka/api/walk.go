package api

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The bounded schema walk. Whatever a client sends passes here before kmsg decodes it: kmsg trusts counts up to the number of
// bytes left, so that a few bytes can ask for gigabytes or for minutes of work. The walk allocates nothing, touches each byte
// at most once, and refuses what Kafka refuses: counts that cannot be, a cut body, null where null has no meaning.
// Trailing bytes and unknown tags are accepted, as Kafka does.

// The limits of the walk. Kafka has limits for arrays and tags since 4.4, a million of each.
const (
	// MaxArray is how many elements all arrays of a request have at most: it may name each of 100,000 partitions twice, in one topic.
	MaxArray = 200_001
	maxTags  = 10_000 // tags of one struct
	// Strings have two bytes for their length; the compact form could say more and must not.
	maxString = 1<<15 - 1
	// A request may take decodeFactor times its own length once decoded, and decodeSpare more: a few topics with one-letter
	// names are welcome, a megabyte of them is not.
	decodeFactor = 8
	decodeSpare  = 1 << 20
)

// errWalk says that a request is not what its schema allows; the connection is closed.
var errWalk = errors.New("malformed request")

// Walk checks the body of a request of key and version: whether kmsg may decode it, and about how many bytes that will take, those of
// names aside. Keys without a schema are refused.
func Walk(key, version int16, body []byte) (decoded int, err error) {
	s, ok := schemas[key]
	if !ok {
		return 0, fmt.Errorf("%w: no schema for key %d", errWalk, key)
	}
	budget := decodeFactor*len(body) + decodeSpare
	w := walker{b: body, version: version, flex: version >= s.flex, budget: budget, elements: MaxArray}
	if !w.fields(s.fields) || !w.tags(s.tags) {
		return 0, fmt.Errorf("%w: key %d version %d: %s", errWalk, key, version, w.why)
	}
	return budget - w.budget, nil
}

// schema is the body of one request.
type schema struct {
	flex   int16 // first flexible version
	fields []field
	tags   []tagged
}

type kind uint8

const (
	kFixed  kind = iota // a number, a uuid
	kString             // length int16, compact: uvarint + 1
	kBytes              // length int32, compact: uvarint + 1
	kArray              // count int32, compact: uvarint + 1
	kStruct             // fields in place, behind a presence byte if it can be null
)

// field is one field of a struct, in the versions from..to.
type field struct {
	kind     kind
	size     int // kFixed: bytes
	from, to int16
	null     int16   // first version in which it can be null
	of       []field // kArray: one field, or a struct; kStruct
	plain    bool    // kArray: the elements are no structs, so they have no tags
	extra    int     // kArray: bytes that the answer takes for each element, where it is much more than the element
	tags     []tagged
}

// tagged is a tag that kmsg decodes, so its content must be well-formed.
type tagged struct {
	number uint64
	of     field
}

func num(size int) field     { return field{kind: kFixed, size: size, to: never, null: never} }
func str() field             { return field{kind: kString, to: never, null: never} }
func raw() field             { return field{kind: kBytes, to: never, null: never} }
func list(of ...field) field { return field{kind: kArray, of: of, to: never, null: never} }
func plain(of field) field {
	return field{kind: kArray, of: []field{of}, plain: true, to: never, null: never}
}
func structure(of ...field) field { return field{kind: kStruct, of: of, to: never, null: never} }

func (f field) since(v int16) field        { f.from = v; return f }
func (f field) until(v int16) field        { f.to = v; return f }
func (f field) nullable(since int16) field { f.null = since; return f }
func (f field) answered(bytes int) field   { f.extra = bytes; return f }
func (f field) with(tags ...tagged) field  { f.tags = tags; return f }
func (f *field) in(version int16) bool     { return version >= f.from && version <= f.to }

type walker struct {
	b        []byte
	version  int16
	flex     bool
	budget   int // bytes that the decoded request may still take
	elements int // array elements that may still come
	why      string
}

func (w *walker) fail(why string) bool { w.why = why; return false }

func (w *walker) fields(list []field) bool {
	for i := range list {
		if f := &list[i]; f.in(w.version) && !w.field(f) {
			return false
		}
	}
	return true
}

func (w *walker) field(f *field) bool {
	switch f.kind {
	case kFixed:
		return w.skip(f.size)
	case kString, kBytes:
		return w.text(f)
	case kArray:
		return w.array(f)
	}
	if f.null <= w.version { // a struct that can be null: int8, -1 is null
		if len(w.b) == 0 {
			return w.fail("cut")
		}
		null := w.b[0] == 0xff
		w.b = w.b[1:]
		if null {
			return true
		}
	}
	return w.fields(f.of) && w.tags(f.tags)
}

func (w *walker) skip(n int) bool {
	if n > len(w.b) {
		return w.fail("cut")
	}
	w.b = w.b[n:]
	return true
}

func (w *walker) text(f *field) bool {
	n, ok := w.length(f.kind == kString)
	if !ok {
		return false
	}
	if n < 0 {
		return f.null <= w.version || w.fail("null where null is not allowed")
	}
	if f.kind == kString && n > maxString {
		return w.fail("string too long")
	}
	return w.skip(n)
}

// length reads the length of a string, of bytes or of an array; -1 means null.
func (w *walker) length(short bool) (int, bool) {
	switch {
	case w.flex:
		n, ok := w.uvarint()
		if n > 1<<31 {
			return 0, w.fail("length out of range")
		}
		return int(n) - 1, ok
	case short:
		if len(w.b) < 2 {
			return 0, w.fail("cut")
		}
		n := int16(binary.BigEndian.Uint16(w.b))
		w.b = w.b[2:]
		return max(int(n), -1), true
	}
	if len(w.b) < 4 {
		return 0, w.fail("cut")
	}
	n := int32(binary.BigEndian.Uint32(w.b))
	w.b = w.b[4:]
	return max(int(n), -1), true
}

func (w *walker) array(f *field) bool {
	n, ok := w.length(false)
	if !ok {
		return false
	}
	if n < 0 {
		return f.null <= w.version || w.fail("null where null is not allowed")
	}
	least := w.least(f)
	if n > MaxArray || n > w.elements || n > len(w.b)/least {
		return w.fail("array longer than it can be")
	}
	w.elements -= n
	if !w.pay(n * w.decoded(f)) {
		return false
	}
	if f.plain && f.of[0].kind == kFixed {
		return w.skip(n * f.of[0].size)
	}
	for range n {
		if f.plain {
			ok = w.field(&f.of[0])
		} else {
			ok = w.fields(f.of) && w.tags(f.tags)
		}
		if !ok {
			return false
		}
	}
	return true
}

// pay takes n bytes from the budget of the decoded request.
func (w *walker) pay(n int) bool {
	w.budget -= n
	return w.budget >= 0 || w.fail("too much in too few bytes")
}

// least is the number of bytes that one element of an array takes at least; never 0.
func (w *walker) least(f *field) int {
	n := 0
	for i := range f.of {
		if e := &f.of[i]; e.in(w.version) {
			switch {
			case e.kind == kFixed:
				n += e.size
			case e.kind == kStruct && e.null > w.version:
				n += w.least(e)
			case w.flex || e.kind == kStruct:
				n++
			case e.kind == kString:
				n += 2
			default:
				n += 4
			}
		}
	}
	if w.flex && !f.plain {
		n++
	}
	return max(n, 1)
}

// What decoded fields take in memory, and a struct's map of unknown tags once there is one.
const (
	sizeSlice = 24
	sizeTags  = 512
	sizeTag   = 64
)

// decoded is the number of bytes that one element takes as kmsg's struct, its own arrays not counted. Fields of other
// versions are part of the struct.
func (w *walker) decoded(f *field) int {
	n := f.extra
	for i := range f.of {
		switch e := &f.of[i]; e.kind {
		case kFixed:
			n += e.size
		case kStruct:
			n += w.decoded(e)
		default:
			n += sizeSlice
		}
	}
	if !f.plain {
		n += 16
	}
	return n
}

func (w *walker) tags(known []tagged) bool {
	if !w.flex {
		return true
	}
	n, ok := w.uvarint()
	if !ok {
		return false
	}
	if n == 0 {
		return true
	}
	if n > maxTags || n > uint64(len(w.b)/2) {
		return w.fail("more tags than there can be")
	}
	if !w.pay(sizeTags + int(n)*sizeTag) {
		return false
	}
	for range n {
		number, ok := w.uvarint()
		size, ok2 := w.uvarint()
		if !ok || !ok2 || size > uint64(len(w.b)) {
			return w.fail("cut tag")
		}
		if !w.tag(known, number, int(size)) {
			return false
		}
	}
	return true
}

// tag walks the content of a tag that is known, within its own size, and skips any other.
func (w *walker) tag(known []tagged, number uint64, size int) bool {
	rest := w.b[size:]
	for i := range known {
		if known[i].number == number {
			w.b = w.b[:size:size]
			if !w.field(&known[i].of) {
				return false
			}
		}
	}
	w.b = rest
	return true
}

// uvarint reads an unsigned varint of at most 32 bits.
func (w *walker) uvarint() (uint64, bool) {
	var v uint64
	for i := 0; i < len(w.b) && i < 5; i++ {
		c := w.b[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			w.b = w.b[i+1:]
			if v > 1<<32-1 {
				return 0, w.fail("varint out of range")
			}
			return v, true
		}
	}
	return 0, w.fail("cut")
}
