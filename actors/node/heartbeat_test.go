package node

import (
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/raftnode"
)

// instant is a context in which it is always the same time.
type instant struct{ kit.Context }

func (instant) Self() *kit.Ref { return nil }
func (instant) Now() time.Time { return time.Unix(1, 0) }

// counted counts what it is told.
type counted struct{ n int }

func (b *counted) Post(any) bool      { b.n++; return true }
func (b *counted) TryPost(m any) bool { return b.Post(m) }
func (b *counted) Depth() int         { return 0 }

// lead is Raft on a node that leads, perhaps.
type lead struct {
	certain bool
	begun   uint64
}

func (l lead) Status() raftnode.Status {
	return raftnode.Status{Leader: 1, Certain: l.certain, Begun: l.begun}
}

// A broker asks its own controller for the right to lead only while that leads Raft beyond doubt: the controller hears of a doubt a little later. Nor does
// the controller act before the image has what earlier leaders decided: a broker that is fenced by then would get the right to lead.
func TestNoBeatInDoubt(t *testing.T) {
	img := meta.NewImage().WithIndex(7)
	for l, acts := range map[lead]bool{{true, 7}: true, {true, 5}: true, {false, 5}: false, {true, 8}: false} {
		n := New(Options{NodeID: 1, Published: &Published{}, Leader: func() int32 { return 1 }, Raft: l})
		b := &counted{}
		n.image, n.controller, n.life.epoch = img, kit.NewRef("controller", b), 5
		if n.beat(instant{}); (b.n == 1) != acts {
			t.Errorf("%+v: %d heartbeats", l, b.n)
		}
	}
}
