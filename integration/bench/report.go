package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

type slot struct{ state, who, key string }

// cost is what one load took besides time.
type cost struct{ broker, client, peak []float64 }

type failure struct {
	state, who string
	err        error
}

// measured is all that was measured, one value per round.
type measured struct {
	values map[slot][]float64
	costs  map[slot]cost
	order  []string // of the keys of costs
	failed []failure
	before [2]float64 // cpuTimes when it began
}

func (m *measured) add(state, who, key string, v float64) {
	if m.values == nil {
		m.values = map[slot][]float64{}
	}
	at := slot{state, who, key}
	m.values[at] = append(m.values[at], v)
}

func (m *measured) cost(state, who, key string, broker, client, peak float64) {
	if m.costs == nil {
		m.costs = map[slot]cost{}
	}
	if who == "kafka-flush" {
		key += "-flush"
	}
	if !slices.Contains(m.order, key) {
		m.order = append(m.order, key)
	}
	at := slot{state, who, key}
	c := m.costs[at]
	m.costs[at] = cost{append(c.broker, broker), append(c.client, client), append(c.peak, peak)}
}

func (m *measured) fail(state, who string, err error) {
	m.failed = append(m.failed, failure{state, who, err})
}

// The section of the document that -write replaces stands between these.
const (
	beginMark        = "<!-- made by make bench: begin -->"
	endMark          = "<!-- made by make bench: end -->"
	beginClusterMark = "<!-- made by make bench-cluster: begin -->"
	endClusterMark   = "<!-- made by make bench-cluster: end -->"
)

func report(o options, m *measured, took time.Duration) error {
	var out bytes.Buffer
	memory := "its default"
	if o.memory != "" {
		memory = o.memory
	}
	if o.cluster {
		memory += " each"
	}
	fmt.Fprintf(&out, "%d cores (%s), %.0f GB, Linux %s, Go %s; %d MiB in the largest load, %d rounds after a warm-up; --memory of Troupe: %s; %s, took %v; of the time that the cores worked or wanted to, the host gave %.1f %% to others.\n",
		runtime.NumCPU(), processor(), totalMB()/1e3, release(), strings.TrimPrefix(runtime.Version(), "go"), o.mb, o.rounds, memory, time.Now().Format("2006-01-02"), took.Round(time.Second), stolen(m.before)*100)
	for _, state := range o.states {
		fmt.Fprintf(&out, "\nPage cache %s:\n\n", state)
		m.table(&out, o, state)
		fmt.Fprintf(&out, "\nCPU and memory, page cache %s:\n\n", state)
		m.costTable(&out, state)
	}
	if o.cluster {
		fmt.Fprintf(&out, "\nTroupe by itself:\n\n")
		m.table(&out, o, alone)
	}
	m.failures(&out)
	fmt.Print(out.String())
	if o.write == "" {
		return nil
	}
	if o.cluster {
		return replace(o.write, beginClusterMark, endClusterMark, out.String())
	}
	return replace(o.write, beginMark, endMark, out.String())
}

// failures: a figure that could not be measured is not met, whoever's fault it was.
func (m *measured) failures(out io.Writer) {
	for _, f := range m.failed {
		where := "page cache " + f.state
		if f.state == alone {
			where = "by itself"
		}
		fmt.Fprintf(out, "\nunmet: %s, %s: %s\n", f.who, where, strings.ReplaceAll(f.err.Error(), "\n", "; "))
	}
}

func (m *measured) table(out io.Writer, o options, state string) {
	fmt.Fprintln(out, "| figure | Troupe | Kafka | reached | required | aim | |\n|---|---|---|---|---|---|---|")
	for _, r := range o.rows() {
		troupe := m.values[slot{state, "troupe", r.key}]
		rival := m.values[slot{state, "kafka", r.key}]
		if r.of == overFlush {
			rival = m.values[slot{state, "kafka-flush", r.key}]
		}
		if len(troupe)+len(rival) == 0 {
			continue
		}
		if r.key == "memory-peak" && o.memory != "" {
			r.of, r.required = absolute, both(1.15*bytesOf(o.memory)/1e6*float64(o.replicas()))
		}
		reached := m.reached(r, state, troupe, rival)
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n", r.title, spread(troupe), spread(rival), number(reached), r.limit(r.required.in(state)), r.limit(r.aim.in(state)), m.verdict(r, state, reached))
	}
}

// reached is what the bound of a row is held against; below 0 it is not known.
func (m *measured) reached(r row, state string, troupe, rival []float64) float64 {
	by := rival
	switch r.of {
	case absolute:
		by = []float64{1}
	case overDisk:
		by = m.values[slot{state, "troupe", "single-disk"}]
	}
	if len(troupe) == 0 || len(by) == 0 {
		return -1
	}
	return median(troupe) / median(by)
}

func (m *measured) verdict(r row, state string, reached float64) string {
	required, aim := r.required.in(state), r.aim.in(state)
	keeps := func(bound float64) bool { return r.less && reached <= bound || !r.less && reached >= bound }
	switch {
	case required == 0 || reached < 0:
		return ""
	case r.key == "start-ready" && median(m.values[slot{state, "troupe", "start-disk"}]) >= 0.3:
		return "the disk's sync takes 0.3 ms or more: nothing is required"
	case !keeps(required):
		return fmt.Sprintf("**unmet:** %s, required %s", number(reached), r.limit(required))
	case aim != 0 && keeps(aim):
		return "aim"
	}
	return "met"
}

func (r row) limit(v float64) string {
	switch {
	case v == 0:
		return "–"
	case r.less:
		return "≤ " + number(v)
	}
	return "≥ " + number(v)
}

func number(v float64) string {
	switch {
	case v < 0:
		return "–"
	case v >= 10:
		return fmt.Sprintf("%.0f", v)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func (m *measured) costTable(out io.Writer, state string) {
	fmt.Fprintln(out, "| load | Troupe: broker, s/GB | client, s/GB | peak RSS, MB | Kafka: broker, s/GB | client, s/GB | peak RSS, MB |\n|---|---|---|---|---|---|---|")
	for _, key := range m.order {
		t, k := m.costs[slot{state, "troupe", key}], m.costs[slot{state, "kafka", key}]
		if strings.HasSuffix(key, "-flush") {
			k = m.costs[slot{state, "kafka-flush", key}]
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n", key, spread(t.broker), spread(t.client), spread(t.peak), spread(k.broker), spread(k.client), spread(k.peak))
	}
}

// median of an even number of values is the mean of the two in the middle.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}

func spread(v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	if len(v) == 1 {
		return number(v[0])
	}
	return fmt.Sprintf("%s (%s–%s)", number(median(v)), number(slices.Min(v)), number(slices.Max(v)))
}

// bytesOf reads a size as --memory takes it.
func bytesOf(text string) float64 {
	n, _ := strconv.ParseFloat(strings.TrimRight(text, "KMGTiB"), 64)
	for i, unit := range []string{"K", "M", "G", "T"} {
		if rest := strings.TrimLeft(text, "0123456789."); strings.HasPrefix(rest, unit) {
			by := 1000.
			if strings.HasPrefix(rest, unit+"i") {
				by = 1024
			}
			for range i + 1 {
				n *= by
			}
		}
	}
	return n
}

func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func release() string {
	b, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	version, _, _ := strings.Cut(strings.TrimSpace(string(b)), "-")
	return version
}

// replace puts text between the marks of a file.
func replace(path, begin, end, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s lacks the lines %s and %s", path, begin, end)
	}
	return os.WriteFile(path, []byte(head+begin+"\n"+text+end+tail), 0o644)
}
