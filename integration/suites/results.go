package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"text/tabwriter"
	"time"
)

// A verdict on one test.
type verdict string

// The verdicts.
const (
	passed  verdict = "pass"
	failed  verdict = "fail"
	skipped verdict = "skip"
	absent  verdict = "absent" // not run at all, or not to its end
)

// A result is what one test showed.
type result struct {
	name    string
	verdict verdict
	took    time.Duration
	why     string // one line: of a failure or a skip
}

// results are those of one suite on one target.
type results []result

func (rs results) count() map[verdict]int {
	n := map[verdict]int{}
	for _, r := range rs {
		n[r.verdict]++
	}
	return n
}

func (rs results) sorted() results {
	sort.Slice(rs, func(i, j int) bool { return rs[i].name < rs[j].name })
	return rs
}

// write prints a table: verdict, milliseconds, name, reason; divided by tabs that are padded for people.
func (rs results) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, r := range rs {
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\n", r.verdict, r.took.Milliseconds(), r.name, oneLine(r.why))
	}
	return tw.Flush()
}

// readResults reads such a table. Names hold no spaces.
func readResults(path string) (results, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rs results
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		fields := strings.Fields(text)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("%s: unexpected line %q", path, text)
		}
		var ms int64
		if _, err := fmt.Sscan(fields[1], &ms); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, text, err)
		}
		rs = append(rs, result{
			name: fields[2], verdict: verdict(fields[0]), took: time.Duration(ms) * time.Millisecond, why: strings.Join(fields[3:], " "),
		})
	}
	return rs, lines.Err()
}

// reasonLength bounds a reason in a table; the log has the rest.
const reasonLength = 300

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > reasonLength {
		s = strings.ToValidUTF8(s[:reasonLength], "") + " …"
	}
	return s
}
