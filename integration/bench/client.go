package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// limit bounds one measured step; a broker that hangs fails the step.
const limit = 3 * time.Minute

// A job is what a client process does, once.
type job struct {
	Kind       string // produce, consume, groups, paced, single
	Bootstrap  string
	Brokers    []int // their process ids, for their CPU
	Topic      string
	Partitions int32 // produce makes the topic
	Replicas   int16
	Size       int // bytes of a value
	Records    int
	Groups     int
	Seconds    int
	MBs        int // paced: how many a second
}

// A result is what it measured. Times are from the first request for records to the last answer.
type result struct {
	Records          int
	MB               float64 // of values
	Seconds          float64
	DiskSeconds      float64 // the same and a sync
	BrokerCPU        float64 // s
	ClientCPU        float64 // s
	P50, P99, P999   float64 // ms: until acknowledged
	SeenP50, SeenP99 float64 // ms: until a consumer had it
	DiskReadMB       float64 // by the broker
}

func (r result) mbs() float64 { return r.MB / r.Seconds }

// run does a job in a process of its own.
func (j job) run(ctx context.Context) (r result, err error) {
	text, err := json.Marshal(j)
	if err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self, "client", string(text))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("client: %w: %s", err, lastLine(said.String()))
	}
	return r, json.Unmarshal(out, &r)
}

// client is the main function of that process.
func client(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	kinds := map[string]func(context.Context, job) (result, error){
		"produce": produce, "consume": consume, "groups": consumeGroups, "paced": paced, "single": single,
	}
	do := kinds[j.Kind]
	if do == nil {
		return fmt.Errorf("no kind %q", j.Kind)
	}
	r, err := do(ctx, j)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// A meter counts from its making on.
type meter struct {
	brokers     []int
	began       time.Time
	theirs, own float64
	read        float64
}

func (j job) meter() meter {
	return meter{brokers: j.Brokers, theirs: sum(j.Brokers, cpuSeconds), own: ownCPUSeconds(), read: sum(j.Brokers, diskReadMB), began: time.Now()}
}

func (m meter) stop(r *result) {
	r.Seconds = time.Since(m.began).Seconds()
	m.cpu(r)
}

// cpu: a later one counts what the broker still did after its last answer.
func (m meter) cpu(r *result) {
	r.BrokerCPU, r.ClientCPU = sum(m.brokers, cpuSeconds)-m.theirs, ownCPUSeconds()-m.own
	r.DiskReadMB = sum(m.brokers, diskReadMB) - m.read
}

// makeTopic creates a topic and waits until all of its partitions have leaders.
func makeTopic(ctx context.Context, boot, topic string, partitions int32, replicas int16) error {
	cl, err := kgo.NewClient(seeds(boot), kgo.MetadataMinAge(10*time.Millisecond)) // for so long it believes what it was told before
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	configs := map[string]*string{}
	if replicas > 1 {
		configs["min.insync.replicas"] = kadm.StringPtr(strconv.Itoa(int(replicas) - 1))
	}
	res, err := adm.CreateTopics(ctx, partitions, replicas, configs, topic)
	if err != nil {
		return err
	}
	if err := res[topic].Err; err != nil {
		return err
	}
	for {
		led, err := leaders(ctx, adm, topic)
		if err != nil || led == int(partitions) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("topic %s: %d of %d partitions have a leader", topic, led, partitions)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// seeds are the brokers of a bootstrap list.
func seeds(boot string) kgo.Opt { return kgo.SeedBrokers(strings.Split(boot, ",")...) }

func leaders(ctx context.Context, adm *kadm.Client, topic string) (n int, err error) {
	topics, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return 0, err
	}
	for _, p := range topics[topic].Partitions {
		if p.Err == nil && p.Leader >= 0 {
			n++
		}
	}
	return n, nil
}
