// Command groupload measures groups on a whole broker: how long a large group takes to rebalance, and what many groups that commit at
// once do to those who produce. It prints a table for docs/benchmarks.md.
//
// Usage: go run ./integration/groupload [-bin bin/broker] [-members 1000] [-groups 1000] [-rounds 5] [-kafka]
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"troupe/integration/oracle"
)

type options struct {
	bin                     string
	members, groups, rounds int
	kafka                   bool
	seconds                 int
}

// goal is what a rebalance may take, from the last JoinGroup to the last SyncGroup answer.
const goal = 2 * time.Second

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/broker", "the broker")
	flag.IntVar(&o.members, "members", 1000, "members of the large group, each on its own connection, and partitions")
	flag.IntVar(&o.groups, "groups", 1000, "groups that commit at once, each on its own connection")
	flag.IntVar(&o.rounds, "rounds", 5, "rebalances of the large group after its first one")
	flag.IntVar(&o.seconds, "seconds", 15, "seconds of producing, without and with commits")
	flag.BoolVar(&o.kafka, "kafka", false, "measure Apache Kafka instead")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "groupload:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	dir, err := os.MkdirTemp("", "groupload")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	node, name, err := start(o, dir)
	if err != nil {
		return err
	}
	defer node.Stop()
	fmt.Printf("%s, %d cores, %s\n\n| figure | |\n|---|---|\n", name, runtime.NumCPU(), runtime.Version())
	missed, err := rebalances(o, node.Bootstrap)
	if err != nil {
		return err
	}
	if err := commits(o, node.Bootstrap); err != nil {
		return err
	}
	if missed {
		return fmt.Errorf("a rebalance took more than %v", goal)
	}
	return node.Stop()
}

func start(o options, dir string) (*oracle.Node, string, error) {
	if o.kafka {
		n, err := oracle.StartKafka(filepath.Join(dir, "kafka"))
		return n, "Apache Kafka", err
	}
	n, err := oracle.StartBroker(o.bin, filepath.Join(dir, "troupe"), "--set", "group.initial.rebalance.delay.ms=0")
	return n, "Troupe", err
}

func line(what, format string, args ...any) {
	fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
}

// quantile is the value that the share q of all is not above; all gets sorted.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
