package tidy

import (
	"go/ast"
	"path"
	"strings"
)

// The limits, in lines.
const (
	fileMax     = 500
	testFileMax = 800
	funcMax     = 70
)

// checkSizes: what does not fit on a few screens has more than one subject.
func checkSizes(f *File) []Breach {
	if f.Generated() {
		return nil
	}
	var out []Breach
	limit := fileMax
	if f.Test() {
		limit = testFileMax
	}
	if n := f.Lines(); n > limit {
		out = append(out, f.line(1, "file of %d lines, limit %d", n, limit))
	}
	if f.Test() {
		return out
	}
	for _, decl := range f.AST.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		n := f.Set.Position(fn.End()).Line - f.Set.Position(fn.Pos()).Line + 1
		if n > funcMax {
			out = append(out, f.breach(fn.Pos(), "func %s of %d lines, limit %d", fn.Name.Name, n, funcMax))
		}
	}
	return out
}

// drawers are names that say nothing: everything ends up in them.
var drawers = map[string]bool{"util": true, "utils": true, "helper": true, "helpers": true, "common": true, "misc": true, "shared": true}

// checkNames: no file and no package is a drawer.
func checkNames(f *File) []Breach {
	var out []Breach
	stem, _, _ := strings.Cut(path.Base(f.Path), ".")
	for _, word := range strings.Split(strings.TrimSuffix(stem, "_test"), "_") {
		if drawers[word] {
			out = append(out, f.line(1, "file named %q: name it after what is in it", path.Base(f.Path)))
			break
		}
	}
	if drawers[path.Base(f.Dir)] {
		out = append(out, f.line(1, "folder named %q: name it after what is in it", path.Base(f.Dir)))
	}
	return out
}

// checkInit: nothing happens before main, so that order is visible and tests start from nothing.
func checkInit(f *File) []Breach {
	if f.Generated() {
		return nil
	}
	var out []Breach
	for _, decl := range f.AST.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			out = append(out, f.breach(fn.Pos(), "func init: construct it where it is used"))
		}
	}
	return out
}
