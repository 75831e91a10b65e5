package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// scriptLimit ends a script that hangs beyond its own limit for one check.
const scriptLimit = 20 * time.Minute

// runScript runs a program that prints one line for each of its checks: CHECK verdict milliseconds name reason. The rest of
// its output goes to the log. It gets the broker's address as its last argument, and ONLY as a regular expression of names.
func runScript(j job, dir, name string, args ...string) (results, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scriptLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, append(args, j.bootstrap)...)
	cmd.Dir = dir
	only := ""
	if j.only != nil {
		only = j.only.String()
	}
	cmd.Env = append(os.Environ(), "ONLY="+only, "KAFKAJS_NO_PARTITIONER_WARNING=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = j.log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	rs, err := readChecks(out, j.log)
	ended := cmd.Wait()
	switch {
	case err != nil:
		return nil, err
	case ended != nil:
		return nil, fmt.Errorf("%s %s ended after %d checks: %w", name, strings.Join(args, " "), len(rs), ended)
	case len(rs) == 0:
		return nil, fmt.Errorf("%s %s ran no check", name, strings.Join(args, " "))
	}
	return rs.sorted(), nil
}

func readChecks(r io.Reader, log io.Writer) (results, error) {
	var rs results
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		fmt.Fprintln(log, line)
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] != "CHECK" {
			continue
		}
		ms, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		rs = append(rs, result{
			name: fields[3], verdict: verdict(fields[1]), took: time.Duration(ms) * time.Millisecond, why: strings.Join(fields[4:], " "),
		})
	}
	return rs, lines.Err()
}
