package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"troupe/integration/oracle"
)

// limit is how long one call of a client may take.
const limit = 60 * time.Second

// A client is one library or tool.
type client interface {
	name() string
	// missing tells why it cannot be tried here, or nil.
	missing() error
	can() abilities
	produce(bootstrap, topic string, partition int32, codec string, idempotent bool, records []record) ([]int64, error)
	// consume reads from start, an offset, or @ and a timestamp, until the offset.
	consume(bootstrap, topic string, partition int32, from string, until int64) ([]record, error)
	admin(bootstrap, topic string) (seen, error)
	// member is the command of a member of a group: it begins at the start, commits what it has read, leaves at SIGTERM, and writes a line
	// for each record, which read understands.
	member(bootstrap, topic, group string) (command []string, read func(line string) (groupRecord, error))
}

// groupRecord is one record as a member of a group tells it; the partition is -1 if it does not.
type groupRecord struct {
	Partition int32  `json:"partition"`
	Value     []byte `json:"value"`
}

// seen is what an admin client saw of a topic with three partitions.
type seen struct {
	Created    bool `json:"created"`
	Partitions int  `json:"partitions"`
	Listed     bool `json:"listed"`
	Deleted    bool `json:"deleted"`
}

// call runs a program within the limit.
func call(stdin []byte, env []string, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("still running after %v", limit)
	}
	if err != nil {
		text := strings.TrimSpace(said.String())
		return out.Bytes(), fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, text[max(0, len(text)-1500):])
	}
	return out.Bytes(), nil
}

// A speaker is a client behind a program of ours that speaks JSON lines (go/main.go describes how).
type speaker struct {
	title     string
	program   []string
	why       error // it is missing
	abilities abilities
}

func (s speaker) name() string   { return s.title }
func (s speaker) missing() error { return s.why }
func (s speaker) can() abilities { return s.abilities }

func (s speaker) tell(stdin []byte, words ...string) ([]byte, error) {
	return call(stdin, nil, s.program[0], append(s.program[1:len(s.program):len(s.program)], words...)...)
}

func (s speaker) produce(bootstrap, topic string, partition int32, codec string, idempotent bool, records []record) ([]int64, error) {
	out, err := s.tell(lines(records), "produce", bootstrap, topic, strconv.Itoa(int(partition)), codec, strconv.FormatBool(idempotent))
	if err != nil {
		return nil, err
	}
	told, err := parse[record](out)
	var offsets []int64
	for _, r := range told {
		offsets = append(offsets, r.Offset)
	}
	return offsets, err
}

func (s speaker) consume(bootstrap, topic string, partition int32, from string, until int64) ([]record, error) {
	out, err := s.tell(nil, "consume", bootstrap, topic, strconv.Itoa(int(partition)), from, strconv.FormatInt(until, 10))
	if err != nil {
		return nil, err
	}
	return parse[record](out)
}

func (s speaker) admin(bootstrap, topic string) (seen, error) {
	out, err := s.tell(nil, "admin", bootstrap, topic)
	if err != nil {
		return seen{}, err
	}
	told, err := parse[seen](out)
	if err != nil || len(told) != 1 {
		return seen{}, fmt.Errorf("unexpected words %q (%v)", out, err)
	}
	return told[0], nil
}

func (s speaker) member(bootstrap, topic, group string) ([]string, func(string) (groupRecord, error)) {
	return append(s.program[:len(s.program):len(s.program)], "group", bootstrap, topic, group), func(line string) (r groupRecord, err error) {
		err = json.Unmarshal([]byte(line), &r)
		return r, err
	}
}

var allCodecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// speakers are the Go and Python libraries; dir is where the Go ones are built.
func speakers(dir string) []client {
	here := filepath.Join(oracle.Root(), "integration", "clients")
	program := filepath.Join(dir, "goclients")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join(here, "go")
	var why error
	if out, err := build.CombinedOutput(); err != nil {
		why = fmt.Errorf("go build: %w: %s", err, out)
	}
	full := abilities{codecs: allCodecs, idempotent: true, headers: true, nullKeys: true, binary: true, timestamps: true, fromTime: true}
	plain := full
	plain.idempotent = false
	rdkafka := full
	rdkafka.librdkafka = true
	blurring := plain
	blurring.blurs = true
	python := func(script string, modules ...string) ([]string, error) {
		for _, m := range modules {
			if out, err := exec.Command("/usr/bin/python3", "-c", "import "+m).CombinedOutput(); err != nil {
				text := strings.TrimSpace(string(out))
				return nil, fmt.Errorf("python3 has no %s: %s", m, text[strings.LastIndex(text, "\n")+1:])
			}
		}
		return []string{"/usr/bin/python3", filepath.Join(here, "python", script)}, nil
	}
	kafkaPython, whyKP := python("kafka_python.py", "kafka", "snappy", "lz4.frame", "zstandard")
	confluent, whyCK := python("confluent.py", "confluent_kafka")
	return []client{
		speaker{"franz-go", []string{program, "franz"}, why, full},
		speaker{"sarama", []string{program, "sarama"}, why, full},
		speaker{"kafka-go", []string{program, "segment"}, why, blurring},
		speaker{"kafka-python", kafkaPython, whyKP, plain},
		speaker{"confluent-kafka", confluent, whyCK, rdkafka},
	}
}
