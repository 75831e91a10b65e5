package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// commit keeps an offset of partition 0 of a topic for a group without members.
func commit(t *testing.T, ctx context.Context, cl *kgo.Client, group, topic string, offset int64) {
	t.Helper()
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = offset
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	resp, err := cl.Request(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	if bad := resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; bad != 0 {
		t.Fatalf("commit of %s: code %d", group, bad)
	}
}

// What /metrics says of consumer groups follows what happens to them: who is there, why they rebalanced, how far they are behind.
func TestGroupMetrics(t *testing.T) {
	t.Parallel()
	w := newWard(t, func(c *Config) {
		c.Static = map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "3"}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cl := w.client(kgo.MaxVersions(kversion.V3_9_0())) // whose commits name topics
	says := func(lines ...string) {
		t.Helper()
		var all string
		missing := func(line string) bool { return !strings.Contains(all, "\nbroker_group"+line+"\n") }
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			all = read(t, w.Broker, "/metrics")
			i := slices.IndexFunc(lines, missing)
			if i < 0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("metrics lack %q:\n%s", lines[i], strings.Join(slices.DeleteFunc(strings.Split(all, "\n"), func(s string) bool {
					return !strings.HasPrefix(s, "broker_group")
				}), "\n"))
			}
		}
	}
	says(`s{state="Stable"} 0`, "_members 0", "_partitions_loaded 0", "_lag_left_out 0")
	for range 5 {
		w.produce(cl, "orders", 10)
	}
	commit(t, ctx, cl, "behind", "orders", 2)
	says(`s{state="Empty"} 1`, "_members 0", "_partitions_loaded 3", "_partitions_loading 0", "_offsets_committed_total 1",
		`_lag{group="behind",partition="0",topic="orders"} 3`)
	w.produce(cl, "orders", 10)
	says(`_lag{group="behind",partition="0",topic="orders"} 4`)
	commit(t, ctx, cl, "behind", "orders", 6)
	says(`_lag{group="behind",partition="0",topic="orders"} 0`, "_offsets_committed_total 2", "_offset_commits_failed_total 0")

	m := join(t, ctx, cl)
	if m == nil || m.ErrorCode != 0 {
		t.Fatalf("%+v", m)
	}
	says(`s{state="CompletingRebalance"} 1`, `s{state="Empty"} 1`, "_members 1", `_rebalances_total{reason="join"} 1`)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.Members = "g", []kmsg.LeaveGroupRequestMember{{MemberID: m.MemberID}}
	if _, err := cl.Request(ctx, leave); err != nil {
		t.Fatal(err)
	}
	says(`s{state="CompletingRebalance"} 0`, `s{state="Empty"} 2`, "_members 0", `_rebalances_total{reason="leave"} 1`, `_rebalances_total{reason="session_timeout"} 0`)

	for i := range 3 {
		commit(t, ctx, cl, fmt.Sprintf("more-%d", i), "orders", 1)
	}
	commit(t, ctx, cl, strings.Repeat("x", maxLagName+1), "orders", 1)
	told := func(room, groups int) (names []string, leftOut int) {
		l := source{w.Broker}.lags(room, groups)
		l.all(func(group, _, _ string, _ int64) { names = append(names, group) })
		return names, l.leftOut
	}
	if names, out := told(2, 100); !slices.Equal(names, []string{"behind", "more-0"}) || out != 3 {
		t.Errorf("room for two: %v, %d left out", names, out)
	}
	if names, out := told(100, 2); !slices.Equal(names, []string{"behind"}) || out != 4 { // "g" has no offsets
		t.Errorf("two groups: %v, %d left out", names, out)
	}
	says("_lag_left_out 1")
}
