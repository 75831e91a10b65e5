package differential

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"troupe/integration/oracle"
)

// The environment of a run:
//
//	TROUPE_BOOTSTRAP  a broker that runs already, instead of one built and started here
//	KAFKA_BOOTSTRAP   a Kafka that runs already
//	CASES             a pattern of case names
//	SMOKE             1: only the first and last version of each case, and no edges
//	SHOW              1: print Kafka's transcripts
//	TEXTS             1: error messages are compared word by word in conversations by chance, too: differences are not mistakes, but worth a look
//	ORDERS            1: the order of elements is compared: where it is that of hash tables, a difference means nothing
//	SEED, SEEDS       the first seed of conversations by chance and how many (default 0 and 1)
//	SETTINGS          settings of both brokers, KEY=VALUE divided by blanks: a broker that is set up otherwise answers otherwise
//	PARALLEL          conversations at the same time (default 8)
//	STRICT            1: a missing oracle fails instead of skipping
func TestDifferential(t *testing.T) {
	o := options(t)
	o.Troupe = os.Getenv("TROUPE_BOOTSTRAP")
	if o.Troupe == "" {
		dir := t.TempDir()
		bin, err := oracle.Build(dir)
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"--set", "group.initial.rebalance.delay.ms=0"} // as the oracle
		for _, kv := range strings.Fields(os.Getenv("SETTINGS")) {
			args = append(args, "--set", kv)
		}
		node, err := oracle.StartBroker(bin, dir+"/node", args...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := node.Stop(); err != nil {
				t.Error(err)
			}
		})
		o.Troupe = node.Bootstrap
	}
	result := Run(o)
	result.Report(os.Stdout)
	if result.Cases == 0 {
		t.Fatal("no case was chosen")
	}
	if result.Different > 0 {
		t.Errorf("%d cases differ", result.Different)
	}
	if o.Only == nil && !o.Smoke && os.Getenv("SETTINGS") == "" {
		for _, entry := range result.Stale() {
			t.Errorf("no difference needs this entry of the table any more: %s", entry)
		}
	}
}

// TestKafkaWithItself proves the transcripts: one Kafka, told everything twice at the same time, must not differ from
// itself. It runs on request (SELF=1), or always over a few cases.
func TestKafkaWithItself(t *testing.T) {
	o := options(t)
	second, err := oracle.StartKafka(t.TempDir() + "/second")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Stop() })
	o.Troupe, o.Strict = second.Bootstrap, true
	if os.Getenv("SELF") == "" && o.Only == nil {
		o.Only, o.Smoke = regexp.MustCompile(`^(wire|ApiVersions|Produce/(acks|gzip|idem)|Fetch/each|Fetch/session/incr|Metadata/named)`), true
	}
	result := Run(o)
	result.Report(os.Stdout)
	if result.Cases == 0 || result.Same != result.Cases {
		t.Fatalf("Kafka differs from itself: %s", result)
	}
}

// options reads the environment and starts Kafka where none is given.
func options(t *testing.T) Options {
	o := Options{Kafka: os.Getenv("KAFKA_BOOTSTRAP"), Smoke: os.Getenv("SMOKE") == "1", Parallel: 8}
	o.Texts, o.Orders = os.Getenv("TEXTS") == "1", os.Getenv("ORDERS") == "1"
	if os.Getenv("SHOW") == "1" {
		o.Show = os.Stdout
	}
	if n, err := strconv.Atoi(os.Getenv("PARALLEL")); err == nil {
		o.Parallel = n
	}
	if pattern := os.Getenv("CASES"); pattern != "" {
		o.Only = regexp.MustCompile(pattern)
	}
	if o.Kafka != "" {
		return o
	}
	if err := oracle.Available(); err != nil {
		if os.Getenv("STRICT") == "1" {
			t.Fatalf("missing: oracle (%v)", err)
		}
		t.Skipf("missing: oracle (%v)", err)
	}
	node, err := oracle.StartKafka(t.TempDir()+"/kafka", strings.Fields(os.Getenv("SETTINGS"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	o.Kafka = node.Bootstrap
	return o
}
