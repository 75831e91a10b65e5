package clients

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/oracle"
)

// TestClients tries each client in each codec. TROUPE_BOOTSTRAP names a broker that runs already; without it the binary
// is built (or taken from TROUPE_BINARY) and started in a folder of its own.
func TestClients(t *testing.T) {
	bootstrap := os.Getenv("TROUPE_BOOTSTRAP")
	dir := t.TempDir()
	if bootstrap == "" {
		bin, err := oracle.Build(dir)
		if err != nil {
			t.Fatal(err)
		}
		node, err := oracle.StartBroker(bin, dir+"/node")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := node.Stop(); err != nil {
				t.Error(err)
			}
		})
		bootstrap = node.Bootstrap
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	b := bench{bootstrap: bootstrap, adm: kadm.NewClient(cl), run: fmt.Sprintf("%x", time.Now().UnixMilli()&0xffffff)}
	for _, c := range append(speakers(dir), kcat{}, java{}) {
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

// A bench is what clients are tried on.
type bench struct {
	bootstrap, run string
	adm            *kadm.Client
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

func (b bench) topic(t *testing.T, c client) string {
	t.Helper()
	name := b.run + "-" + strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())
	partitions := int32(3)
	if c.name() == "java" {
		partitions = 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if _, err := b.adm.CreateTopic(ctx, partitions, 1, nil, name); err != nil {
		t.Fatal(err)
	}
	return name
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
	if want := codecNumber[codec]; stored.codecs != 1<<want {
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
	same(t, "franz-go here", can, written, stored.records, 0)
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
	if got.Partitions == unasked && !b.serves(t, describeConfigs) {
		fmt.Printf("not yet: %s describes topics (the broker does not serve DescribeConfigs)\n", c.name())
		want.Partitions = unasked
	}
	if got != want {
		t.Errorf("saw %+v, want %+v", got, want)
	}
}

// describeConfigs is the key of DescribeConfigs.
const describeConfigs = 32

// serves asks the broker whether it advertises the key.
func (b bench) serves(t *testing.T, key int16) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	all, err := b.adm.ApiVersions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	served := false
	for _, broker := range all {
		_, _, has := broker.KeyVersions(key)
		served = served || has
	}
	return served
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
