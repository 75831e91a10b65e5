package main

import (
	"strings"
	"testing"
)

func TestBudgetBooksOnTheFirstLayer(t *testing.T) {
	traces := `File: broker
Duration: 3s, Total samples = 180ms ( 6%)
-----------+----
     actor:  writer
     100ms   runtime.memmove
             github.com/cockroachdb/pebble/v2/internal/arenaskl.newNode
             github.com/cockroachdb/pebble/v2.(*memTable).apply
             github.com/cockroachdb/pebble/v2.(*DB).commitApply
             troupe/storage.(*engine).Apply
             troupe/actors/kit.(*blocker).loop
-----------+----
      50ms   hash/crc32.castagnoliSSE42Triple
             troupe/storage/record.Batch.Sum (inline)
             troupe/kafka.(*produceParser).check
-----------+----
    pebble:  flush
      20ms   runtime.mallocgc
             github.com/cockroachdb/pebble/v2.(*DB).flush1
-----------+----
      10ms   os.ReadFile
             main.main
-----------+----
`
	got, total := budget(traces)
	want := map[string]float64{"memtable: copy": 0.1, "batches: header and CRC": 0.05, "garbage collection and allocation": 0.02, otherLayer: 0.01}
	for name, s := range want {
		if d := got[name] - s; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: %v s, want %v", name, got[name], s)
		}
	}
	if len(got) != len(want) || total < 0.1799 || total > 0.1801 {
		t.Errorf("%v, %v in all", got, total)
	}
	for _, l := range layers {
		if strings.Contains(l.name, "|") {
			t.Errorf("%q breaks the table", l.name)
		}
	}
}
