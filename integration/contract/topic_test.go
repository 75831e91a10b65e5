package contract

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"troupe/integration/harness"
)

// shell runs commands against one broker and says what they must do.
type shell struct {
	t *testing.T
	b *harness.Broker
}

// ok demands exit code 0, and a match on stdout.
func (s shell) ok(stdin, want string, args ...string) string {
	s.t.Helper()
	out, errOut, code := s.b.CLI(stdin, args...)
	if code != 0 || !regexp.MustCompile(want).MatchString(out) {
		s.t.Errorf("%v: code %d, stdout %q (want %q), stderr %q", args, code, out, want, errOut)
	}
	return out
}

// bad demands the exit code, one line on stderr that matches, and nothing on stdout.
func (s shell) bad(code int, want string, args ...string) {
	s.t.Helper()
	out, errOut, got := s.b.CLI("", args...)
	if got != code || out != "" || strings.Count(errOut, "\n") != 1 || !regexp.MustCompile(want).MatchString(errOut) {
		s.t.Errorf("%v: code %d (want %d), stdout %q, stderr %q (want %q)", args, got, code, out, errOut, want)
	}
}

func (s shell) json(v any, args ...string) {
	s.t.Helper()
	out := s.ok("", "", append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		s.t.Errorf("%v: %v in %s", args, err, out)
	}
}

func TestTopicListAndDescribe(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir())}
	s.ok("", "OK", "topic", "create", "orders", "-p", "2", "-c", "retention.ms=3600000", "-c", "cleanup.policy=compact,delete")
	s.ok("", "OK", "topic", "create", "other")
	s.ok("a\nb\nc\n", "", "topic", "produce", "orders", "-p", "1", "-k", "k")
	if _, errOut, code := s.b.CLI("x\n", "topic", "produce", "orders"); code != 1 || !strings.Contains(errOut, "a compacted topic takes no record without a key") {
		t.Errorf("code %d, %q", code, errOut)
	}

	s.ok("", `(?m)^TOPIC +PARTITIONS +REPLICAS +RECORDS +SIZE\norders +2 +1 +3 +\d+ B\nother +1 +1 +0 +0 B\n$`, "topic", "list")
	s.ok("", `(?m)^TOPIC.*\nother +1 +1 +0 +0 B\n$`, "topic", "list", "other")
	var list []struct {
		Topic          string
		Records, Bytes int64
	}
	if s.json(&list, "topic", "list"); len(list) != 2 || list[0].Topic != "orders" || list[0].Records != 3 || list[0].Bytes < 60 || list[1].Bytes != 0 {
		t.Errorf("%+v", list)
	}

	s.ok("", `(?m)^topic orders  id \S{22}  partitions 2  records 3  size \d+ B
config cleanup.policy=compact,delete
config retention.ms=3600000
PARTITION +LEADER +EPOCH +REPLICAS +ISR +START +END +SIZE
0 +1 +0 +1 +1 +0 +0 +0 B
1 +1 +0 +1 +1 +0 +3 +\d+ B
$`, "topic", "describe", "orders")
	s.ok("", `"offline": \[\]`, "topic", "describe", "orders", "-o", "json")
	s.ok("", `(?s)topic other .*\n\ntopic orders `, "topic", "describe", "other", "orders")
	var d struct {
		Topic, ID  string
		Records    int64
		Configs    []struct{ Name, Value, Source string }
		Partitions []struct {
			Partition, Leader int32
			ISR               []int32
			Start, End, Bytes int64
		}
	}
	s.json(&d, "topic", "describe", "orders")
	if d.Topic != "orders" || d.Records != 3 || len(d.Configs) != 2 || d.Configs[1].Name != "retention.ms" || d.Configs[1].Source != "topic" || len(d.Partitions) != 2 {
		t.Errorf("%+v", d)
	} else if p := d.Partitions[1]; p.Partition != 1 || p.Leader != 1 || len(p.ISR) != 1 || p.End != 3 || p.Bytes < 60 {
		t.Errorf("%+v", p)
	}

	s.bad(4, `describe ordrs: there is no such topic .*; did you mean orders\?`, "topic", "describe", "ordrs")
	s.bad(4, `there is no such topic .*; see: broker topic list`, "topic", "describe", "something-else-entirely")
	s.bad(4, `did you mean orders\?`, "topic", "list", "oders")
	s.bad(4, `did you mean orders\?`, "topic", "consume", "Orders", "-e")
	s.bad(6, `cannot reach 127.0.0.1:1: connection refused; is it running\? try: broker start`, "topic", "describe", "x", "--brokers", "127.0.0.1:1", "--timeout", "1s")
	s.bad(2, `"yaml" for "-o, --output" flag: want table or json; see: broker topic create --help`, "topic", "create", "unseen", "-o", "yaml")
	s.bad(4, `describe unseen: there is no such topic`, "topic", "describe", "unseen") // a usage that is wrong changes nothing
	s.bad(4, `delete unseen: there is no such topic`, "topic", "delete", "unseen", "--dry-run")
}

func TestTopicDeleteAsks(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir())}
	for _, name := range []string{"a", "b", "c"} {
		s.ok("", "OK", "topic", "create", name)
	}
	s.ok("x\n", "", "topic", "produce", "a")
	s.bad(2, `delete a, b \(1 record\): nobody to ask; say --yes`, "topic", "delete", "a", "b")
	s.ok("", `(?m)^a +1 +1 +1 `, "topic", "delete", "a", "b", "--dry-run")
	s.ok("", `(?s)a.*b.*c`, "topic", "list")
	s.ok("", `(?m)^a +OK\nb +OK$`, "topic", "delete", "a", "b", "--yes")
	s.ok("", `(?m)^TOPIC.*\nc .*\n$`, "topic", "list")
	s.bad(4, `delete cc: there is no such topic .*; did you mean c\?`, "topic", "delete", "cc", "-y")
	s.bad(4, `there is no such topic`, "topic", "delete", "a", "--dry-run")
}

func TestConsumeFormats(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir())}
	s.ok("", "OK", "topic", "create", "t", "-p", "2")
	s.ok("k1:v1\nk2:v2\n", "^$", "topic", "produce", "t", "-K", ":", "-p", "1", "-H", "a=1", "-H", "b=2", "-z", "gzip")
	s.ok("", `^t 1 0 k1 v1 a=1,b=2 \d{13} 2\nt 1 1 k2 v2 a=1,b=2 \d{13} 2\n$`, "topic", "consume", "t", "-e", "-f", `%t %p %o %k %v %h %T %V\n`)
	s.ok("", `^7631;7632;$`, "topic", "consume", "t", "-e", "-f", `%v{hex};`)
	s.ok("", `^v2\n$`, "topic", "consume", "t", "-e", "--offset", "-1")
	s.ok("", `^v2\n$`, "topic", "consume", "t", "-e", "--offset", "+1")
	s.ok("", `^v1\nv2\n$`, "topic", "consume", "t", "-e", "--offset", "@-1h")
	s.ok("", `^$`, "topic", "consume", "t", "-e", "--offset", "end")
	s.ok("", `^$`, "topic", "consume", "t", "-e", "-p", "0")
	s.ok("", `^v1\n$`, "topic", "consume", "t", "-n", "1")
	s.bad(2, `--format: .*; see: broker topic consume --help`, "topic", "consume", "t", "-f", "%q")
	s.bad(2, `--offset @tomorrow: want RFC 3339`, "topic", "consume", "t", "--offset", "@tomorrow")
}

func TestConsumeAsGroup(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir(), "--set", "group.initial.rebalance.delay.ms=0")}
	s.ok("", "OK", "topic", "create", "t", "-p", "2")
	s.ok("1\n2\n3\n4\n5\n", "", "topic", "produce", "t", "-p", "1")
	s.ok("", `^1\n2\n$`, "topic", "consume", "t", "--group", "g", "-n", "2")
	s.ok("", `^3\n4\n5\n$`, "topic", "consume", "t", "--group", "g", "-e")
	s.ok("", `^$`, "topic", "consume", "t", "--group", "g", "-e")
	s.ok("", `^4\n5\n$`, "topic", "consume", "t", "--group", "other", "-e", "--offset", "-2")
	s.bad(4, `did you mean t\?`, "topic", "consume", "tt", "--group", "g", "-e")
	s.bad(2, `leave out one of --partition and --group`, "topic", "consume", "t", "--group", "g", "-p", "1")
}

func TestRoundTrip(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir())}
	for _, name := range []string{"from", "to"} {
		s.ok("", "OK", "topic", "create", name, "-p", "3")
	}
	binary := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(binary, []byte("\xff\x00\xfe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.ok("", "", "topic", "produce", "from", "-f", "%V{3}%v", "-k", "bin", "-H", "h=1", "-p", "0", binary)
	s.ok("k:\nk:v\n", "", "topic", "produce", "from", "-K", ":", "--tombstone", "-p", "1")
	s.ok("one\ntwo <&> \"three\"\n", "", "topic", "produce", "from", "-p", "2")
	lines := func(topic string) []string {
		out := s.ok("", "", "topic", "consume", topic, "-e", "-o", "json", "-p", "0,1,2")
		got := strings.Split(strings.TrimSpace(strings.ReplaceAll(out, `"topic":"`+topic+`"`, "")), "\n")
		byPartition := map[bool][]string{}
		for _, p := range []string{`"partition":0`, `"partition":1`, `"partition":2`} {
			for _, l := range got {
				if strings.Contains(l, p) {
					byPartition[true] = append(byPartition[true], l)
				}
			}
		}
		return byPartition[true]
	}
	from := lines("from")
	if len(from) != 5 || !strings.Contains(from[0], `"value_base64":"/wD+"`) || !strings.Contains(from[1], `"value":null`) || !strings.Contains(from[4], `two <&> \"three\"`) {
		t.Fatalf("%q", from)
	}
	printed := s.ok("", "", "topic", "consume", "from", "-e", "-o", "json")
	out := s.ok(printed, "", "topic", "produce", "to", "--json", "--same-partition", "-o", "json")
	var report struct {
		Topic      string
		Records    int
		Partitions []struct{ Partition, First, Last, Records int }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Records != 5 || len(report.Partitions) != 3 || report.Partitions[1].Last != 1 {
		t.Errorf("%v: %s", err, out)
	}
	if to := lines("to"); strings.Join(to, "\n") != strings.Join(from, "\n") {
		t.Errorf("copied:\n%s\nfrom:\n%s", strings.Join(to, "\n"), strings.Join(from, "\n"))
	}
}

func TestProduceSources(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir())}
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write(t, one, "1\n2")
	write(t, two, "3\n")
	s.ok("", "OK", "topic", "create", "t")
	s.ok("stdin\n", "", "topic", "produce", "t", one, "-", two)
	s.ok("", `^1\n2\nstdin\n3\n$`, "topic", "consume", "t", "-e")
	s.ok("a=b;c=d;", "", "topic", "produce", "t", "-f", "%k=%v;")
	s.ok("", `^a b\nc d\n$`, "topic", "consume", "t", "-e", "--offset", "-2", "-f", `%k %v\n`)
	s.ok("later\n", "", "topic", "produce", "made-by-it")
	s.bad(4, `^broker: produce to t: the topic has no partition 9; it has 1 partition, from 0 on\n`, "topic", "produce", "t", one, "-p", "9")
	s.bad(1, `cannot read `+dir+`/none: no such file`, "topic", "produce", "t", filepath.Join(dir, "none"))
	s.bad(2, `--same-partition: lines name no partition`, "topic", "produce", "t", "--same-partition")
	s.bad(2, `--json: the lines say where the key is`, "topic", "produce", "t", "--json", "-K", ":")
	s.bad(2, `--format: %h needs a form`, "topic", "produce", "t", "-f", "%v %h")
	s.bad(2, `--compression lzo: want`, "topic", "produce", "t", "-z", "lzo")
	if _, errOut, code := s.b.CLI("{\"value\":\"v\"}\nnonsense\n", "topic", "produce", "t", "--json"); code != 1 || !strings.Contains(errOut, "record 2 is not JSON") {
		t.Errorf("code %d, %q", code, errOut)
	}
}

func TestCompletion(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir())}
	s.ok("", "OK", "topic", "create", "orders", "audit")
	for shell, want := range map[string]string{"bash": "complete -o", "zsh": "#compdef broker", "fish": "complete -c broker", "powershell": "Register-ArgumentCompleter"} {
		s.ok("", want, "completion", shell)
	}
	s.bad(2, "completion tcsh: want bash, zsh, fish or powershell", "completion", "tcsh")
	s.ok("", `(?m)^audit\norders\n:4`, "__complete", "topic", "describe", "")
	s.ok("", `(?m)^orders\n:4`, "__complete", "topic", "delete", "audit", "")
	s.ok("", `(?m)^zstd\n`, "__complete", "topic", "produce", "orders", "-z", "")
	s.ok("", `(?m)^retention.ms=\n`, "__complete", "topic", "create", "t", "-c", "")
	s.ok("", `(?m)^consume\t`, "__complete", "topic", "")
}

// Every command that shows something shows it as JSON too.
func TestJSONEverywhere(t *testing.T) {
	s := shell{t, harness.Start(t, t.TempDir())}
	s.ok("", "OK", "topic", "create", "t")
	for _, args := range [][]string{
		{"topic", "create", "u"}, {"topic", "list"}, {"topic", "describe", "t"}, {"topic", "delete", "u", "--yes"}, {"topic", "delete", "t", "--dry-run"},
		{"cluster", "status"}, {"actor", "top"}, {"actor", "tree"}, {"doctor"}, {"version"},
	} {
		var v any
		s.json(&v, args...)
	}
}
