package tidy

import (
	"go/token"
	"strings"
)

// checkFloors: imports within the module go strictly down.
func checkFloors(f *File) []Breach {
	if f.Nested {
		return nil
	}
	var out []Breach
	from, known := floors[f.Dir]
	if !known {
		out = append(out, f.breach(f.AST.Name.Pos(), "package %s has no floor: give it one in integration/tidy/floors.go", f.Dir))
	}
	for _, spec := range f.AST.Imports {
		dir, ok := strings.CutPrefix(importPath(spec), module+"/")
		if !ok || dir == f.Dir { // an external test imports its own package
			continue
		}
		to, ok := floors[dir]
		switch {
		case !ok:
			out = append(out, f.breach(spec.Pos(), "imports %s, which has no floor", dir))
		case simulated[dir] && f.Test():
		case simulated[dir] && !simulated[f.Dir] && !under(f.Dir, "integration", "cmd/broker/run"):
			out = append(out, f.breach(spec.Pos(), "imports %s: simulated parts are for tests", dir))
		case known && to >= from:
			out = append(out, f.breach(spec.Pos(), "%s (floor %s) imports %s (floor %s): imports go down", f.Dir, storey(from), dir, storey(to)))
		}
	}
	return out
}

// storey shows a floor as people name it: 15 is 1.5.
func storey(tenths int) string {
	digits := "0123456789"
	whole := ""
	if tenths >= 100 {
		whole = digits[tenths/100 : tenths/100+1]
	}
	whole += digits[tenths/10%10 : tenths/10%10+1]
	if tenths%10 == 0 {
		return whole
	}
	return whole + "." + digits[tenths%10:tenths%10+1]
}

// checkHomes: the fixed packages have one home each.
func checkHomes(f *File) []Breach {
	var out []Breach
	for _, spec := range f.AST.Imports {
		h, ok := homeOf(importPath(spec))
		if !ok || under(f.Dir, h.dirs...) || (h.tests && f.Test()) {
			continue
		}
		out = append(out, f.breach(spec.Pos(), "imports %s: %s", importPath(spec), h.why))
	}
	return out
}

// impure are imports that a core must not have, with all below them.
var impure = []string{
	module + "/actors/kit", module + "/storage", "github.com/cockroachdb/pebble", "github.com/asynkron/protoactor-go",
	"net", "os", "io/fs", "syscall", "log", "log/slog", "sync", "context",
}

// checkCore: the decisions of an actor are pure: no actor, disk, network or clock.
func checkCore(f *File) []Breach {
	if !strings.HasSuffix(f.Path, "_core.go") {
		return nil
	}
	var out []Breach
	for _, spec := range f.AST.Imports {
		path := importPath(spec)
		if path != module+"/storage/record" && under(path, impure...) {
			out = append(out, f.breach(spec.Pos(), "a core imports %s: a core is pure", path))
		}
	}
	if !inActor(f.Dir) { // there checkActors says it
		f.eachBanned(func(pos token.Pos, what, instead string) {
			out = append(out, f.breach(pos, "%s in a core: %s", what, instead))
		})
	}
	return out
}
