package clients

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
	"troupe/integration/oracle"
)

// TestKafkaTools runs Kafka's own command-line tools and compares what they say with what they said of a real Kafka, in
// testdata/tools/*.txt. The commands of a file are:
//
//	tool        one tool a line, its class and arguments; BOOTSTRAP stands for the broker, and FILE:name for a file made before
//	file        name=...: a file for the tools
//	produce     topic=... n=...: records with known times, by an idempotent producer
//
// Where Troupe and Kafka say something different, both stand there, and because=(...) says why that is right. `-rewrite` asks
// a real Kafka too (KAFKA_BOOTSTRAP, or one that is started), and writes the files.
func TestKafkaTools(t *testing.T) {
	if err := oracle.Available(); err != nil {
		fmt.Printf("missing: Kafka's tools (%v)\n", err)
		t.Skip(err)
	}
	node := harness.Start(t, t.TempDir())
	broker := node.Kafka
	var kafka string
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		kafka = aKafka(t)
	}
	files, err := filepath.Glob("testdata/tools/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			ours := toolbox{t, broker, t.TempDir()}
			theirs := toolbox{t, kafka, ours.files}
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				kafkaSaid := ""
				if kafka != "" {
					kafkaSaid = theirs.command(d)
				} else {
					kafkaSaid, _ = divided(d.Expected)
				}
				said := ours.command(d)
				if said == kafkaSaid {
					return said
				}
				if !d.HasArg("because") {
					d.Fatalf(t, "Kafka:\n%s\nTroupe:\n%s", kafkaSaid, said)
				}
				return "kafka:\n" + kafkaSaid + "troupe:\n" + said
			})
		})
	}
}

// divided is what Kafka and Troupe say by an expectation.
func divided(expected string) (kafka, troupe string) {
	rest, differ := strings.CutPrefix(expected, "kafka:\n")
	if !differ {
		return expected, expected
	}
	kafka, troupe, _ = strings.Cut(rest, "troupe:\n")
	return kafka, troupe
}

func aKafka(t *testing.T) string {
	if at := os.Getenv("KAFKA_BOOTSTRAP"); at != "" {
		return at
	}
	node, err := oracle.StartKafka(t.TempDir() + "/kafka")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	return node.Bootstrap
}

// toolbox runs commands against one broker.
type toolbox struct {
	t         *testing.T
	bootstrap string
	files     string // folder of the files for the tools
}

func (b toolbox) command(d *datadriven.TestData) string {
	switch d.Cmd {
	case "tool":
		return b.tools(d)
	case "file":
		var name string
		d.ScanArgs(b.t, "name", &name)
		if err := os.WriteFile(filepath.Join(b.files, name), []byte(d.Input), 0o644); err != nil {
			b.t.Fatal(err)
		}
		return ""
	case "produce":
		var topic string
		var n int
		d.ScanArgs(b.t, "topic", &topic)
		d.ScanArgs(b.t, "n", &n)
		return b.produce(topic, n)
	}
	d.Fatalf(b.t, "unknown command %s", d.Cmd)
	return ""
}

func (b toolbox) tools(d *datadriven.TestData) string {
	var in bytes.Buffer
	for line := range strings.SplitSeq(strings.TrimSpace(d.Input), "\n") {
		class, args, _ := strings.Cut(line, " ")
		args = strings.ReplaceAll(args, "FILE:", b.files+"/")
		if !strings.Contains(args, "BOOTSTRAP") {
			args = "--bootstrap-server BOOTSTRAP " + args
		}
		fmt.Fprintln(&in, class, strings.ReplaceAll(args, "BOOTSTRAP", b.bootstrap))
	}
	out, err := call(in.Bytes(), nil, oracle.Script(), "java", filepath.Join("java", "Tools.java"))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.normal(string(out))
}

// variable is what no two brokers, or no two runs, have in common.
var variable = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(TopicId: +)\S+`), "${1}ID"},
	{regexp.MustCompile(`(Cluster ?I[Dd]: +)\S+`), "${1}ID"},
	{regexp.MustCompile(`("logDir":|"log_dirs":\[)"/[^"]*"`), `${1}"DIR"`},
	{regexp.MustCompile(`"directoryId": "\S{22}"`), `"directoryId": "DIRECTORY"`},
	{regexp.MustCompile(`(?m)^\t\w+\(\d+\): .*\n`), ""}, // of BrokerApiVersionsCommand, one for each key
	{regexp.MustCompile(`"CONTROLLER://[^"]*"`), `"CONTROLLER://HOST:PORT"`},
	{regexp.MustCompile(`(LeaderEpoch:|HighWatermark:|\tEpoch:|  Epoch:)( +)\d+`), "${1}${2}N"},
	{regexp.MustCompile(`(?m)^(\d+ +\t)\S{22}\t\d+ +(\t\d+ +)\t\d{13} +\t\d{13} +\t`), "${1}DIRECTORY\tEND${2}\tTIME\tTIME\t"},
	{regexp.MustCompile(`(?m)^\d+ +(\t\d+ +\t-1 +\t\d+ +\t\d{13} *\t)`), "PRODUCER${1}"},
	{regexp.MustCompile(`("(?:commit|expire|currentState)Timestamp":)\d{13}`), "${1}TIME"},
	{regexp.MustCompile(`("topicId":)"\S{22}"`), `${1}"ID"`},
	{regexp.MustCompile(`(console-consumer-)[0-9a-f]{8}-[0-9a-f-]{27}`), "${1}UUID"},
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
}

func (b toolbox) normal(out string) string {
	host, port, _ := strings.Cut(b.bootstrap, ":")
	out = strings.ReplaceAll(out, b.bootstrap, "BOOTSTRAP")
	out = regexp.MustCompile(`(?m)^(\d+ +`+regexp.QuoteMeta(host)+` +)`+port).ReplaceAllString(out, "${1}PORT")
	for _, v := range variable {
		out = v.pattern.ReplaceAllString(out, v.instead)
	}
	return out
}

// produce writes n records of four bytes, a second apart, in one batch.
func (b toolbox) produce(topic string, n int) string {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.bootstrap), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(100*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var records []*kgo.Record
	for i := range n {
		at := time.Date(2026, 11, 1, 0, 0, i, 0, time.UTC)
		records = append(records, &kgo.Record{Key: fmt.Appendf(nil, "k%d", i), Value: []byte("four"), Timestamp: at})
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
	return ""
}
