package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A goSuite is how to run the tests of a Go module that was copied out of the module cache.
type goSuite struct {
	dir     string   // folder of the packages, below the copy of the module
	args    []string // packages; none: the one in dir
	env     func(bootstrap string) []string
	timeout time.Duration
}

// An event is one line of go test -json (see go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// packages are what to test, from the folder of the suite.
func (g goSuite) packages() []string {
	if len(g.args) == 0 {
		return []string{"."}
	}
	return g.args
}

func (g goSuite) environment(bootstrap string) []string {
	return append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off"), g.env(bootstrap)...)
}

func (g goSuite) test(j job, dir string) (results, error) {
	if j.nobody {
		return g.eachTest(j, dir)
	}
	args := []string{"test", "-json", "-count=1", "-p=1", "-timeout", g.timeout.String()}
	switch {
	case len(j.again) > 0:
		args = append(args, "-run", "^("+strings.Join(j.again, "|")+")$")
	case j.only != nil:
		args = append(args, "-run", j.only.String())
	case len(j.online) > 0:
		args = append(args, "-run", "^("+strings.Join(j.online, "|")+")$")
	}
	if skip := j.skips.flag(); skip != "" {
		args = append(args, "-skip", skip)
	}
	cmd := exec.Command("go", append(args, g.packages()...)...)
	cmd.Dir = dir
	cmd.Env = g.environment(j.bootstrap)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = j.log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	got, err := readEvents(out, j.log)
	_ = cmd.Wait() // tells only that some test failed, which the events have told
	if err != nil {
		return nil, err
	}
	if len(got) == 0 {
		return nil, fmt.Errorf("go %s ran no test", strings.Join(args, " "))
	}
	return g.counted(j, got), nil
}

// counted leaves what is not to be skipped, and adds the lines of the skip list.
func (g goSuite) counted(j job, got results) results {
	var rs results
	for _, r := range got {
		if j.skips.reason(r.name) == "" {
			rs = append(rs, r)
		}
	}
	for _, s := range j.skips {
		if j.only == nil || j.only.MatchString(s.text) {
			rs = append(rs, result{name: s.text, verdict: skipped, why: s.why})
		}
	}
	return rs.sorted()
}

// flag joins the list to one -skip. A slash divides levels there, even one in a sub-test's own name: such a sub-test may run
// all the same, but does not count.
func (all skips) flag() string {
	var names []string
	for _, s := range all {
		levels := strings.Split(s.text, "/")
		for i, l := range levels {
			levels[i] = "^(" + l + ")$"
		}
		names = append(names, strings.Join(levels, "/"))
	}
	return strings.Join(names, "|")
}

// readEvents makes results of a stream of events. A test that never ended is absent.
func readEvents(r io.Reader, log io.Writer) (results, error) {
	tests := map[string]*result{}
	said := map[string][]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(log, lines.Text())
			continue
		}
		if e.Action == "output" || e.Action == "build-output" {
			fmt.Fprint(log, e.Output)
		}
		if e.Test == "" {
			continue
		}
		t := tests[e.Test]
		if t == nil {
			t = &result{name: e.Test, verdict: absent, why: "it did not end"}
			tests[e.Test] = t
		}
		t.see(e, said)
	}
	return leaves(tests), lines.Err()
}

// see takes one event. The reason of a failure is the last line that the test printed with a place in a file.
func (t *result) see(e event, said map[string][]string) {
	switch e.Action {
	case "output":
		if line := strings.TrimSpace(e.Output); strings.Contains(line, ".go:") || strings.HasPrefix(line, "panic:") || strings.Contains(line, "Error:") {
			said[e.Test] = append(said[e.Test], line)
		}
		return
	case "pass":
		t.verdict, t.why = passed, ""
	case "fail", "skip":
		t.verdict, t.why = verdict(e.Action), ""
		if lines := said[e.Test]; len(lines) > 0 {
			t.why = strings.Join(lines[max(0, len(lines)-3):], " ")
		}
	default:
		return
	}
	t.took = time.Duration(e.Elapsed * float64(time.Second))
}

// leaves gives what counts: sub-tests, and tests that have none or that fail while none of theirs does. Only at the top is it
// known who is whose, because a sub-test's own name may hold a slash.
func leaves(tests map[string]*result) results {
	parents, broken := map[string]bool{}, map[string]bool{}
	for name, t := range tests {
		if top, _, sub := strings.Cut(name, "/"); sub {
			parents[top] = true
			broken[top] = broken[top] || t.verdict == failed || t.verdict == absent
		}
	}
	var rs results
	for name, t := range tests {
		if !parents[name] || t.verdict == failed && !broken[name] {
			t.name = strings.ReplaceAll(name, " ", "_")
			rs = append(rs, *t)
		}
	}
	return rs.sorted()
}
