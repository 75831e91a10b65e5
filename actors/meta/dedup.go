package meta

import (
	"cmp"
	"slices"

	"troupe/kafka/code"
)

// Limits of the memory of requests. A proposer keeps fewer than rememberedPerGeneration proposals open at a time.
const (
	rememberedPerGeneration = 256     // answers in one generation; two generations are kept per origin
	rememberedBytes         = 1 << 20 // a generation also ends when its answers are as large as this
	incarnationsPerNode     = 2       // runs of one node that are remembered; a third one pushes the older out
	maxOrigins              = 1024    // of all nodes together; the one that was quiet longest is forgotten
)

// origin is one run of one proposer and the answers it was given lately. It is immutable.
type origin struct {
	node        int32
	incarnation uint64
	born        uint64 // the index of its first entry
	floor       uint64 // the highest Seq whose answer was forgotten
	highest     uint64 // the highest Seq seen
	last        uint64 // the index of its last entry
	gen         uint32 // of cur
	cur, prev   answers
}

// answers is one generation, newest first.
type answers struct {
	head  *answer
	n     int
	bytes int
}

// answer is one remembered result, encoded. Images share the list, so that remembering costs O(1).
type answer struct {
	seq    uint64
	index  uint64
	gen    uint32
	result []byte
	next   *answer
}

func cmpOrigin(o *origin, id RequestID) int {
	return cmp.Or(cmp.Compare(o.node, id.Node), cmp.Compare(o.incarnation, id.Incarnation))
}

// remembered finds the answer that a request was given before. A request so old that its answer may have been forgotten is refused:
// applying it could be the second time.
func (m *Image) remembered(id RequestID) (Result, bool) {
	i, ok := slices.BinarySearchFunc(m.origins, id, cmpOrigin)
	if !ok || id.Seq == 0 || id.Seq > m.origins[i].highest {
		return Result{}, false
	}
	o := m.origins[i]
	for _, list := range [...]answers{o.cur, o.prev} {
		for a := list.head; a != nil; a = a.next {
			if a.seq == id.Seq {
				return mustDecodeResult(a.result), true
			}
		}
	}
	if id.Seq <= o.floor {
		return refuse(code.RequestTimedOut, "Request %d of node %d is older than the answers that are kept: propose it again under a new number.",
			id.Seq, id.Node), true
	}
	return Result{}, false
}

// remember keeps the answer to a request.
func (e *edit) remember(id RequestID, r Result) {
	if id.Seq == 0 {
		return
	}
	a := &answer{seq: id.Seq, index: e.img.index, result: EncodeResult(r)}
	list := slices.Clone(e.img.origins)
	i, ok := slices.BinarySearchFunc(list, id, cmpOrigin)
	if ok {
		list[i] = list[i].with(a)
	} else {
		o := &origin{node: id.Node, incarnation: id.Incarnation, born: e.img.index}
		list = slices.Insert(list, i, o.with(a))
		list = forgetOrigins(list, id.Node)
	}
	e.img.origins = list
}

func (o *origin) with(a *answer) *origin {
	n := *o
	if n.cur.n >= rememberedPerGeneration || n.cur.bytes >= rememberedBytes {
		for p := n.prev.head; p != nil; p = p.next {
			n.floor = max(n.floor, p.seq)
		}
		n.prev, n.cur = n.cur, answers{}
		n.gen++
	}
	a.gen, a.next = n.gen, n.cur.head
	n.cur = answers{head: a, n: n.cur.n + 1, bytes: n.cur.bytes + len(a.result)}
	n.highest, n.last = max(n.highest, a.seq), a.index
	return &n
}

// forgetOrigins drops what is over the limits after a new origin of the given node came in.
func forgetOrigins(list []*origin, node int32) []*origin {
	oldest := func(among func(*origin) bool) (at, n int) {
		at = -1
		for i, o := range list {
			if !among(o) {
				continue
			}
			n++
			if at < 0 || o.last < list[at].last {
				at = i
			}
		}
		return at, n
	}
	if at, n := oldest(func(o *origin) bool { return o.node == node }); n > incarnationsPerNode {
		return slices.Delete(list, at, at+1)
	}
	if len(list) > maxOrigins {
		at, _ := oldest(func(*origin) bool { return true })
		return slices.Delete(list, at, at+1)
	}
	return list
}
