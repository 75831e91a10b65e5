package main

import (
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// A layer is a part of the broker that CPU is booked on: a sample belongs to the first layer of which a frame of its stack is part.
type layer struct {
	name  string
	frame *regexp.Regexp
}

// layers in the order of looking: what may happen inside of others comes first, what is around others last.
var layers = []layer{
	{"garbage collection and allocation", regexp.MustCompile(`^runtime\.(gc|bgsweep|bgscavenge|mallocgc|newobject|growslice|makeslice|\(\*mheap\))`)},
	{"scheduler, waking threads", regexp.MustCompile(`^runtime\.(mcall|schedule|findRunnable|park_m|goready|ready|wakep|futex|mstart|sysmon|goschedImpl|notewakeup)`)},
	{"socket: read", regexp.MustCompile(`troupe/kafka\.\(\*source\)\.read$`)},
	{"batches: header and CRC", regexp.MustCompile(`troupe/storage/record\.`)},
	{"requests: parse", regexp.MustCompile(`troupe/kafka\.\(\*(reader|frame|produceParser)\)`)},
	{"socket: write", regexp.MustCompile(`troupe/kafka\.\(\*output\)`)},
	{"log (WAL): copy and chunk CRC", regexp.MustCompile(`pebble/v2\.\(\*DB\)\.commitWrite|record\.\(\*LogWriter\)\.SyncRecord`)},
	{"log (WAL): sync", regexp.MustCompile(`record\.\(\*LogWriter\)\.sync`)},
	{"log (WAL): write", regexp.MustCompile(`record\.\(\*LogWriter\)\.flush`)},
	{"memtable: copy", regexp.MustCompile(`pebble/v2\.\(\*DB\)\.commitApply|pebble/v2\.\(\*memTable\)`)},
	{"flush to blobs and sst", regexp.MustCompile(`pebble/v2\.\(\*DB\)\.flush`)},
	{"compaction", regexp.MustCompile(`pebble/v2\.\(\*DB\)\.(compact|runCompaction)`)},
	{"files: read of blocks (pread)", regexp.MustCompile(`internal/poll\.\(\*FD\)\.Pread`)},
	{"files: checksum of blocks", regexp.MustCompile(`sstable/block\.ValidateChecksum`)},
	{"files: zeroed buffers for blocks", regexp.MustCompile(`pebble/v2/internal/manual\.New`)},
	{"files: copy out and the rest", regexp.MustCompile(`troupe/storage\.\(\*engine\)\.(Read|find|last|Scrub)|pebble/v2\.\(\*Iterator\)`)},
	{"tail", regexp.MustCompile(`troupe/storage\.\(\*Tail\)`)},
	{"commit, the rest of it", regexp.MustCompile(`troupe/storage\.\(\*(engine|commit)\)`)},
	{"actors: requests and partitions", regexp.MustCompile(`troupe/(actors|kafka)`)},
}

const otherLayer = "all else"

var sample = regexp.MustCompile(`^\s+([\d.]+(?:ns|us|ms|s|mins))\s+(\S.*)$`)

// budget books the samples of a profile, as `go tool pprof -traces` prints them, on layers: s of CPU by name.
func budget(traces string) (byLayer map[string]float64, total float64) {
	byLayer = map[string]float64{}
	for block := range strings.SplitSeq(traces, "-----------+") {
		var value time.Duration
		var stack []string
		for line := range strings.Lines(block) {
			line = strings.TrimRight(line, "\n")
			if m := sample.FindStringSubmatch(line); m != nil {
				value, _ = time.ParseDuration(strings.Replace(m[1], "mins", "m", 1))
				line = m[2]
			}
			if value > 0 {
				stack = append(stack, strings.TrimSuffix(strings.TrimSpace(line), " (inline)"))
			}
		}
		if value > 0 {
			byLayer[layerOf(stack)] += value.Seconds()
			total += value.Seconds()
		}
	}
	return byLayer, total
}

func layerOf(stack []string) string {
	for _, l := range layers {
		for _, f := range stack {
			if l.frame.MatchString(f) {
				return l.name
			}
		}
	}
	return otherLayer
}

// printBudget splits the CPU of a load, s per GB, as its profile says.
func printBudget(out io.Writer, file string, perGB float64) error {
	text, err := exec.Command("go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		return fmt.Errorf("go tool pprof: %w", err)
	}
	byLayer, total := budget(string(text))
	if total == 0 {
		return fmt.Errorf("%s has no samples", file)
	}
	fmt.Fprintf(out, "| layer | share | s/GB |\n|---|---|---|\n")
	for _, l := range append(layers, layer{name: otherLayer}) {
		if share := byLayer[l.name] / total; share > 0 {
			fmt.Fprintf(out, "| %s | %.0f %% | %.3f |\n", l.name, share*100, share*perGB)
		}
	}
	fmt.Fprintf(out, "| in all (%.2f s of samples) | | %.3f |\n", total, perGB)
	return nil
}
