package kafka

import (
	"encoding/binary"
	"fmt"
	"time"

	"troupe/kafka/api"
	"troupe/storage"
	"troupe/storage/record"
)

const (
	slabMax = 4 << 20 // a slab holds at most this, or one batch
	// What an element takes in memory once parsed; elements may take spare bytes and as much again as factor times the frame.
	sizePartition = 128
	sizeTopic     = 80
	spare         = 1 << 20
	// What the batches of one request may take decompressed, all together: time is what a small request must not buy much of.
	// Beside that, each is bounded by record.MaxInflated.
	minInflate    = 512 << 20
	maxRatio      = 16
	factor        = 8
	atLength      = 8 // in a batch
	atMagic       = 16
	atAttributes  = 21
	transactional = 0x10
)

// produceParser takes a Produce request off the socket, field by field: names and numbers into a ProduceRequest, record batches
// into slabs. Each batch is checked while it is in the cache.
type produceParser struct {
	*frame
	flex     bool
	version  int16
	req      *api.ProduceRequest
	slab     *storage.Slab // the last of req.Slabs, nil if the next batch needs a new one
	elements int           // array elements that may still come
	room     int           // bytes that they may still take
	inflate  int64         // bytes that batches may still take decompressed, all together
	waited   time.Duration // for topics that are not known yet
	rebuild  []rebuild     // batches that their topics want in another form
	err      error         // first error; afterwards all reads give zero
}

func (f *frame) produce() error {
	v := f.call.Version
	p := produceParser{frame: f, flex: f.e.Flexible(v), version: v, req: &api.ProduceRequest{}, elements: api.MaxArray, room: factor*f.size + spare,
		inflate: max(minInflate, maxRatio*int64(f.size))}
	f.call.Produce = p.req
	f.call.ClientID = p.shortString()
	f.call.Op.SetClient(f.call.ClientID)
	p.tags()
	p.req.TransactionalID = p.nullable()
	p.req.Acks = int16(p.uint(2))
	p.req.TimeoutMs = int32(p.uint(4))
	n := p.array(sizeTopic)
	p.req.Topics = make([]api.ProduceTopic, 0, min(n, 64))
	for i := 0; i < n && p.err == nil; i++ {
		p.topic(n - i - 1)
	}
	p.tags()
	if p.err != nil {
		return p.err
	}
	if err := f.discard(f.left); err != nil { // bytes after the body are accepted
		return err
	}
	return p.recode()
}

func (p *produceParser) topic(more int) {
	var t api.ProduceTopic
	if p.version >= 13 {
		p.bytes(t.ID[:])
	} else if name := p.nullable(); name != nil {
		t.Name = *name
	} else {
		p.fail("null topic")
	}
	n := p.array(sizePartition)
	if p.err != nil {
		return
	}
	facts := p.lookUp(&t)
	t.Partitions = make([]api.ProducePartition, 0, min(n, 64))
	for i := 0; i < n && p.err == nil; i++ {
		part := api.ProducePartition{Index: int32(p.uint(4)), Slab: -1, KeysChecked: facts.needKeys}
		part.Bytes = p.length()
		p.records(&part, &facts, n-i+4*more)
		p.tags()
		t.Partitions = append(t.Partitions, part)
		if p.err == nil && part.Slab >= 0 && facts.rebuilds(part.Info) {
			p.rebuild = append(p.rebuild, rebuild{topic: len(p.req.Topics), part: i, target: *facts.target, most: facts.maxBytes})
		}
	}
	p.tags()
	p.req.Topics = append(p.req.Topics, t)
}

// lookUp finds a topic. One that is not known here although a client knows it may be news that is on its way: the reader waits for it, once per
// request, because a batch can be checked only by its topic's settings.
func (p *produceParser) lookUp(t *api.ProduceTopic) topicFacts {
	facts := p.find(p.version, t.Name, t.ID)
	for !facts.known && p.waited < api.BehindWait && p.behind != nil && p.behind() {
		time.Sleep(api.LookEvery)
		p.waited += api.LookEvery
		facts = p.find(p.version, t.Name, t.ID)
	}
	return facts
}

// records reads one batch into a slab and checks it. guess is how many batches may still come, this one included.
func (p *produceParser) records(part *api.ProducePartition, facts *topicFacts, guess int) {
	n := part.Bytes
	switch {
	case p.err != nil:
	case n > p.left:
		p.err = errCut
	case !facts.known:
		p.skipBatch(part)
	case n <= 0:
		_, part.Err = record.Check(nil, record.Opts{})
	default:
		b := p.place(part, n, guess)
		if p.err == nil {
			p.check(part, b, facts)
		}
	}
}

// place gets the batch into a slab. A batch that is larger than what the client may have allocated on trust gathers in
// memory that grows with it, and is copied.
func (p *produceParser) place(part *api.ProducePartition, n, guess int) []byte {
	if p.slab != nil {
		if at, ok := p.slab.Add(n); ok {
			return p.batch(part, at, nil)
		}
		p.slab = nil
	}
	var b []byte
	if n > p.granted() {
		if b, p.err = p.gather(n, nil); p.err != nil {
			return nil
		}
	}
	rest := storage.SlabSize(guess, max(n, p.left))
	size := max(storage.SlabSize(1, n), min(rest, slabMax, p.granted()))
	if !p.acc.take(size) {
		p.err = errClosed
		return nil
	}
	p.slab = storage.NewSlab(size)
	p.req.Slabs = append(p.req.Slabs, p.slab)
	at, ok := p.slab.Add(n)
	if !ok {
		p.err = fmt.Errorf("BUG: no room for %d bytes in a new slab of %d", n, size)
		return nil
	}
	return p.batch(part, at, b)
}

// batch fills the place at of the present slab, from b if that has the bytes already.
func (p *produceParser) batch(part *api.ProducePartition, at int, b []byte) []byte {
	part.Slab, part.At = len(p.req.Slabs)-1, at
	to := p.slab.Batch(at)
	if b != nil {
		copy(to, b)
	} else {
		p.err = p.fill(to)
	}
	return to
}

func (p *produceParser) check(part *api.ProducePartition, b []byte, facts *topicFacts) {
	part.Transactional = marked(b, len(b))
	part.Info, part.Err = record.Check(b, record.Opts{
		NeedKeys: part.KeysChecked, Topic: facts.name, Partition: part.Index, NoZstd: p.version < 7, Renumber: facts.renumbers(b), OwnTime: facts.ownTime, MaxInflated: max(min(p.inflate, record.MaxInflated), 1),
	})
	p.inflate -= part.Info.Inflated
	switch {
	case part.Err != nil:
		p.inflate -= part.Err.Inflated
		_, part.Garbled = garbled(b)
		p.slab.Undo()
		part.Slab, part.At = -1, 0
	case part.Info.Size < len(b):
		p.slab.Trim(part.At, part.Info.Size)
	}
}

// skipBatch reads over a batch for a topic that is not known. Its header is looked at all the same: it can refuse the request.
func (p *produceParser) skipBatch(part *api.ProducePartition) {
	if part.Bytes <= 0 {
		return
	}
	var head [atAttributes + 2]byte
	h := head[:min(len(head), part.Bytes)]
	p.bytes(h)
	part.Transactional = marked(h, part.Bytes)
	part.Err, part.Garbled = garbled(h)
	if p.err == nil {
		p.err = p.discard(part.Bytes - len(h))
	}
}

// marked says whether a batch of format v2, whole in n bytes that begin with b, claims to be part of a transaction.
func marked(b []byte, n int) bool {
	return len(b) >= atAttributes+2 && b[atMagic] == 2 && b[atAttributes+1]&transactional != 0 &&
		int64(int32(binary.BigEndian.Uint32(b[atLength:])))+record.Overhead <= int64(n)
}

// garbled says whether the frame of the batch that begins with b cannot be read: its length or its magic cannot be.
func garbled(b []byte) (*record.Error, bool) {
	const corrupt = 2
	_, err := record.Check(b[:min(len(b), atMagic+1)], record.Opts{})
	if err == nil || err.Code != corrupt {
		return nil, false
	}
	return err, true
}

func (p *produceParser) fail(why string) {
	if p.err == nil {
		p.err = fmt.Errorf("malformed produce request: %s", why)
	}
}

// bytes fills b.
func (p *produceParser) bytes(b []byte) {
	if p.err == nil {
		p.err = p.fill(b)
	}
}

// uint reads a big-endian number of n bytes, at most 4.
func (p *produceParser) uint(n int) uint32 {
	if p.err != nil {
		return 0
	}
	if n > p.left {
		p.err = errCut
		return 0
	}
	if p.err = p.src.need(n); p.err != nil {
		return 0
	}
	var v uint32
	for _, c := range p.src.buf[p.src.r : p.src.r+n] {
		v = v<<8 | uint32(c)
	}
	p.src.r += n
	p.left -= n
	return v
}

func (p *produceParser) uvarint() int {
	var v uint64
	for shift := 0; shift < 35 && p.err == nil; shift += 7 {
		c := p.uint(1)
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v >= 1<<32 {
				break
			}
			return int(v)
		}
	}
	p.fail("varint out of range")
	return 0
}

// length reads the length of an array or of bytes; -1 means null.
func (p *produceParser) length() int {
	if p.flex {
		n := p.uvarint() - 1
		if n >= 1<<31 {
			p.fail("length out of range")
		}
		return n
	}
	return max(int(int32(p.uint(4))), -1)
}

// array reads the count of an array whose elements take size bytes each once parsed.
func (p *produceParser) array(size int) int {
	n := p.length()
	switch {
	case p.err != nil:
		return 0
	case n < 0:
		p.fail("null array")
		return 0
	case n > p.elements || n > p.left/p.least(size) || n*size > p.room:
		p.fail("array longer than it can be")
		return 0
	}
	p.elements -= n
	p.room -= n * size
	return n
}

// least is the number of bytes that an element takes at least in the frame.
func (p *produceParser) least(size int) int {
	switch {
	case size == sizePartition && p.flex:
		return 4 + 1 + 1
	case size == sizePartition:
		return 4 + 4
	case p.version >= 13:
		return 16 + 1 + 1
	case p.flex:
		return 1 + 1 + 1
	}
	return 2 + 4
}

// shortString is a nullable string with a length of two bytes, as the client id in every version.
func (p *produceParser) shortString() *string {
	return p.text(int(int16(p.uint(2))))
}

func (p *produceParser) nullable() *string {
	if p.flex {
		return p.text(p.uvarint() - 1)
	}
	return p.shortString()
}

func (p *produceParser) text(n int) *string {
	if n < 0 || p.err != nil {
		return nil
	}
	if n > maxString {
		p.fail("string too long")
		return nil
	}
	if n > p.left {
		p.err = errCut
		return nil
	}
	var s string
	if n <= bigBuffer {
		if p.err = p.src.need(n); p.err != nil {
			return nil
		}
		s = string(p.src.buf[p.src.r : p.src.r+n])
		p.src.r += n
		p.left -= n
		return &s
	}
	b := make([]byte, n)
	p.bytes(b)
	s = string(b)
	return &s
}

func (p *produceParser) tags() {
	if !p.flex || p.err != nil {
		return
	}
	n := p.uvarint()
	if n > maxTags || n > p.left/2 {
		p.fail("more tags than there can be")
	}
	for ; n > 0 && p.err == nil; n-- {
		p.uvarint()
		size := p.uvarint()
		if p.err == nil {
			p.err = p.discard(size)
		}
	}
}
