package differential

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"troupe/integration/oracle"
)

// TestDifferentialCluster tells the cases of clusters to three nodes of Kafka and three of Troupe. It runs on request (CLUSTER=1).
func TestDifferentialCluster(t *testing.T) {
	if os.Getenv("CLUSTER") != "1" {
		t.Skip("CLUSTER=1 runs it")
	}
	if err := oracle.Available(); err != nil {
		t.Fatalf("missing: oracle (%v)", err)
	}
	dir := t.TempDir()
	bin, err := oracle.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	none := func(int) []string { return nil }
	start := func(kafka bool) []string {
		addrs, err := oracle.FreeAddrs(3)
		if err != nil {
			t.Fatal(err)
		}
		var places []oracle.Place
		for _, a := range addrs {
			places = append(places, oracle.Place{Listen: a, Advertise: a})
		}
		var c *oracle.Cluster
		if kafka {
			c, err = oracle.StartKafkaCluster(dir+"/kafka", places, none)
		} else {
			c, err = oracle.StartBrokers(bin, dir+"/troupe", places, none, "--set", "group.initial.rebalance.delay.ms=0")
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Stop() })
		nodes := strings.Split(c.Bootstrap, ",")
		if !complete(nodes) {
			t.Fatal("a cluster does not come together")
		}
		return nodes
	}
	o := Options{Groups: clusterGroups, KafkaNodes: start(true), TroupeNodes: start(false), Parallel: 4, Smoke: os.Getenv("SMOKE") == "1"}
	if pattern := os.Getenv("CASES"); pattern != "" {
		o.Only = regexp.MustCompile(pattern)
	}
	if os.Getenv("SHOW") == "1" {
		o.Show = os.Stdout
	}
	result := Run(o)
	result.Report(os.Stdout)
	if result.Cases == 0 || result.Different > 0 {
		t.Errorf("%s", result)
	}
}
