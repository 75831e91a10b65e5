package tidy

import (
	"go/ast"
	"go/token"
	"slices"
)

// banned are the names that block or that a seed cannot replay: package path, names, and what to use.
var banned = []struct {
	pkg     string
	names   []string // empty: all but the exceptions
	except  []string
	instead string
}{
	{"sync", []string{"Mutex", "RWMutex", "Cond", "WaitGroup"}, nil, "an actor owns its state: send a message"},
	{"time", []string{"Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}, nil, "use the kit's timers"},
	{"time", []string{"Now", "Since", "Until"}, nil, "use the kit's clock"},
	{"math/rand", nil, []string{"New", "NewSource", "Rand", "Source"}, "use the kit's randomness"},
	{"math/rand/v2", nil, []string{"New", "NewPCG", "NewChaCha8", "Rand", "Source"}, "use the kit's randomness"},
}

// checkActors: inside Receive nothing blocks, nothing runs beside it, and a seed decides everything.
func checkActors(f *File) []Breach {
	if !inActor(f.Dir) || f.Test() {
		return nil
	}
	var out []Breach
	bad := func(pos token.Pos, format string, args ...any) { out = append(out, f.breach(pos, format, args...)) }
	f.eachBanned(func(pos token.Pos, what, instead string) { bad(pos, "%s in an actor: %s", what, instead) })
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			bad(n.Pos(), "go statement in an actor: give the work to the kit")
		case *ast.ChanType:
			bad(n.Pos(), "channel in an actor: send a message")
		case *ast.SendStmt:
			bad(n.Pos(), "channel send in an actor: send a message")
		case *ast.SelectStmt:
			bad(n.Pos(), "select in an actor: handle messages")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				bad(n.Pos(), "channel receive in an actor: handle a message")
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Result" && len(n.Args) == 0 {
				bad(n.Pos(), "wait for a future in an actor: handle the answer as a message")
			}
		}
		return true
	})
	return out
}

// eachBanned calls fn for each use of a banned name, under whatever name its package is imported.
func (f *File) eachBanned(fn func(pos token.Pos, what, instead string)) {
	names := f.imports()
	ast.Inspect(f.AST, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := s.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, b := range banned {
			if names[x.Name] != b.pkg {
				continue
			}
			if slices.Contains(b.names, s.Sel.Name) || (len(b.names) == 0 && !slices.Contains(b.except, s.Sel.Name)) {
				fn(s.Pos(), x.Name+"."+s.Sel.Name, b.instead)
			}
		}
		return true
	})
}
