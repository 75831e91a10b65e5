package node

import (
	"testing"
	"time"

	"troupe/actors/kit"
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
type lead struct{ certain bool }

func (l lead) Status() raftnode.Status { return raftnode.Status{Leader: 1, Certain: l.certain} }

// A broker asks its own controller for the right to lead only while that leads Raft beyond doubt: the controller hears of a doubt a little later.
func TestNoBeatInDoubt(t *testing.T) {
	for _, certain := range []bool{true, false} {
		n := New(Options{NodeID: 1, Published: &Published{}, Leader: func() int32 { return 1 }, Raft: lead{certain}})
		b := &counted{}
		n.controller, n.life.epoch = kit.NewRef("controller", b), 5
		if n.beat(instant{}); (b.n == 1) != certain {
			t.Errorf("certain %v: %d heartbeats", certain, b.n)
		}
	}
}
