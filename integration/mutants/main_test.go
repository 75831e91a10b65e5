package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	list, err := Parse("# c\nname: a\nsays: why\nfile: x.go\ntest: ./x -run T\n<<<<\nold 1\nold 2\n====\nnew\n>>>>\n\n")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	m := list[0]
	if m.Old != "old 1\nold 2" || m.New != "new" || m.Test[0] != "./x" || m.Says != "why" {
		t.Fatalf("%+v", m)
	}
	for _, bad := range []string{"name: a\n<<<<\nx\n====\n>>>>\n", "nokey\n", "name: a\n<<<<\nx\n",
		"name: a\nfile: x.go\ntest: ./x\n<<<<\nold\n====\nnew\n\nname: b\nfile: x.go\ntest: ./x\n<<<<\nold\n====\nnew\n>>>>\n"} {
		if _, err := Parse(bad); err == nil {
			t.Fatalf("accepted %q", bad)
		}
	}
}

// Only a test that has failed catches a mutation.
func TestVerdict(t *testing.T) {
	exit := errors.New("exit status 1")
	for _, x := range []struct {
		out    string
		err    error
		caught bool
	}{
		{"--- FAIL: TestX (0.00s)\nFAIL\nFAIL\ttroupe/x\t0.1s\nFAIL\n", exit, true},
		{"panic: test timed out after 3m20s\nFAIL\ttroupe/x\t200.1s\nFAIL\n", exit, true},
		{"ok  \ttroupe/x\t0.1s\n", nil, false},
		{"FAIL\ttroupe/x [build failed]\nFAIL\n", exit, false},
		{"FAIL\ttroupe/x [setup failed]\nFAIL\n", exit, false},
		{"ok  \ttroupe/x\t0.1s [no tests to run]\n", nil, false},
		{"go: no space left on device\n", exit, false},
		{"", context.DeadlineExceeded, false}, // it was still being built
	} {
		if err := verdict([]byte(x.out), x.err); (err == nil) != x.caught {
			t.Errorf("%q, %v: %v", x.out, x.err, err)
		}
	}
}

// The table must fit the code: each old text stands exactly once in its file.
func TestTableFitsTheCode(t *testing.T) {
	text, err := os.ReadFile("table.txt")
	if err != nil {
		t.Fatal(err)
	}
	list, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 8 {
		t.Fatalf("%d mutants, want at least 8", len(list))
	}
	for _, m := range list {
		b, err := os.ReadFile(filepath.Join("..", "..", m.File))
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if n := strings.Count(string(b), m.Old); n != 1 {
			t.Errorf("%s: the old text stands %d times in %s", m.Name, n, m.File)
		}
	}
}
