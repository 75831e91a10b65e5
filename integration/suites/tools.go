package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"troupe/integration/oracle"
)

// kafkaTools are the command-line tools that come with Kafka, as far as one node without security can serve them.
var kafkaTools = suite{
	name: "kafka-tools", version: "4.3.1",
	get: func(cache) error { return command(oracle.Root(), oracle.Script(), "fetch") },
	run: runTools,
}

// toolPatience bounds one call of a tool; starting a JVM on two busy cores takes seconds.
const toolPatience = 90 * time.Second

// A toolCheck calls tools and looks at what they print.
type toolCheck struct {
	name string
	run  func(*tools) error
}

// tools is one check's way to call them. Calls of a check that has failed do nothing: the first failure is its result.
type tools struct {
	bootstrap string
	dir       string // for files that a tool reads or writes
	log       *os.File
	err       error
}

func runTools(j job) (results, error) {
	dir := j.cache.path("tools")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var rs results
	for _, c := range toolChecks() {
		if !j.wants(c.name) {
			continue
		}
		t := &tools{bootstrap: j.bootstrap, dir: dir, log: j.log}
		fmt.Fprintf(j.log, "=== %s\n", c.name)
		start := time.Now()
		err := c.run(t)
		if err == nil {
			err = t.err
		}
		r := result{name: c.name, verdict: passed, took: time.Since(start)}
		if err != nil {
			r.verdict, r.why = failed, err.Error()
		}
		rs = append(rs, r)
	}
	return rs.sorted(), nil
}

func toolChecks() []toolCheck {
	var all []toolCheck
	all = append(all, topicTools...)
	all = append(all, groupTools...)
	all = append(all, recordTools...)
	return append(all, clusterTools...)
}

// on calls a tool with --bootstrap-server and gives what it printed.
func (t *tools) on(class string, args ...string) string {
	return t.call("", class, append([]string{"--bootstrap-server", t.bootstrap}, args...)...)
}

// call runs a tool to its end. One that fails, or prints an exception, fails the check.
func (t *tools) call(stdin, class string, args ...string) string {
	out, err := t.try(stdin, class, args...)
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("%s %s: %w: %s", class, strings.Join(args, " "), err, out)
	}
	return out
}

// refused wants the tool to fail, and to say one of these.
func (t *tools) refused(says, class string, args ...string) {
	if t.err != nil {
		return
	}
	out, err := t.try("", class, append([]string{"--bootstrap-server", t.bootstrap}, args...)...)
	if err == nil && !strings.Contains(out, "rror") || !regexp.MustCompile(says).MatchString(out) {
		t.err = fmt.Errorf("%s %s: want a failure that says %q, got %v: %s", class, strings.Join(args, " "), says, err, out)
	}
}

func (t *tools) try(stdin, class string, args ...string) (string, error) {
	if t.err != nil {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), toolPatience)
	defer cancel()
	cmd := t.command(ctx, class, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	fmt.Fprintf(t.log, "--- %s %s: %v\n%s\n", class, strings.Join(args, " "), err, out.String())
	return out.String(), err
}

// command ends a tool that takes too long as a person would, so that what it has printed is not lost.
func (t *tools) command(ctx context.Context, class string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, oracle.Script(), append([]string{"tool", class}, args...)...)
	cmd.Dir = t.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// has wants a text that matches each expression, in lines.
func (t *tools) has(out string, expressions ...string) {
	for _, e := range expressions {
		if t.err == nil && !regexp.MustCompile("(?m)"+e).MatchString(out) {
			t.err = fmt.Errorf("want %q in: %s", e, out)
		}
	}
}

func (t *tools) hasNot(out string, expressions ...string) {
	for _, e := range expressions {
		if t.err == nil && regexp.MustCompile("(?m)"+e).MatchString(out) {
			t.err = fmt.Errorf("want no %q in: %s", e, out)
		}
	}
}

// soon repeats a call of a tool until what it prints matches: a broker may need a moment to show a change.
func (t *tools) soon(expression string, ask func() string) {
	for range 10 {
		if out := ask(); t.err != nil || regexp.MustCompile("(?m)"+expression).MatchString(out) {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.has(ask(), expression)
}

// file writes a file for a tool and gives its name.
func (t *tools) file(name, text string) string {
	path := filepath.Join(t.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil && t.err == nil {
		t.err = err
	}
	return path
}

// topic makes a topic with so many partitions and records in it, one value a line, and gives its name.
func (t *tools) topic(name string, partitions, records int, configs ...string) string {
	args := []string{"--create", "--topic", name, "--partitions", fmt.Sprint(partitions), "--replication-factor", "1"}
	for _, c := range configs {
		args = append(args, "--config", c)
	}
	t.on("TopicCommand", args...)
	if records > 0 {
		var in strings.Builder
		for i := range records {
			fmt.Fprintf(&in, "value-%d\n", i)
		}
		t.call(in.String(), "ConsoleProducer", "--bootstrap-server", t.bootstrap, "--topic", name)
	}
	return name
}
