package group

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What members say is bounded for each group by what a batch can hold, and for each shard.
func TestRoom(t *testing.T) {
	cfg := plainConfig()
	cfg.MaxBatch = 100
	c := newCore("g", cfg, moment{})
	one := &member{id: "1", protocols: []protocol{{"range", make([]byte, 195)}}}
	f := func(want bool, known *member, size int) {
		t.Helper()
		list := []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: make([]byte, size-5)}}
		if got := c.hasRoom(known, list); got != want {
			t.Fatalf("%d bytes beside %d: %v", size, c.bytes, got)
		}
	}
	f(true, nil, 400)
	f(false, nil, 401)
	c.add(one)
	f(true, nil, 200)
	f(false, nil, 201)
	f(true, one, 400)
	f(false, one, 401)
	c.remove(one)
	if c.bytes != 0 {
		t.Fatalf("%d bytes of nobody", c.bytes)
	}
	f(true, nil, 400)

	s, x := &term{stats: &Stats{}}, &slot{}
	newcomer, old := &Join{Req: &kmsg.JoinGroupRequest{}}, &Join{Req: &kmsg.JoinGroupRequest{MemberID: "m"}}
	g := func(bytes int, forNew, forOld bool) {
		t.Helper()
		s.shows(x, listing{bytes: bytes})
		if s.full(newcomer) != forNew || s.full(old) != forOld {
			t.Fatalf("%d bytes: full for a new member %v, for an old one %v", bytes, s.full(newcomer), s.full(old))
		}
	}
	g(maxMemberBytes, false, false)
	g(maxMemberBytes+byteStep, true, false)
	g(2*maxMemberBytes+byteStep, true, true)
	g(0, false, false)
}
