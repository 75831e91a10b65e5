package main

import (
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
