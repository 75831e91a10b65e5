package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatFallsShortIsSaid(t *testing.T) {
	m := &measured{}
	m.add("full", "troupe", "produce-1k", 70)
	m.add("full", "kafka", "produce-1k", 100)
	m.add("full", "troupe", "consume-hot", 70)
	m.add("full", "kafka", "consume-hot", 100)
	m.add("full", "troupe", "latency-p99", 5)
	m.add("full", "kafka", "latency-p99", 100)
	for key, want := range map[string]string{"produce-1k": "**unmet:** 0.7, required ≥ 0.8", "consume-hot": "met", "latency-p99": "aim"} {
		r := rowOf(t, key)
		reached := m.reached(r, "full", m.values[slot{"full", "troupe", key}], m.values[slot{"full", "kafka", key}])
		if got := m.verdict(r, "full", reached); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestAFigureThatFailedIsUnmet(t *testing.T) {
	m := &measured{}
	m.fail("full", "troupe", fmt.Errorf("produce-1k: %w", os.ErrDeadlineExceeded))
	var out strings.Builder
	m.table(&out, options{}, "full")
	m.failures(&out)
	if !strings.Contains(out.String(), "unmet: troupe, page cache full: produce-1k: ") {
		t.Errorf("not told:\n%s", out.String())
	}
}

func TestSingleRecordsAreHeldAgainstTheDisk(t *testing.T) {
	m := &measured{}
	m.add("fresh", "troupe", "single-disk", 0.2)
	m.add("fresh", "troupe", "single-seen-p50", 0.5)
	m.add("fresh", "kafka", "single-seen-p50", 5)
	r := rowOf(t, "single-seen-p50")
	reached := m.reached(r, "fresh", []float64{0.5}, []float64{5})
	if reached != 2.5 || !strings.HasPrefix(m.verdict(r, "fresh", reached), "**unmet:**") {
		t.Errorf("reached %v, %s", reached, m.verdict(r, "fresh", reached))
	}
}

func TestStartIsBoundOnlyOnAFastDisk(t *testing.T) {
	m := &measured{}
	m.add("full", "troupe", "start-ready", 150)
	m.add("full", "troupe", "start-disk", 0.2)
	if got := m.verdict(rowOf(t, "start-ready"), "full", 150); !strings.HasPrefix(got, "**unmet:**") {
		t.Errorf("fast disk: %q", got)
	}
	m = &measured{}
	m.add("full", "troupe", "start-disk", 0.31)
	if got := m.verdict(rowOf(t, "start-ready"), "full", 150); strings.Contains(got, "unmet") {
		t.Errorf("slow disk: %q", got)
	}
}

func TestReplaceKeepsTheRest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(file, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := replace(file, beginMark, endMark, "new\n"); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(file)
	if want := "before\n" + beginMark + "\nnew\n" + endMark + "\nafter\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := os.WriteFile(file, []byte("no marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	if replace(file, beginMark, endMark, "new") == nil {
		t.Error("a file without marks was taken")
	}
}

func TestJavaToolsReports(t *testing.T) {
	n, s, err := javaProduced("10 records sent, 5.0 records/sec (0.01 MB/sec), 1.0 ms avg latency, 2.0 ms max latency.\n" +
		"65536 records sent, 16384.0 records/sec (16.00 MB/sec), 100.21 ms avg latency, 412.00 ms max latency, 90 ms 50th, 200 ms 95th, 300 ms 99th, 400 ms 99.9th.\n")
	if n != 65536 || s != 4 || err != nil {
		t.Errorf("produced %d in %v: %v", n, s, err)
	}
	if _, _, err := javaProduced("org.apache.kafka.common.errors.TimeoutException: late\n1 records sent, 1.0 records/sec (1 MB/sec), 1 ms avg latency, 1 ms max latency"); err == nil {
		t.Error("an exception went unnoticed")
	}
	n, s, err = javaConsumed("start.time, end.time, ...\n2026-11-28 16:00:00:000, 2026-11-28 16:00:02:000, 64.0000, 32.0, 65536, 32768.0, 500, 1500, 42.6, 43690.6\n")
	if n != 65536 || s != 1.5 || err != nil {
		t.Errorf("consumed %d in %v: %v", n, s, err)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]float64{"512MiB": 512 << 20, "1GiB": 1 << 30, "500MB": 5e8, "4096": 4096} {
		if got := bytesOf(text); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	if median([]float64{3, 1, 2}) != 2 || median([]float64{4, 1, 2, 3}) != 2.5 {
		t.Error(median([]float64{3, 1, 2}), median([]float64{4, 1, 2, 3}))
	}
}

func rowOf(t *testing.T, key string) row {
	t.Helper()
	for _, r := range rows {
		if r.key == key {
			return r
		}
	}
	t.Fatalf("no row %s", key)
	return row{}
}

func TestFiguresOfThreeBrokersStandByThemselves(t *testing.T) {
	o := options{cluster: true}
	m := &measured{}
	m.add(alone, "troupe", "kill-worst", 2500)
	m.add(alone, "troupe", "kill-median", 900)
	m.add("full", "troupe", "latency-p99", 6)
	m.add("full", "kafka", "latency-p99", 10)
	var single, compared strings.Builder
	m.table(&single, o, alone)
	m.table(&compared, o, "full")
	for _, want := range []string{"| 2500 | – | 2500 | ≤ 2000 | – | **unmet:** 2500, required ≤ 2000 |", "| 900 | – | 900 | ≤ 1000 | – | met |"} {
		if !strings.Contains(single.String(), want) {
			t.Errorf("%q is not in\n%s", want, single.String())
		}
	}
	if want := "| 0.6 | ≤ 0.5 | – | **unmet:** 0.6, required ≤ 0.5 |"; !strings.Contains(compared.String(), want) || strings.Contains(compared.String(), "2500") {
		t.Errorf("%q is not in\n%s", want, compared.String())
	}
}

func TestLongestGap(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	moments := []time.Time{at(1), at(2), at(7), at(8)}
	for _, c := range []struct{ from, to, want int }{{0, 8, 5}, {2, 6, 4}, {7, 20, 12}, {9, 12, 3}} {
		if got := longestGap(moments, at(c.from), at(c.to)); got != time.Duration(c.want)*time.Second {
			t.Errorf("from %d to %d: %v, want %d s", c.from, c.to, got, c.want)
		}
	}
}
