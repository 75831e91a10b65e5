package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// kcat is the command-line client of librdkafka. It writes one line for each record, the same headers on all of them, and
// its own clock's timestamps.
type kcat struct{}

func (kcat) name() string { return "kcat" }

func (kcat) missing() error {
	_, err := exec.LookPath("kcat")
	return err
}

func (kcat) can() abilities {
	return abilities{codecs: allCodecs, idempotent: true, fromTime: true, librdkafka: true}
}

func (kcat) produce(bootstrap, topic string, partition int32, codec string, idempotent bool, records []record) ([]int64, error) {
	var in bytes.Buffer
	for _, r := range records {
		fmt.Fprintf(&in, "%s|%s\n", r.Key, r.Value)
	}
	_, err := call(in.Bytes(), nil, "kcat", "-P", "-b", bootstrap, "-t", topic, "-p", strconv.Itoa(int(partition)), "-K", "|", "-Z",
		"-z", codec, "-X", "acks=all", "-X", "enable.idempotence="+strconv.FormatBool(idempotent), "-X", "linger.ms=500") // one batch: those that compression does not make smaller go plainly
	return nil, err // it does not tell offsets
}

// message is one line of kcat -J.
type message struct {
	Offset  int64    `json:"offset"`
	TS      int64    `json:"ts"`
	Key     *string  `json:"key"`
	Payload *string  `json:"payload"`
	Headers []string `json:"headers"` // key, value, key, value
}

func (kcat) consume(bootstrap, topic string, partition int32, from string, until int64) ([]record, error) {
	switch {
	case from == "start":
		from = "beginning"
	case strings.HasPrefix(from, "@"):
		from = "s" + from
	}
	out, err := call(nil, nil, "kcat", "-C", "-q", "-J", "-b", bootstrap, "-t", topic, "-p", strconv.Itoa(int(partition)), "-o", from, "-e")
	if err != nil {
		return nil, err
	}
	messages, err := parse[message](out)
	var records []record
	for _, m := range messages {
		r := record{Offset: m.Offset, Key: text(m.Key), Value: text(m.Payload), Timestamp: m.TS}
		for i := 0; i+1 < len(m.Headers); i += 2 {
			r.Headers = append(r.Headers, header{m.Headers[i], []byte(m.Headers[i+1])})
		}
		records = append(records, r)
	}
	return records, err
}

func text(s *string) []byte {
	if s == nil {
		return nil
	}
	return append([]byte{}, *s...)
}

// admin: kcat cannot make or delete a topic, but asking for one makes it, and -L lists.
func (k kcat) admin(bootstrap, topic string) (seen, error) {
	type listing struct {
		Topics []struct {
			Topic      string
			Partitions []json.RawMessage
		}
	}
	s := seen{Deleted: true} // not its business
	for range 50 {
		out, err := call(nil, nil, "kcat", "-L", "-J", "-b", bootstrap)
		if err != nil {
			return s, err
		}
		all, err := parse[listing](out)
		if err != nil || len(all) != 1 {
			return s, fmt.Errorf("unexpected listing %.200q (%v)", out, err)
		}
		for _, t := range all[0].Topics {
			if t.Topic == topic {
				s.Created, s.Listed, s.Partitions = true, true, len(t.Partitions)
				return s, nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return s, nil
}

func (kcat) member(bootstrap, topic, group string) ([]string, func(string) (groupRecord, error)) {
	command := []string{"kcat", "-b", bootstrap, "-q", "-u", "-E", "-J", "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=10000",
		"-X", "heartbeat.interval.ms=500", "-X", "auto.commit.interval.ms=100", "-G", group, topic}
	return command, func(line string) (groupRecord, error) {
		var m struct {
			Partition int32
			Payload   *string
		}
		err := json.Unmarshal([]byte(line), &m)
		return groupRecord{m.Partition, text(m.Payload)}, err
	}
}
