// Command go tries one Go client of Kafka. All clients, in whatever language, speak the same way with the test:
//
//	go CLIENT produce BOOTSTRAP TOPIC PARTITION CODEC IDEMPOTENT   records as JSON lines on stdin; their offsets as JSON lines on stdout
//	go CLIENT consume BOOTSTRAP TOPIC PARTITION FROM UNTIL         records as JSON lines; FROM is start, an offset, or @ and a timestamp in ms
//	go CLIENT admin   BOOTSTRAP TOPIC                              creates, describes, lists and deletes the topic; says what it saw
//	go CLIENT group   BOOTSTRAP TOPIC GROUP                        records as JSON lines, with partitions, as a member of the group that begins at
//	                                                               the start and commits what it has read; at SIGTERM it leaves
//
// UNTIL is the offset behind the last record to read. A record is {offset, key, value, headers, timestamp}; key, value and
// the values of headers are base64, or null.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience bounds each call; the test has a limit of its own.
const patience = 45 * time.Second

type record struct {
	Partition int32    `json:"partition"` // of a group only
	Offset    int64    `json:"offset"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []header `json:"headers"`
	Timestamp int64    `json:"timestamp"`
}

type header struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// seen is what an admin client saw of a topic with three partitions.
type seen struct {
	Created    bool `json:"created"`
	Partitions int  `json:"partitions"`
	Listed     bool `json:"listed"`
	Deleted    bool `json:"deleted"` // it is gone from the list
}

// A client is one library behind the three verbs.
type client interface {
	produce(topic string, partition int32, codec string, idempotent bool, records []record) ([]int64, error)
	consume(topic string, partition int32, from string, until int64, each func(record)) error
	admin(topic string) (seen, error)
	// group consumes until ctx ends.
	group(ctx context.Context, topic, group string, each func(record)) error
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("usage: CLIENT VERB BOOTSTRAP TOPIC ...")
	}
	clients := map[string]client{"franz": franz{args[2]}, "sarama": saram{args[2]}, "segment": segment{args[2]}}
	c, ok := clients[args[0]]
	if !ok {
		return fmt.Errorf("no client %q", args[0])
	}
	verb, topic, rest := args[1], args[3], args[4:]
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	say := json.NewEncoder(out)
	if verb == "admin" {
		got, err := c.admin(topic)
		if err != nil {
			return err
		}
		return say.Encode(got)
	}
	if verb == "group" && len(rest) == 1 {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		return c.group(ctx, topic, rest[0], func(r record) { _ = say.Encode(r); out.Flush() })
	}
	if len(rest) < 3 {
		return fmt.Errorf("%s needs a partition and two more arguments", verb)
	}
	partition, err := strconv.ParseInt(rest[0], 10, 32)
	if err != nil {
		return err
	}
	if verb == "consume" {
		until, err := strconv.ParseInt(rest[2], 10, 64)
		if err != nil {
			return err
		}
		return c.consume(topic, int32(partition), rest[1], until, func(r record) { _ = say.Encode(r) })
	}
	records, err := readRecords()
	if err != nil {
		return err
	}
	offsets, err := c.produce(topic, int32(partition), rest[1], rest[2] == "true", records)
	if err != nil {
		return err
	}
	for _, o := range offsets {
		_ = say.Encode(map[string]int64{"offset": o})
	}
	return nil
}

func readRecords() ([]record, error) {
	var records []record
	in := json.NewDecoder(os.Stdin)
	for in.More() {
		var r record
		if err := in.Decode(&r); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// place reads FROM: an offset, or a timestamp; start is offset -2, as in Kafka's protocol.
func place(from string) (offset, timestamp int64, err error) {
	if from == "start" {
		return -2, -1, nil
	}
	if stamp, ok := strings.CutPrefix(from, "@"); ok {
		timestamp, err = strconv.ParseInt(stamp, 10, 64)
		return -1, timestamp, err
	}
	offset, err = strconv.ParseInt(from, 10, 64)
	return offset, -1, err
}

// soon repeats a question until it is answered with yes; the broker may still be spreading the news.
func soon(ask func() (bool, error)) (bool, error) {
	for range 50 {
		yes, err := ask()
		if err != nil || yes {
			return yes, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false, nil
}
