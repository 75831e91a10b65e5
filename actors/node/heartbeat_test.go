package node

import (
	"log/slog"
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/raftnode"
)

// instant is a context at a time, in seconds.
type instant struct {
	kit.Context
	at float64
}

func (instant) Self() *kit.Ref    { return nil }
func (i instant) Now() time.Time  { return time.Unix(0, int64(i.at*1e9)) }
func (instant) Log() *slog.Logger { return slog.New(slog.DiscardHandler) }

// counted counts what it is told.
type counted struct{ n int }

func (b *counted) Post(any) bool      { b.n++; return true }
func (b *counted) TryPost(m any) bool { return b.Post(m) }
func (b *counted) Depth() int         { return 0 }

// lead is Raft on a node that leads, perhaps.
type lead struct {
	certain bool
	begun   uint64
	// committed of the group, 0: nothing
	committed uint64
}

func (l lead) Status() raftnode.Status {
	return raftnode.Status{Leader: 1, Certain: l.certain, Begun: l.begun, Committed: l.committed}
}

// A broker asks its own controller for the right to lead only while that leads Raft beyond doubt: the controller hears of a doubt a little later. Nor does
// the controller act before the image has what earlier leaders decided: a broker that is fenced by then would get the right to lead.
func TestNoBeatInDoubt(t *testing.T) {
	img := meta.NewImage().WithIndex(7)
	for l, acts := range map[lead]bool{{true, 7, 0}: true, {true, 5, 0}: true, {false, 5, 0}: false, {true, 8, 0}: false} {
		n := New(Options{NodeID: 1, Published: &Published{}, Leader: func() int32 { return 1 }, Raft: l})
		b := &counted{}
		n.image, n.controller, n.life.epoch = img, kit.NewRef("controller", b), 5
		if n.beat(instant{}); (b.n == 1) != acts {
			t.Errorf("%+v: %d heartbeats", l, b.n)
		}
	}
}

// The broker of the node that leads Raft asks its controller for nothing while its image lacks what was committed long ago: that one knows as little of
// who leads as it does. The lead in Raft is offered to others then. A node that is alone has nobody who could lead in its stead.
func TestNoBeatBehind(t *testing.T) {
	raft := &lead{true, 1, 7}
	n := New(Options{NodeID: 1, Published: &Published{}, Leader: func() int32 { return 1 }, Raft: raft})
	b, q := &counted{}, &counted{}
	n.o.Quorum, n.controller, n.life.epoch = kit.NewRef("raft", q), kit.NewRef("controller", b), 5
	n.linked = map[int32]peer.Link{2: {}}
	look := func(at float64, index uint64, beats, offers int) {
		t.Helper()
		n.image = meta.NewImage().WithIndex(index)
		b.n, q.n = 0, 0
		n.beat(instant{at: at})
		n.watchImage(instant{at: at})
		if b.n != beats || q.n != offers {
			t.Errorf("%d heartbeats, and the lead was offered %d times", b.n, q.n)
		}
	}
	look(1, 7, 1, 0)
	look(100, 7, 1, 0)
	raft.committed = 9
	look(101, 7, 1, 0)
	look(104.9, 8, 1, 0)
	look(105, 8, 0, 1)
	look(106, 8, 0, 0) // it was offered
	look(109, 8, 0, 1)
	raft.committed = 12
	look(110, 9, 1, 0) // it goes on, and is a little behind
	look(113.9, 11, 1, 0)
	look(114, 12, 1, 0)
	raft.committed = 13
	look(115, 12, 1, 0)
	look(119, 12, 0, 1)
	clear(n.linked)
	look(120, 12, 1, 0)
}
