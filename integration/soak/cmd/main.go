// Command soak runs the broker under a mixed load for a while and looks whether it stays flat (see package soak).
//
// Usage: go run ./integration/soak/cmd [-bin bin/broker] [-t 30m]
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"troupe/integration/soak"
)

func main() {
	o := soak.Options{Out: os.Stdout}
	flag.StringVar(&o.Binary, "bin", "bin/broker", "the broker")
	flag.DurationVar(&o.Time, "t", 30*time.Minute, "how long")
	flag.DurationVar(&o.Every, "every", 10*time.Second, "between two samples")
	flag.DurationVar(&o.Life, "life", 3*time.Minute, "between two restarts, in turn a SIGTERM and a kill -9")
	flag.IntVar(&o.Rate, "rate", 1000, "records a second of the busiest producer; all together write 2 times as much")
	flag.StringVar(&o.Memory, "memory", "256MiB", "--memory of the broker")
	flag.Parse()
	unmet, err := soak.Run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	if len(unmet) > 0 {
		os.Exit(1)
	}
}
