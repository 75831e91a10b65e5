package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

func TestFetchNear(t *testing.T) {
	w := newWorld(t, 3, map[string]string{"replica.selector.class": rackAwareSelector})
	a := w.topic("a", []int32{1, 2, 3}, []int32{2, 1, 3})
	w.part("a", 0).add(4, 100, 0, true)
	f := func(version int16, rack string, partition, offset int, want string) {
		t.Helper()
		r := fetchOf(a, fmt.Sprintf("%d@%d", partition, offset))
		r.Rack = rack
		p := w.fetch(version, r).Topics[0].Partitions[0]
		expect(t, fmt.Sprint("v", version, " ", rack), fmt.Sprintf("%d: %d@%d(%t)", p.PreferredReadReplica, p.ErrorCode, p.HighWatermark, len(p.RecordBatches) > 0), want)
	}
	for v := int16(11); v <= 18; v++ {
		f(v, "", 0, 0, "-1: 0@4(true)")
		f(v, "r1", 0, 0, "-1: 0@4(true)")
		f(v, "r2", 0, 0, "2: 0@4(false)")
		f(v, "r3", 0, 4, "3: 0@4(false)")
		f(v, "r4", 0, 0, "-1: 0@4(true)")
		f(v, "r2", 0, 5, "-1: 1@-1(false)")
	}
	f(10, "r2", 0, 0, "-1: 0@4(true)")
	f(11, "r1", 1, 0, "-1: 6@-1(false)") // the follower has nothing to say yet
	w.part("a", 1).follows = true
	w.part("a", 1).add(2, 100, 0, true)
	f(11, "r1", 1, 0, "-1: 0@2(true)")
	f(11, "r2", 1, 0, "-1: 0@2(true)") // only the leader sends clients away
	f(10, "r1", 1, 0, "-1: 6@-1(false)")

	// The answer is not held back for bytes, and a session shows the replica each time.
	r := fetchOf(a, "0@4")
	r.Rack, r.MaxWaitMillis, r.SessionEpoch = "r2", 60_000, 0
	resp := w.begin(12, r)
	if resp.resp == nil {
		t.Fatal("a client that shall go elsewhere waits")
	}
	x := resp.answer().(*kmsg.FetchResponse)
	again := fetchOf(a)
	again.Topics, again.Rack, again.SessionID, again.SessionEpoch = nil, "r2", x.SessionID, 1
	if y := w.fetch(12, again); len(y.Topics) != 1 || y.Topics[0].Partitions[0].PreferredReadReplica != 2 {
		t.Errorf("%+v", y)
	}

	w.fence(2) // out of sync, and not there
	f(11, "r2", 0, 0, "-1: 0@4(true)")
	w.apply(meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{{Type: meta.BrokerResource, Ops: []meta.AlterOp{{Op: meta.ConfigDelete, Key: "replica.selector.class"}}}}})
	w.env.Static = nil
	f(11, "r3", 0, 0, "-1: 0@4(true)")
}

// A follower's long poll ends when its high watermark moves.
func TestFetchWaitsAtFollower(t *testing.T) {
	w := newWorld(t, 2, nil)
	a := w.topic("a", []int32{2, 1})
	p := w.part("a", 0)
	p.follows = true
	f := w.begin(12, fetchOf(a, "0@0"))
	w.pass(100 * time.Millisecond)
	if f.resp != nil || len(p.watches) != 1 {
		t.Fatalf("%d watches", len(p.watches))
	}
	p.add(1, 10, 0, true)
	w.run()
	expect(t, "grown", shown(f.answer().(*kmsg.FetchResponse)), "0 0:0@1(78)")
}
