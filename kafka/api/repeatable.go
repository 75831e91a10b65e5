package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// repeatable is an answer that tells of groups or producers, encoded as it is written. A request of some kilobytes may name one large group a thousand
// times, and the answer tells it as often: what is told is kept once, whatever the length of the answer.
type repeatable struct {
	head []byte
	told []*telling // in the order of the answer; one may stand there many times
	tail []byte

	size int
	held int
	at   int // in told
	in   place
	step step
}

// step is which part of an answer comes next.
type step uint8

const (
	stepHead step = iota
	stepTold
	stepEnd
)

// telling is one thing that is told.
type telling struct {
	piecewise
	size int
	held int // about what it keeps in memory until it is told; what groups keep anyhow aside
}

// piecewise is what can be encoded piece by piece.
type piecewise interface {
	// next appends what comes after a place until b is about full bytes long, and says whether that is all.
	next(b []byte, at *place, full int) ([]byte, bool)
}

// place is how far something has been encoded: an element, a field of it, bytes of the field. The zero value is its beginning.
type place struct{ element, field, bytes int }

// maxAnswer is how long an answer may be: not far from the most that a frame can hold. It is said a gigabyte ahead of anything that a client can
// want, and who asks for more is hung up on, since half an answer would be a wrong one.
const maxAnswer = 1 << 30

// literal is what is told in one piece, as it is.
type literal []byte

func (l literal) next(b []byte, _ *place, _ int) ([]byte, bool) { return append(b, l...), true }

func newTelling(p piecewise, held int) *telling {
	t := &telling{piecewise: p, held: held}
	b := scratch.Get().(*[]byte)
	var at place
	for all := false; !all; t.size += len(*b) {
		*b, all = p.next((*b)[:0], &at, chunk)
	}
	scratch.Put(b)
	return t
}

// inOrder is what is told as the request names it: places in each.
func inOrder(each []*telling, order []int) []*telling {
	told := make([]*telling, len(order))
	for i, at := range order {
		told[i] = each[at]
	}
	return told
}

// tell answers with all of it, or hangs up if that is more than can be.
func (c *Call) tell(head []byte, told []*telling, tail []byte, resp kmsg.Response) {
	r := &repeatable{head: head, told: told, tail: tail, size: len(head) + len(tail), held: 8 * len(told)}
	seen := make(map[*telling]bool, len(told))
	for _, t := range told {
		if r.size += t.size; !seen[t] {
			seen[t] = true
			r.held += t.held
		}
		if r.size > maxAnswer {
			c.Disconnect(fmt.Sprintf("the answer to a request of key %d would have more than %d bytes", c.Key, maxAnswer))
			return
		}
	}
	if c.Op != nil {
		c.Op.SetCode(codeOf(resp))
	}
	c.Send(r)
}

// Size implements Streamed.
func (r *repeatable) Size() int { return r.size }

// Held implements Streamed.
func (r *repeatable) Held() int { return r.held }

// AppendTo implements Response.
func (r *repeatable) AppendTo(b []byte) ([]byte, [][]byte, func()) {
	for r.at, r.in, r.step = 0, (place{}), stepHead; r.step != stepEnd; {
		b = r.Next(b)
	}
	return b, nil, nil
}

// Next implements Streamed.
func (r *repeatable) Next(b []byte) []byte {
	full := len(b) + chunk
	if r.step == stepHead {
		b = append(b, r.head...)
		r.step = stepTold
	}
	for r.step == stepTold && r.at < len(r.told) {
		if len(b) >= full {
			return b
		}
		all := false
		if b, all = r.told[r.at].next(b, &r.in, full); !all {
			return b
		}
		r.at++
		r.in = place{}
	}
	if r.step == stepTold {
		b = append(b, r.tail...)
		r.step = stepEnd
	}
	return b
}
