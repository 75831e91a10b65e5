package contract

import (
	"path/filepath"
	"strings"
	"testing"

	"troupe/integration/harness"
)

// TestConfigCommands is what `broker config` and `broker topic alter` promise: what they print, their exit codes, their one-line errors.
func TestConfigCommands(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir(), "--set", "log.retention.ms=172800000", "--set", "authorizer.class.name=org.example.Allow")}
	if !strings.Contains(s.b.Log(), "why\" settings=authorizer.class.name\n") {
		t.Errorf("not warned of a setting without effect: %s", s.b.Log())
	}
	s.ok("", "OK", "topic", "create", "orders")
	s.ok("", `^topic orders: 2 settings changed\n$`, "config", "set", "topic", "orders", "segment.bytes=2000000", "cleanup.policy+=compact")
	s.ok("", `(?m)^KEY +VALUE +SOURCE +DEFAULT\ncleanup.policy +delete,compact +topic +delete\nretention.ms +172800000 +start +604800000\nsegment.bytes +2000000 +topic +1073741824\n$`,
		"config", "describe", "topic", "orders", "--changed")
	s.ok("", `^topic orders: 1 setting changed\n$`, "config", "unset", "topic", "orders", "segment.bytes")
	s.ok("", `^brokers: 1 setting changed\n$`, "config", "set", "brokers", "message.max.bytes=2000000")
	s.ok("", `(?m)^message.max.bytes +2000000 +brokers$`, "config", "describe", "broker", "1", "message.max.bytes")
	s.ok("", `^logger 1: 1 setting changed\n$`, "config", "set", "logger", "1", "root=WARN")
	s.ok("", `^topic orders: has 3 partitions\n$`, "topic", "alter", "orders", "-p", "3")
	s.ok("", `(?m)^topic +orders$`, "config", "list", "topic")
	s.bad(1, `Unknown topic config name: retention.m; did you mean retention.ms\?`, "config", "set", "topic", "orders", "retention.m=1")
	s.bad(1, `Cannot update these configs dynamically: \[num.partitions\]; they are set at start`, "config", "set", "broker", "1", "num.partitions=2")
	s.bad(2, `unknown setting "max.connection"; did you mean max.connections\?`, "config", "set", "brokers", "max.connection=2")
	s.bad(2, `is no kind of resource`, "config", "describe", "table", "orders")
	s.bad(4, `set topic order: there is no such topic \(UNKNOWN_TOPIC_OR_PARTITION\); did you mean orders\?`, "config", "set", "topic", "order", "retention.ms=1")
	s.bad(4, `alter topic order: there is no such topic .*; did you mean orders\?`, "topic", "alter", "order", "-p", "4")
	for _, kind := range []string{"broker", "logger"} {
		s.bad(4, `set `+kind+` 9: the cluster has no broker 9 in service; see: broker cluster status`, "config", "set", kind, "9", "max.connections=5")
		s.bad(4, `unset `+kind+` 9: the cluster has no broker 9 in service`, "config", "unset", kind, "9", "max.connections")
		s.bad(4, `describe `+kind+` 9: the cluster has no broker 9 in service`, "config", "describe", kind, "9")
		s.bad(2, `"one": want the number of a broker, such as: `+kind+` 1`, "config", "describe", kind, "one")
	}
	s.bad(4, `unset topic orders: there is no setting "retention.m"; did you mean retention.ms\?`, "config", "unset", "topic", "orders", "retention.m")
	var lines []struct{ Key, Source string }
	s.json(&lines, "config", "describe", "broker", "1", "log.retention.ms")
	if len(lines) != 1 || lines[0].Source != "start" {
		t.Errorf("%+v", lines)
	}
	if code := s.b.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.b.Restart() // what was set while it ran is still set, but for the log level
	s.ok("", `(?m)^message.max.bytes +2000000 +brokers$`, "config", "describe", "broker", "1", "message.max.bytes")
	s.ok("", `(?m)^root +INFO +logger$`, "config", "describe", "logger", "1")
}

func TestConfigCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.properties")
	write(t, file, "process.roles=broker,controller\nnode.id=1\nnum.partitions=3\nnum.io.threads=8\n")
	if out, errOut, code := broker(t, nil, "config", "check", file); code != 0 || errOut != "" || out == "" {
		t.Errorf("code %d, %q, %q", code, out, errOut)
	}
	write(t, file, "num.partitons=3\n")
	if out, errOut, code := broker(t, nil, "config", "check", "--file", file); code != 3 || lastLine(errOut) == "" || out == "" {
		t.Errorf("code %d, %q, %q", code, out, errOut)
	}
	refused(t, 2, "cannot read /nonexistent: no such file", nil, "config", "check", "/nonexistent")
}
