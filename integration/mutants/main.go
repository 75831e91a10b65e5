// Command mutants proves that the safety tests can fail. It copies the tree, applies one mutation of the table at a time
// (fsync off, a reply dropped, a fence skipped), runs the test that must catch it, and restores the code.
//
// It tries as many at a time as there are cores, each in a copy of its own, without cgo, which makes linking several times as quick.
//
// Usage: go run ./integration/mutants [-table FILE] [-only NAME] [-j N] [-v]
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	table := flag.String("table", "integration/mutants/table.txt", "the mutations")
	only := flag.String("only", "", "run only mutants whose name contains this")
	verbose := flag.Bool("v", false, "print what the failing tests said")
	jobs := flag.Int("j", runtime.NumCPU(), "how many to try at a time")
	within := flag.Duration("within", 0, "begin none after this time, and begin with another file each day (0: try all)")
	flag.Parse()
	if err := run(*table, *only, *jobs, *within, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(table, only string, jobs int, within time.Duration, verbose bool) error {
	text, err := os.ReadFile(table)
	if err != nil {
		return err
	}
	list, err := Parse(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	list = slices.DeleteFunc(list, func(m Mutant) bool { return !strings.Contains(m.Name, only) })
	// One worker has all mutants of a file one after the other: what depends on it is compiled anew for each, the rest once.
	slices.SortStableFunc(list, func(a, b Mutant) int { return strings.Compare(a.File, b.File) })
	if within > 0 && len(list) > 0 {
		day := time.Now().YearDay() * len(list) / 7 % len(list)
		list = slices.Concat(list[day:], list[:day])
	}
	begin, tried := time.Now(), 0
	work := make(chan Mutant)
	r := results{verbose: verbose}
	for range max(jobs, 1) {
		dir, err := os.MkdirTemp("", "mutants")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := copyTree(".", dir); err != nil {
			return err
		}
		r.workers.Go(func() {
			for m := range work {
				start := time.Now()
				out, err := m.try(dir)
				r.add(m, out, err, time.Since(start))
			}
		})
	}
	for _, m := range list {
		if within > 0 && time.Since(begin) > within {
			break
		}
		work <- m
		tried++
	}
	close(work)
	r.workers.Wait()
	fmt.Printf("%d of %d mutants caught in %.0f s, %d of the table not tried\n", r.caught, tried, time.Since(begin).Seconds(), len(list)-tried)
	if r.caught < tried || len(list) == 0 {
		return errors.New("not all mutants were caught")
	}
	return nil
}

// results are told by the workers.
type results struct {
	verbose bool
	workers sync.WaitGroup
	mu      sync.Mutex
	caught  int
}

func (r *results) add(m Mutant, out []byte, err error, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		fmt.Printf("SURVIVED %s: %v\n%s\n", m.Name, err, tail(out))
		return
	}
	r.caught++
	fmt.Printf("caught   %-34s %5.1f s  %s%s\n", m.Name, took.Seconds(), m.Says, seedOf(out))
	if r.verbose {
		fmt.Println(tail(out))
	}
}

// seedOf names the seed of a simulation that caught a mutant, and why it failed.
func seedOf(out []byte) string {
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "seed ") {
			return " (" + line + ")"
		}
	}
	return ""
}

func tail(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) > 15 {
		lines = lines[len(lines)-15:]
	}
	return "    " + strings.Join(lines, "\n    ")
}

// Mutant is one fault put into the code, and the test that must fail by it.
type Mutant struct {
	Name, Says string
	File       string
	Old, New   string
	Test       []string // package and flags of go test
}

const (
	testTimeout = 200 * time.Second // a test that hangs fails by it, and the mutation is caught
	tryTimeout  = 10 * time.Minute  // with the building, which takes minutes on a busy machine
)

// try applies the mutation in dir, runs its test, and restores the code. It is an error if the test passes, if it does not
// compile, or if the text to replace is not there exactly once.
func (m Mutant) try(dir string) ([]byte, error) {
	path := filepath.Join(dir, m.File)
	orig, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(orig), m.Old); n != 1 {
		return nil, fmt.Errorf("the text to replace stands %d times in %s: the table is stale", n, m.File)
	}
	mutated := strings.Replace(string(orig), m.Old, m.New, 1)
	if err := os.WriteFile(path, []byte(mutated), 0o644); err != nil {
		return nil, err
	}
	defer os.WriteFile(path, orig, 0o644)
	out, err := goRun(dir, append([]string{"test", "-trimpath", "-count=1", "-vet=off", "-failfast", "-timeout=" + testTimeout.String()}, m.Test...)...)
	return out, verdict(out, err)
}

// verdict is nil if a test has failed. All else proves nothing: a test that passed, and one that was never run.
func verdict(out []byte, err error) error {
	switch {
	case err == nil:
		return errors.New("its test passes")
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("neither passed nor failed within %v", tryTimeout)
	case bytes.Contains(out, []byte("[build failed]")):
		return errors.New("does not compile")
	case bytes.Contains(out, []byte("no tests to run")):
		return errors.New("its test does not exist")
	case !bytes.Contains(out, []byte("FAIL\t")) || bytes.Contains(out, []byte("[setup failed]")):
		return fmt.Errorf("no test was run: %w", err)
	}
	return nil
}

func goRun(dir string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), tryTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}

// Parse reads the table: stanzas of "name:", "says:", "file:", "test:" lines, then the old text between "<<<<" and "====",
// and the new one up to ">>>>".
func Parse(text string) ([]Mutant, error) {
	var list []Mutant
	var m Mutant
	part := ""
	for n, line := range strings.Split(text, "\n") {
		switch {
		case part == "" && (line == "" || strings.HasPrefix(line, "#")):
		case part == "" && line == "<<<<":
			part = "old"
		case part == "old" && line == "====":
			part = "new"
		case part == "new" && line == ">>>>":
			m.Old, m.New = strings.TrimSuffix(m.Old, "\n"), strings.TrimSuffix(m.New, "\n")
			if m.Name == "" || m.File == "" || len(m.Test) == 0 || m.Old == "" {
				return nil, fmt.Errorf("line %d: stanza %q lacks name, file, test or old text", n+1, m.Name)
			}
			list = append(list, m)
			m, part = Mutant{}, ""
		case part != "" && strings.HasPrefix(line, "name: "): // a merge took the end of a stanza
			return nil, fmt.Errorf("line %d: stanza %q does not end with >>>>", n+1, m.Name)
		case part == "old":
			m.Old += line + "\n"
		case part == "new":
			m.New += line + "\n"
		default:
			key, value, ok := strings.Cut(line, ": ")
			if !ok {
				return nil, fmt.Errorf("line %d: want KEY: VALUE", n+1)
			}
			if err := m.set(key, value); err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
		}
	}
	if part != "" {
		return nil, errors.New("the last stanza does not end with >>>>")
	}
	return list, nil
}

func (m *Mutant) set(key, value string) error {
	switch key {
	case "name":
		m.Name = value
	case "says":
		m.Says = value
	case "file":
		m.File = value
	case "test":
		m.Test = strings.Fields(value)
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" || d.Name() == "bin" || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o644)
	})
}
