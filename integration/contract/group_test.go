package contract

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

// join makes a member of a group that has read what there is, and committed it.
func join(t *testing.T, b *harness.Broker, group, topic string) (leave func()) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Kafka), kgo.ClientID("reader"), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if f := cl.PollFetches(ctx); f.Err() != nil || f.NumRecords() == 0 {
		t.Fatalf("%d records, %v", f.NumRecords(), f.Err())
	}
	if err := cl.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	return cl.Close
}

func TestGroups(t *testing.T) {
	b := harness.Start(t, t.TempDir(), "--set", "group.initial.rebalance.delay.ms=0")
	s := shell{t, b}
	s.ok("", `^GROUP +STATE +TYPE +PROTOCOL +COORDINATOR\n$`, "group", "list")
	s.bad(4, `describe group audit: there is no such group \(GROUP_ID_NOT_FOUND\); see: broker group list`, "group", "describe", "audit")
	s.ok("", "OK", "topic", "create", "orders", "-p", "2")
	s.ok("a\nb\nc\nd\n", "", "topic", "produce", "orders", "-p", "1")

	leave := join(t, b, "audit", "orders")
	s.ok("e\nf\n", "", "topic", "produce", "orders", "-p", "1")
	s.ok("", `(?m)^audit +Stable +classic +consumer +1$`, "group", "list")
	s.ok("", `^GROUP.*\n$`, "group", "list", "--state", "empty")
	shown := s.ok("", `(?s)^group +audit\nstate +Stable\n.*lag +2\n.*rebalanced +\S+ \S+ took \d+ ms, generation 1, 1 member: .*\(reader at 127\.0\.0\.1\)`, "group", "describe", "audit")
	if !strings.Contains(shown, "orders  1          4          0      6    2") {
		t.Error(shown)
	}
	var d []struct {
		Group, State string
		Lag          int64
		Members      []struct{ Assigned []string }
		Why          struct {
			Generation int
			Rebalances []struct{ Reason string }
		}
	}
	if s.json(&d, "group", "describe", "audit"); len(d) != 1 || d[0].Lag != 2 || len(d[0].Members) != 1 || len(d[0].Members[0].Assigned) != 2 || d[0].Why.Generation != 1 ||
		len(d[0].Why.Rebalances) == 0 || d[0].Why.Rebalances[0].Reason == "" {
		t.Errorf("%+v", d)
	}
	s.ok("", `(?s)state +Stable.*why +not known: cannot reach the admin address 127.0.0.1:1`, "group", "describe", "audit", "--admin", "127.0.0.1:1")

	// A group with members stays as it is.
	s.bad(7, `seek group audit: it is Stable and has 1 member \(reader at 127\.0\.0\.1\).*stop them, then repeat`, "group", "seek", "audit", "--to", "start", "--yes")
	s.bad(7, `delete group audit: it is Stable and has 1 member`, "group", "delete", "audit", "--dry-run")
	s.bad(7, `delete group audit: NON_EMPTY_GROUP: it has members; stop them`, "group", "delete", "audit", "--yes")
	s.bad(4, `did you mean audit\?`, "group", "delete", "audti", "--yes")
	leave()

	s.ok("", `(?m)^audit +Empty `, "group", "list")
	s.ok("", `(?m)^TOPIC +PARTITION +FROM +TO +START +END *\norders +1 +4 +0 +0 +6 *$`, "group", "seek", "audit", "--to", "start", "--dry-run")
	s.bad(4, `topic orders has no partition 7`, "group", "seek", "audit", "--to", "start", "--topic", "orders:7", "--dry-run")
	s.bad(4, `there is no such topic.*did you mean orders\?`, "group", "seek", "audit", "--to", "start", "--topic", "order", "--dry-run")
	s.bad(4, `there is no such group.*did you mean audit\?`, "group", "seek", "audi", "--to", "start")
	s.bad(2, `want one of --to and --shift`, "group", "seek", "audit")
	s.bad(2, `want one of --to and --shift`, "group", "seek", "audit", "--to", "1", "--shift", "1")
	s.bad(2, `--shift x: want`, "group", "seek", "audit", "--shift", "x")
	s.bad(2, `--to now: want`, "group", "seek", "audit", "--to", "now")
	s.bad(2, `--topic orders:x: "x" is no partition`, "group", "seek", "audit", "--to", "end", "--topic", "orders:x")
	seek := func(want string, args ...string) {
		t.Helper()
		s.ok("", `(?m)^orders +1 +`+want, append([]string{"group", "seek", "audit", "--yes", "--topic", "orders:1"}, args...)...)
	}
	seek(`4 +0 +0 +6`, "--to", "start")
	seek(`0 +6 +0 +6`, "--to", "end")
	seek(`6 +3 +0 +6`, "--shift", "-3")
	seek(`3 +0 +0 +6 +the partition begins here`, "--shift", "-30")
	seek(`0 +6 +0 +6 +the partition ends here`, "--to", "1000")
	seek(`6 +2 +0 +6`, "--to", "2")
	seek(`2 +2 +0 +6 +stays`, "--to", "+2")
	seek(`2 +0 +0 +6`, "--to", "@-1h")
	seek(`0 +6 +0 +6`, "--to", "@"+time.Now().Add(time.Hour).Format(time.RFC3339))
	s.ok("", `(?m)^orders +1 +6 +6 +0 +6 +stays`, "group", "seek", "audit", "--to", "end", "--yes")
	s.bad(1, `nothing is committed of orders-0`, "group", "seek", "new", "--shift", "1", "--topic", "orders", "--yes")
	s.ok("", `(?m)^orders +0 +- +0 +0 +0 *$`, "group", "seek", "new", "--to", "start", "--topic", "orders", "--yes")

	if _, errOut, code := s.b.CLI("", "group", "delete", "audit"); code != 2 || !strings.Contains(errOut, "delete audit (1 offset): nobody to ask; say --yes") {
		t.Errorf("code %d, %q", code, errOut)
	}
	s.ok("", `(?m)^audit +Empty +0 +1$`, "group", "delete", "audit", "--dry-run")
	s.ok("", `(?m)^audit +OK\nnew +OK$`, "group", "delete", "audit", "new", "--yes")
	if out, _, code := s.b.CLI("", "group", "delete", "audit", "--yes"); code != 4 {
		t.Errorf("code %d, %q", code, out)
	}
	s.bad(6, `cannot reach 127.0.0.1:1`, "group", "list", "--brokers", "127.0.0.1:1", "--timeout", "1s")
}
