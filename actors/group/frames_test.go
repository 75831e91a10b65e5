package group

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// padded has a request read from a frame of much more than it says.
func padded[R kmsg.Request](t *testing.T, req, into R) R {
	t.Helper()
	frame := append(req.AppendTo(nil), make([]byte, 512<<10)...)
	into.SetVersion(req.GetVersion())
	if err := into.ReadFrom(frame); err != nil {
		t.Fatal(err)
	}
	return into
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestWhatWaitsIsSmall: members that wait for minutes, their connections long gone, hold none of the frames in which they asked.
func TestWhatWaitsIsSmall(t *testing.T) {
	const n = 200
	cfg := plainConfig()
	cfg.CommitTimeoutMs = 0
	c := newCore("g", cfg, at(1))
	join := func(id string) {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group, req.ProtocolType, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 9, "g", "x", 10_000, 1<<31-1
		req.InstanceID, req.Reason = &id, kmsg.StringPtr(strings.Repeat("r", 32_000))
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "p", Metadata: []byte{}}}
		req.UnknownTags.Set(99, make([]byte, 100<<10))
		c.join(&Join{Req: padded(t, req, kmsg.NewPtrJoinGroupRequest())}, id, at(2))
	}
	small := func(what string, before int) {
		t.Helper()
		c.out = outbox{}
		if took := heap() - before; took > 4<<20 {
			t.Errorf("%d %s take %d KB", n, what, took>>10)
		}
	}
	before := heap()
	for i := range n {
		join(fmt.Sprint("m", i))
	}
	small("joins", before)
	if c.joining != n {
		t.Fatalf("%d wait", c.joining)
	}
	c.tick(at(3003))
	c.tick(at(7000))
	if c.state != completing || len(c.out.writes) == 0 {
		t.Fatalf("the group is %v, with %d writes", c.state, len(c.out.writes))
	}
	c.written(c.out.writes[len(c.out.writes)-1], code.OK, at(7000))
	c.out = outbox{}
	before = heap()
	for i := range n {
		if id := fmt.Sprint("m", i); id != c.leader {
			req := kmsg.NewPtrSyncGroupRequest()
			req.Version, req.Group, req.MemberID, req.Generation = 5, "g", id, c.generation
			req.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: id, MemberAssignment: make([]byte, 100<<10)}}
			c.syncGroup(&Sync{Req: padded(t, req, kmsg.NewPtrSyncGroupRequest())}, at(7000))
		}
	}
	small("syncs", before)
	runtime.KeepAlive(c)
}
