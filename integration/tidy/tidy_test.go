package tidy

import (
	"os"
	"path/filepath"
	"testing"
)

// root is the repository, seen from this package.
const root = "../.."

func TestTree(t *testing.T) {
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	gos := 0
	for _, f := range files {
		if f.AST != nil {
			gos++
		}
	}
	if gos < 20 {
		t.Fatalf("only %d Go files found below %s: the tree was not read", gos, root)
	}
	for _, b := range All(files) {
		t.Error(b)
	}
}

// A floor for a package that is gone misleads the reader of the map, unless the package is still to be built.
func TestFloorsExist(t *testing.T) {
	planned := map[string]bool{
		"kafka/auth": true, "actors/peer": true, "actors/txn": true, "actors/controller": true,
		"integration/stories": true, "integration/sim": true, "integration/crash": true, "integration/faults": true,
		"integration/golden": true, "integration/mutants": true, "integration/bench": true,
	}
	for dir := range floors {
		if _, err := os.Stat(filepath.Join(root, dir)); err != nil && !planned[dir] {
			t.Errorf("floors names %s, which does not exist", dir)
		}
	}
}
