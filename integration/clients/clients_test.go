package clients

import (
	"fmt"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestClients tries each client in each codec, and as an admin client.
func TestClients(t *testing.T) {
	b, all := newBench(t)
	for _, c := range all {
		t.Run(c.name(), func(t *testing.T) {
			if err := c.missing(); err != nil {
				fmt.Printf("missing: %s (%v)\n", c.name(), err)
				if os.Getenv("STRICT") == "1" {
					t.Fatalf("missing: %s (%v)", c.name(), err)
				}
				t.Skipf("missing: %s (%v)", c.name(), err)
			}
			b.try(t, c)
		})
	}
}

// partition is where records go: not the first one, so that a client that ignores it shows.
const partition = 1

func (b bench) try(t *testing.T, c client) {
	t.Run("admin", func(t *testing.T) { b.tryAdmin(t, c) })
	for _, codec := range c.can().codecs {
		t.Run(codec, func(t *testing.T) { b.tryCodec(t, c, codec, false) })
	}
	if c.can().idempotent {
		t.Run("idempotent", func(t *testing.T) { b.tryCodec(t, c, "lz4", true) })
	}
	t.Run("reads others", func(t *testing.T) { b.tryOthers(t, c) })
}

// place is the partition of a topic that records go to.
func place(c client) int32 {
	if c.name() == "java" {
		return 0
	}
	return partition
}

// tryCodec: the client writes; it and franz-go read all of it, from an offset, and from a timestamp.
func (b bench) tryCodec(t *testing.T, c client, codec string, idempotent bool) {
	can, topic, p := c.can(), b.topic(t, c), place(c)
	written := sample(can)
	if _, ok := c.(java); ok {
		written = textHeaders(written)
	}
	offsets, err := c.produce(b.bootstrap, topic, p, codec, idempotent, written)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range offsets {
		if o != int64(i) {
			t.Fatalf("record %d was told offset %d", i, o)
		}
	}
	stored := b.stored(t, topic, p)
	exact := can
	exact.blurs = false // what is stored is not
	same(t, "franz-go here", exact, written, stored.records, 0)
	want, codecs := codecNumber[codec], stored.codecs
	if can.librdkafka && codecs != 1 {
		codecs &^= 1 // it leaves a batch plain that does not get smaller: the first of them may hold one record
	}
	if codecs != 1<<want {
		t.Errorf("stored with codecs %#b, want only %d (%s)", stored.codecs, want, codec)
	}
	if idempotent != stored.idempotent {
		t.Errorf("stored with a producer id: %v, want %v", stored.idempotent, idempotent)
	}
	b.readBack(t, c, topic, stored.records, written)
}

func (b bench) readBack(t *testing.T, c client, topic string, stored, written []record) {
	can, p := c.can(), place(c)
	read := func(what, from string, first int) {
		t.Helper()
		got, err := c.consume(b.bootstrap, topic, p, from, count)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		same(t, c.name()+" "+what, can, written, got, first)
	}
	read("from the start", "start", 0)
	read("from an offset", fmt.Sprint(middle), middle)
	if !can.fromTime || len(stored) != count {
		return
	}
	if !can.timestamps { // the first record with the timestamp, by the client's own clock
		first := 0
		for stored[first].Timestamp < stored[middle].Timestamp {
			first++
		}
		read("from a timestamp", fmt.Sprint("@", stored[middle].Timestamp), first)
		return
	}
	read("from a timestamp", fmt.Sprint("@", written[middle].Timestamp-1), middle)
}

// tryOthers: the client reads what franz-go wrote, idempotent, in several batches of different codecs.
func (b bench) tryOthers(t *testing.T, c client) {
	can, topic, p := c.can(), b.topic(t, c), place(c)
	can.timestamps = true
	written := sample(can)
	if _, ok := c.(java); ok {
		written = textHeaders(written)
	}
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	for i, codec := range codecs {
		b.write(t, topic, p, codec, written[i*count/5:(i+1)*count/5])
	}
	stored := b.stored(t, topic, p)
	exact := can
	exact.blurs = false
	same(t, "franz-go here", exact, written, stored.records, 0)
	if stored.codecs != 0b11111 {
		t.Errorf("stored with codecs %#b, want each of five", stored.codecs)
	}
	got, err := c.consume(b.bootstrap, topic, p, "start", count)
	if err != nil {
		t.Fatal(err)
	}
	same(t, c.name(), can, written, got, 0)
}

func (b bench) tryAdmin(t *testing.T, c client) {
	name := b.run + "-admin-" + c.name()
	want := seen{Created: true, Partitions: 3, Listed: true, Deleted: true}
	if _, ok := c.(kcat); ok {
		name, want.Partitions = b.topic(t, c), 3
	}
	got, err := c.admin(b.bootstrap, name)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("saw %+v, want %+v", got, want)
	}
}

// textHeaders leaves headers that the console tools can write: text, without their separators.
func textHeaders(records []record) []record {
	for i, r := range records {
		if len(r.Headers) > 0 {
			records[i].Headers = []header{r.Headers[0], {"kind", []byte("plain text")}}
		}
	}
	return records
}
