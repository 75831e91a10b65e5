package clients

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"troupe/integration/oracle"
)

// java is Kafka's own client behind its console tools.
type java struct{}

func (java) name() string   { return "java" }
func (java) missing() error { return oracle.Available() }

func (java) can() abilities {
	return abilities{codecs: allCodecs, idempotent: true, headers: true, nullKeys: true}
}

func (java) tool(stdin []byte, class string, args ...string) ([]byte, error) {
	return call(stdin, nil, oracle.Script(), append([]string{"tool", class}, args...)...)
}

// The console tools separate fields by these.
const (
	null      = "\\N"
	headerEnd = "\t"
)

// produce: the console producer cannot name a partition, so the topics for Java have only one.
func (j java) produce(bootstrap, topic string, _ int32, codec string, idempotent bool, records []record) ([]int64, error) {
	var in bytes.Buffer
	for _, r := range records {
		var hs []string
		for _, h := range r.Headers {
			hs = append(hs, h.Key+":"+string(h.Value))
		}
		if len(hs) == 0 {
			hs = []string{null}
		}
		fmt.Fprintf(&in, "%s%s%s\t%s\n", strings.Join(hs, ","), headerEnd, orNull(r.Key), orNull(r.Value))
	}
	_, err := j.tool(in.Bytes(), "ConsoleProducer", "--bootstrap-server", bootstrap, "--topic", topic, "--compression-codec", codec,
		"--reader-property", "parse.key=true", "--reader-property", "parse.headers=true", "--reader-property", "null.marker="+null,
		"--command-property", "enable.idempotence="+strconv.FormatBool(idempotent), "--command-property", "acks=all")
	return nil, err
}

func orNull(b []byte) string {
	if b == nil {
		return null
	}
	return string(b)
}

func (j java) consume(bootstrap, topic string, partition int32, from string, until int64) ([]record, error) {
	args := []string{
		"--bootstrap-server", bootstrap, "--topic", topic, "--partition", strconv.Itoa(int(partition)), "--timeout-ms", "20000",
		"--formatter-property", "print.key=true", "--formatter-property", "print.headers=true", "--formatter-property", "print.timestamp=true",
		"--formatter-property", "print.offset=true", "--formatter-property", "null.literal=" + null, "--formatter-property", "key.separator=\t",
	}
	first := int64(0)
	if from == "start" {
		args = append(args, "--offset", "earliest")
	} else {
		args = append(args, "--offset", from)
		first, _ = strconv.ParseInt(from, 10, 64)
	}
	args = append(args, "--max-messages", strconv.FormatInt(until-first, 10))
	out, err := j.tool(nil, "ConsoleConsumer", args...)
	if err != nil {
		return nil, err
	}
	var records []record
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\n"), "\n") {
		r, err := consoleLine(line)
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	return records, nil
}

// consoleLine reads CreateTime:N, Offset:N, headers, key, value, divided by tabs.
func consoleLine(line string) (r record, err error) {
	f := strings.Split(line, "\t")
	if len(f) != 5 {
		return r, fmt.Errorf("unexpected line %.200q", line)
	}
	_, stamp, _ := strings.Cut(f[0], ":")
	if r.Timestamp, err = strconv.ParseInt(stamp, 10, 64); err != nil {
		return r, fmt.Errorf("%w in %.200q", err, line)
	}
	if r.Offset, err = strconv.ParseInt(strings.TrimPrefix(f[1], "Offset:"), 10, 64); err != nil {
		return r, fmt.Errorf("%w in %.200q", err, line)
	}
	if f[2] != "NO_HEADERS" {
		for pair := range strings.SplitSeq(f[2], ",") {
			key, value, _ := strings.Cut(pair, ":")
			r.Headers = append(r.Headers, header{key, []byte(value)})
		}
	}
	r.Key, r.Value = fromNull(f[3]), fromNull(f[4])
	return r, nil
}

func fromNull(s string) []byte {
	if s == null {
		return nil
	}
	return []byte(s)
}

func (j java) admin(bootstrap, topic string) (s seen, err error) {
	topics := func(args ...string) (string, error) {
		out, err := j.tool(nil, "TopicCommand", append([]string{"--bootstrap-server", bootstrap}, args...)...)
		return string(out), err
	}
	out, err := topics("--create", "--topic", topic, "--partitions", "3", "--replication-factor", "1", "--config", "retention.ms=3600000")
	if err != nil {
		return s, err
	}
	s.Created = strings.Contains(out, "Created topic "+topic)
	if out, err = topics("--describe", "--topic", topic); err != nil {
		return s, err
	}
	s.Partitions = strings.Count(out, "Leader: 1")
	if out, err = topics("--list"); err != nil {
		return s, err
	}
	s.Listed = strings.Contains("\n"+out, "\n"+topic+"\n")
	if _, err = topics("--delete", "--topic", topic); err != nil {
		return s, err
	}
	time.Sleep(300 * time.Millisecond)
	out, err = topics("--list")
	s.Deleted = !strings.Contains("\n"+out, "\n"+topic+"\n")
	return s, err
}

func (java) member(bootstrap, topic, group string) ([]string, func(string) (groupRecord, error)) {
	command := []string{oracle.Script(), "tool", "ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", topic, "--group", group, "--from-beginning",
		"--formatter-property", "print.partition=true", "--command-property", "session.timeout.ms=10000", "--command-property", "heartbeat.interval.ms=500",
		"--command-property", "auto.commit.interval.ms=100"}
	return command, func(line string) (groupRecord, error) {
		place, value, ok := strings.Cut(line, "\t")
		p, err := strconv.ParseInt(strings.TrimPrefix(place, "Partition:"), 10, 32)
		if !ok || err != nil {
			return groupRecord{}, fmt.Errorf("unexpected line %.200q", line)
		}
		return groupRecord{int32(p), []byte(value)}, nil
	}
}
