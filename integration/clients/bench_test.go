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

	"troupe/integration/harness"
)

// A bench is what clients are tried on: a broker, and franz-go in this process to look at what is stored there.
type bench struct {
	bootstrap string
	run       string // begins the names of topics, so that runs against the same broker do not meet
	adm       *kadm.Client
}

// newBench starts the binary in a folder of its own and gives all clients. TROUPE_BOOTSTRAP names a broker that runs already:
// with a real Kafka there, the test tests itself.
func newBench(t *testing.T) (bench, []client) {
	t.Helper()
	bootstrap := os.Getenv("TROUPE_BOOTSTRAP")
	if bootstrap == "" {
		node := harness.Start(t, t.TempDir())
		t.Cleanup(func() {
			if code := node.Stop(); code != 0 {
				t.Errorf("the broker ended with exit code %d", code)
			}
			if t.Failed() {
				t.Logf("the broker said:\n%s", node.Log())
			}
		})
		bootstrap = node.Kafka
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	b := bench{bootstrap: bootstrap, adm: kadm.NewClient(cl), run: fmt.Sprintf("%x", time.Now().UnixMilli()&0xffffffff)}
	return b, append(speakers(t.TempDir()), kcat{}, java{})
}

// topic creates one named after the test. Its records are old: without an end to their retention a broker may delete them
// in the midst of the test.
func (b bench) topic(t *testing.T, c client) string {
	t.Helper()
	name := b.run + "-" + strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())
	partitions := int32(3)
	if c.name() == "java" {
		partitions = 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if _, err := b.adm.CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, name); err != nil {
		t.Fatal(err)
	}
	return name
}
