package clients

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// crossCount is how many records each client adds to the topic that all of them share.
const crossCount = 14

// TestEachReadsAll: all clients write to one partition, each in a codec of its own, and each of them reads all of it. What one
// wrote, every other one reads identically: order, keys, values, tombstones, headers and timestamps.
func TestEachReadsAll(t *testing.T) {
	b, all := newBench(t)
	var here []client
	for _, c := range all {
		if c.missing() == nil { // TestClients lists those that are missing, or fails
			here = append(here, c)
		}
	}
	topic := b.topic(t, java{}) // one partition
	var want []record
	for i, c := range here {
		wrote := crossRecords(c)
		if _, err := c.produce(b.bootstrap, topic, 0, allCodecs[i%len(allCodecs)], c.can().idempotent, wrote); err != nil {
			t.Fatalf("%s: %v", c.name(), err)
		}
		want = append(want, wrote...)
		stored := b.stored(t, topic, 0)
		if len(stored.records) != len(want) {
			t.Fatalf("%d records after %s wrote, want %d", len(stored.records), c.name(), len(want))
		}
		for k := len(want) - len(wrote); k < len(want); k++ {
			if !c.can().timestamps { // its own clock's
				want[k].Timestamp = stored.records[k].Timestamp
			}
		}
		same(t, "franz-go, after "+c.name()+" wrote,", abilities{timestamps: true}, want, stored.records, 0)
	}
	for _, c := range here {
		t.Run(c.name(), func(t *testing.T) {
			got, err := c.consume(b.bootstrap, topic, 0, "start", int64(len(want)))
			if err != nil {
				t.Fatal(err)
			}
			same(t, c.name(), abilities{timestamps: true, blurs: c.can().blurs}, want, got, 0)
		})
	}
	t.Run("java offsets", func(t *testing.T) { b.javaOffsets(t, topic, want) })
}

// crossRecords are texts that also the console tools can show; the keys tell who wrote them.
func crossRecords(c client) []record {
	a := c.can()
	a.binary = false
	records := textHeaders(sample(a))[:crossCount]
	for i := range records {
		if records[i].Key != nil {
			records[i].Key = fmt.Appendf(nil, "%s-%s", c.name(), records[i].Key)
		}
	}
	return records
}

// javaOffsets: Kafka's own tool finds the first record, the end, and the first record that is not older than a timestamp.
func (b bench) javaOffsets(t *testing.T, topic string, records []record) {
	if err := (java{}).missing(); err != nil {
		t.Skipf("missing: java (%v)", err)
	}
	notOlder := func(stamp int64) int {
		for i, r := range records {
			if r.Timestamp >= stamp {
				return i
			}
		}
		return len(records)
	}
	stamp := records[crossCount/2].Timestamp - 1
	for at, want := range map[string]int{
		"earliest": 0, "latest": len(records), strconv.FormatInt(stamp, 10): notOlder(stamp),
	} {
		out, err := java{}.tool(nil, "GetOffsetShell", "--bootstrap-server", b.bootstrap, "--topic-partitions", topic+":0", "--time", at)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, want := strings.TrimSpace(string(out)), fmt.Sprintf("%s:0:%d", topic, want); got != want {
			t.Errorf("time %s: %q, want %q", at, got, want)
		}
	}
}

// TestAutoCreate: clients that ask for it write to a topic that is not there yet.
func TestAutoCreate(t *testing.T) {
	b, all := newBench(t)
	asks := map[string]bool{"kcat": true, "kafka-python": true, "confluent-kafka": true, "java": true}
	for _, c := range all {
		if !asks[c.name()] || c.missing() != nil {
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			topic := b.run + "-auto-" + c.name()
			wrote := crossRecords(c)
			if _, err := c.produce(b.bootstrap, topic, 0, "none", false, wrote); err != nil {
				t.Fatal(err)
			}
			same(t, "franz-go", abilities{timestamps: c.can().timestamps}, wrote, b.stored(t, topic, 0).records, 0)
		})
	}
}
