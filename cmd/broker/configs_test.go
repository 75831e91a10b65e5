package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troupe/cmd/broker/run"
)

// TestConfigCommands runs the commands about settings against a broker in this process.
func TestConfigCommands(t *testing.T) {
	level := &slog.LevelVar{}
	b, err := run.Start(run.Config{
		DataDir: t.TempDir(), Memory: 128 << 20, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0", LogLevel: level,
		Static: map[string]string{"log.retention.ms": "172800000"},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-b.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("not ready")
	}
	// f runs a command line and demands its exit code and what it says, on stdout or stderr.
	f := func(want int, says, line string) {
		t.Helper()
		var out, errOut bytes.Buffer
		got := execute(append(strings.Fields(line), "--brokers", b.KafkaAddr(), "--timeout", "5s"), nil, &out, &errOut)
		text := strings.Join(strings.Fields(out.String()+errOut.String()), " ")
		if got != want || text != says {
			t.Errorf("%s\n exit %d, want %d\n says %s\n want %s", line, got, want, text, says)
		}
	}
	f(exitOK, "TOPIC STATUS orders OK", "topic create orders -c segment.bytes=2000000")
	f(exitError, "broker: create topic misspelt: INVALID_CONFIG: Unknown topic config name: retention.m; did you mean retention.ms?", "topic create misspelt -c retention.m=1")
	f(exitOK, "KEY VALUE SOURCE DEFAULT retention.ms 172800000 start 604800000 segment.bytes 2000000 topic 1073741824", "config describe topic orders --changed")
	f(exitOK, "topic orders: 2 settings changed", "config set topic orders retention.ms=3600000 cleanup.policy+=compact")
	f(exitOK, "KEY VALUE SOURCE cleanup.policy delete,compact topic retention.ms 3600000 topic", "config describe topic orders retention.ms cleanup.policy")
	f(exitOK, "topic orders: 1 setting would be changed", "config unset topic orders retention.ms --dry-run")
	f(exitOK, "topic orders: 2 settings changed", "config unset topic orders retention.ms cleanup.policy")
	f(exitOK, "KEY VALUE SOURCE retention.ms 172800000 start", "config describe topic orders retention.ms")
	f(exitError, "broker: set topic orders: Unknown topic config name: retention.m; did you mean retention.ms?", "config set topic orders retention.m=1")
	f(exitError, "broker: set topic orders: Invalid value x for configuration retention.ms: Not a number of type LONG", "config set topic orders retention.ms=x")
	f(exitNotFound, "broker: set topic nope: there is no such topic (UNKNOWN_TOPIC_OR_PARTITION); see: broker topic list", "config set topic nope retention.ms=1")
	f(exitNotFound, "broker: describe topic nope: there is no such topic (UNKNOWN_TOPIC_OR_PARTITION); see: broker topic list", "config describe topic nope")
	f(exitNotFound, `broker: describe topic orders: there is no setting "retention.mss"; did you mean retention.ms?`, "config describe topic orders retention.mss")
	f(exitUsage, `broker: "table" is no kind of resource: want topic, broker, brokers, logger, group or client-metrics`, "config describe table x")
	f(exitUsage, "broker: topic: name it, such as: topic orders", "config describe topic")
	f(exitOK, "no request is under way", "trace open --admin http://"+b.AdminAddr()+"/")
	f(exitUsage, "broker: --num -1: want 0 or more", "actor top -n -1")
	f(exitUsage, "broker: --partition -7: want 0 or more, or -1: by key, else spread", "topic produce orders -p -7")
	f(exitUsage, `broker: --admin "": want HOST:PORT, such as 127.0.0.1:9644`, "doctor --admin=")
	f(exitUsage, "broker: wrong number of arguments, want: broker config unset RESOURCE KEY... [flags]; see: broker config unset --help", "config unset brokers")
	f(exitUsage, `broker: set topic orders: "retention.ms": want KEY=VALUE, such as retention.ms=3600000`, "config set topic orders retention.ms")

	f(exitError, "broker: set broker 1: Cannot update these configs dynamically: [num.partitions]; they are set at start: broker start --set KEY=VALUE", "config set broker 1 num.partitions=3")
	f(exitUsage, `broker: set brokers: unknown setting "max.connection"; did you mean max.connections? (--force sends it anyway)`, "config set brokers max.connection=3")
	f(exitOK, "brokers: 1 setting changed", "config set brokers plug.in.setting=3 --force")
	f(exitOK, "brokers: 2 settings changed", "config set brokers max.connections=100 log.retention.ms=5000")
	f(exitOK, "broker 1: 1 setting changed", "config set broker 1 max.connections=200")
	f(exitOK, "KEY VALUE SOURCE DEFAULT log.retention.ms 5000 brokers - max.connections 100 brokers 2147483647 plug.in.setting (hidden) brokers (hidden)", "config describe brokers --changed")
	f(exitOK, "KEY VALUE SOURCE log.retention.ms 5000 brokers max.connections 200 broker num.io.threads 8 default", "config describe broker 1 max.connections log.retention.ms num.io.threads")
	f(exitOK, "KEY VALUE SOURCE WHAT IT DOES num.io.threads 8 default Accepted without effect: actors run on all cores; there is no pool of threads to size.",
		"config describe broker 1 num.io.threads --docs")
	f(exitNotFound, "broker: describe broker 2: the cluster has no broker 2 in service; see: broker cluster status", "config describe broker 2")
	f(exitNotFound, `broker: unset brokers: there is no setting "max.connection"; did you mean max.connections?`, "config unset brokers max.connection")
	f(exitOK, "brokers: 1 setting changed", "config unset brokers plug.in.setting")

	f(exitOK, "logger 1: 1 setting changed", "config set logger 1 root=DEBUG")
	f(exitOK, "KEY VALUE SOURCE root DEBUG logger", "config describe logger 1")
	if level.Level() != slog.LevelDebug {
		t.Error("the log level did not change")
	}
	f(exitOK, "group g: 1 setting changed", "config set group g consumer.session.timeout.ms=50000")
	f(exitOK, "KEY VALUE SOURCE DEFAULT consumer.session.timeout.ms 50000 group 45000", "config describe group g --changed")
	f(exitError, "broker: set group g: Unknown group config name: consumer.session.timeout; did you mean consumer.session.timeout.ms?", "config set group g consumer.session.timeout=50000")
	f(exitOK, "client-metrics all: 1 setting changed", "config set client-metrics all metrics=*")
	f(exitOK, "KIND NAME topic orders broker 1 logger 1 group g client-metrics all", "config list")
	f(exitOK, "KIND NAME group g", "config list group")
	f(exitUsage, `broker: "nonsense" is no kind of resource: want topic, broker, logger, group or client-metrics`, "config list nonsense")

	f(exitOK, "topic orders: 1 setting would be changed topic orders: would have 3 partitions", "topic alter orders -c retention.ms=1 -p 3 --dry-run")
	f(exitOK, "topic orders: 2 settings changed topic orders: has 3 partitions", "topic alter orders -c retention.ms=1 --unset segment.bytes -p 3")
	f(exitError, "broker: alter topic orders: The topic orders currently has 3 partition(s); 2 would not be an increase.", "topic alter orders -p 2")
	f(exitUsage, "broker: alter orders: nothing to change; say -p, -c or --unset", "topic alter orders")
	f(exitNotFound, "broker: alter topic nope: there is no such topic (UNKNOWN_TOPIC_OR_PARTITION); see: broker topic list", "topic alter nope -c retention.ms=1")

	for line, want := range map[string]string{
		"config describe": "client-metrics", "config set topic": "orders", "config set topic orders": "retention.ms=", "config unset brokers": "max.connections",
		"topic alter": "orders", "config set logger 1": "root=",
	} {
		var out bytes.Buffer
		execute(append(append([]string{"__complete", "--brokers", b.KafkaAddr()}, strings.Fields(line)...), ""), nil, &out, &out)
		if !strings.Contains("\n"+out.String(), "\n"+want+"\n") {
			t.Errorf("%s does not complete to %s: %.300s", line, want, out.String())
		}
	}

	var out bytes.Buffer
	if code := execute([]string{"config", "describe", "topic", "orders", "retention.ms", "-o", "json", "--docs", "--brokers", b.KafkaAddr()}, nil, &out, &out); code != exitOK {
		t.Fatal(out.String())
	}
	var lines []settingLine
	if err := json.Unmarshal(out.Bytes(), &lines); err != nil || len(lines) != 1 {
		t.Fatalf("%v: %s", err, out.String())
	}
	if l := lines[0]; l.Key != "retention.ms" || *l.Value != "1" || l.Source != "topic" || *l.Default != "604800000" || l.Type != "long" || l.ReadOnly || l.Sensitive || l.Doc == "" {
		t.Errorf("%+v", l)
	}
}

// TestConfigCheck says what a file means without a broker.
func TestConfigCheck(t *testing.T) {
	f := func(want int, says, name, text string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errOut bytes.Buffer
		got := execute([]string{"config", "check", "--file", file}, nil, &out, &errOut)
		said := strings.ReplaceAll(strings.Join(strings.Fields(out.String()+errOut.String()), " "), file, "FILE")
		if got != want || said != says {
			t.Errorf("%s\n exit %d, want %d\n says %s\n want %s", text, got, want, said, says)
		}
	}
	f(exitOK, "KEY VALUE STATUS NOTE memory 1GiB ok num.partitions 3 ok", "a.yaml", "num.partitions: 3\nmemory: 1GiB\n")
	f(exitOK, "KEY VALUE STATUS NOTE log.dirs /a b ok num.io.threads 8 no effect actors run on all cores; there is no pool of threads to size. "+
		"ssl.key.password (hidden) no effect there is no TLS, SASL or delegation token yet.", "server.properties",
		"# comment\n! another\nlog.dirs=/a \\\n   b\nnum.io.threads : 8\nssl.key.password hush\n")
	f(exitUnhealthy, "KEY VALUE STATUS NOTE listen 127.0.0.1:1 ok node-id x wrong strconv.ParseInt: parsing \"x\": invalid syntax num.partitons 3 wrong unknown setting; did you mean num.partitions? broker: FILE: 2 of 3 settings are wrong", "b.yaml", "num.partitons: 3\nnode-id: x\nlisten: 127.0.0.1:1\n")
	f(exitUnhealthy, "KEY VALUE STATUS NOTE listeners SSL://:1 ok broker: FILE: property listeners: SSL speaks SSL, and there is no TLS or SASL yet", "c.properties", "listeners=SSL://:1\n")
	f(exitUsage, "broker: FILE: not a YAML map (is it Kafka's? then name it *.properties): yaml: unmarshal errors:; line 1: cannot unmarshal !!str `num.par...` into map[string]interface {}", "d.conf", "num.partitions=3\n")
	f(exitUsage, `broker: FILE: line 2: \u in "\\u00": want four hexadecimal digits`, "e.properties", "a=b\nc=\\u00\n")
	if code := execute([]string{"config", "check", "/nonexistent/x"}, nil, &bytes.Buffer{}, &bytes.Buffer{}); code != exitUsage {
		t.Errorf("exit %d", code)
	}
}

func TestProperties(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		got, err := parseProperties(text)
		if err != nil || len(got) != len(want)/2 {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		for i := 0; i < len(want); i += 2 {
			if got[want[i]] != want[i+1] {
				t.Errorf("%q: %s is %q, want %q", text, want[i], got[want[i]], want[i+1])
			}
		}
	}
	f("")
	f("a=1\nb:2\nc 3\nd = 4\ne : 5\n  f  6 ", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6 ")
	f("a=1\r\nb=2\ra=3", "a", "3", "b", "2")
	f("a\nb=\nc", "a", "", "b", "", "c", "")
	f("a=x=y:z", "a", "x=y:z")
	f(`a\=b\:c\ d=v`, "a=b:c d", "v")
	f("a=1,\\\n   2,\\\n\t3\nb=\\\\\nc=1", "a", "1,2,3", "b", `\`, "c", "1")
	f(`a=\t\n\r\f\u00e9\q`+"\\", "a", "\t\n\r\fé"+"q")
	f("#a=1\n !b=2\n\n   \nc=#3", "c", "#3")
}
