package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"
)

// Limits of the measurement: a test that waits for a broker longer than this needs one.
const (
	onlinePatience = 20 * time.Second
	onlineAtOnce   = 8 // they mostly wait
)

// eachTest runs each test on its own while nobody listens: one that panics or waits for ever must not end the others.
func (g goSuite) eachTest(j job, dir string) (results, error) {
	var all results
	for _, pkg := range g.packages() {
		bin := filepath.Join(j.cache.dir, "online.test")
		build := exec.Command("go", "test", "-c", "-o", bin, pkg)
		build.Dir = dir
		build.Env = g.environment(j.bootstrap)
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go test -c %s: %w: %s", pkg, err, out)
		}
		list := exec.Command(bin, "-test.list", ".")
		list.Dir = filepath.Join(dir, pkg)
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("list tests of %s: %w", pkg, err)
		}
		all = append(all, g.eachAlone(j, bin, list.Dir, strings.Fields(string(out)))...)
	}
	return all.sorted(), nil
}

func (g goSuite) eachAlone(j job, bin, dir string, names []string) results {
	var (
		mu  sync.Mutex
		all results
		wg  sync.WaitGroup
	)
	slots := make(chan struct{}, onlineAtOnce)
	for _, name := range names {
		if !strings.HasPrefix(name, "Test") {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			rs := g.alone(j, bin, dir, name)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, rs...)
		})
	}
	wg.Wait()
	return all
}

// alone gives the results of one test; one that could not be read counts as none.
func (g goSuite) alone(j job, bin, dir, name string) results {
	cmd := exec.Command("go", "tool", "test2json", "-t", bin, "-test.v=test2json", "-test.run", "^"+name+"$", "-test.timeout", onlinePatience.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), g.env(j.bootstrap)...)
	out, _ := cmd.Output() // fails if the test does, which its events tell
	rs, err := readEvents(bytes.NewReader(out), j.log)
	if err != nil {
		return nil
	}
	return rs
}

// online are the names of the top-level tests that do not pass as a whole while nobody listens.
func (rs results) online() []string {
	var names []string
	seen := map[string]bool{}
	for _, r := range rs {
		name, _, _ := strings.Cut(r.name, "/")
		if r.verdict != passed && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// readOnline reads online/NAME.txt: the tests that need a broker. No list: all do.
func readOnline(suite string) ([]string, error) {
	text, err := os.ReadFile(onlinePath(suite))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(text)), err
}

func onlinePath(suite string) string { return source("online", suite+".txt") }
