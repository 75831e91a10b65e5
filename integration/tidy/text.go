package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strings"
)

// The words are put together so that this file does not break its own rule.
var (
	unfinished  = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b|(?i:\bnot (yet )?imple` + `mented\b)`)
	machinePath = regexp.MustCompile(`(^|[^\w.~/-])/(wo` + `rk|home|root|Users)/[\w.]|\.\./sha` + `red`)
)

// checkUnfinished: what is in the tree is finished; what is to come stands in an issue.
func checkUnfinished(f *File) []Breach {
	var out []Breach
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			if m := unfinished.FindString(c.Text); m != "" {
				out = append(out, f.breach(c.Pos(), "%q in a comment: finish it or open an issue", m))
			}
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if m := unfinished.FindString(lit.Value); m != "" {
				out = append(out, f.breach(lit.Pos(), "%q in a text: finish it or leave it out", m))
			}
		}
		return true
	})
	return out
}

// checkMachinePaths: nothing refers to a folder of somebody's machine, or to what lies outside the repository.
func checkMachinePaths(f *File) []Breach {
	var out []Breach
	for i, text := range strings.Split(f.Text, "\n") {
		if m := machinePath.FindString(text); m != "" {
			out = append(out, f.line(i+1, "path outside the repository: %q", strings.TrimSpace(m)))
		}
	}
	return out
}

// wellKnown methods are documented by the interface that they implement.
var wellKnown = map[string]bool{
	"String": true, "Error": true, "Unwrap": true, "Is": true, "Receive": true, "Refuse": true,
	"Len": true, "Less": true, "Swap": true, "Push": true, "Pop": true,
	"Read": true, "Write": true, "Close": true, "ServeHTTP": true, "MarshalJSON": true, "UnmarshalJSON": true,
}

// checkDocumented: exported names have a comment; a group's comment or one at the end of the line counts.
func checkDocumented(f *File) []Breach {
	if f.AST.Name.Name == "main" || f.Test() || f.Generated() {
		return nil
	}
	var out []Breach
	bad := func(pos token.Pos, kind, name string) {
		out = append(out, f.breach(pos, "exported %s %s has no comment", kind, name))
	}
	for _, decl := range f.AST.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !(d.Recv != nil && wellKnown[d.Name.Name]) {
				bad(d.Pos(), "func", d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						bad(s.Pos(), "type", s.Name.Name)
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						bad(s.Pos(), "name", s.Names[0].Name)
					}
				}
			}
		}
	}
	return out
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// checkPackageDocs: each package says once what it owns; an actor's does in doc.go.
func checkPackageDocs(files []*File) []Breach {
	said, first := map[string]bool{}, map[string]*File{}
	var dirs []string
	for _, f := range files {
		if f.AST == nil || f.Test() || f.AST.Name.Name == "main" {
			continue
		}
		if first[f.Dir] == nil {
			first[f.Dir] = f
			dirs = append(dirs, f.Dir)
		}
		said[f.Dir] = said[f.Dir] || (f.AST.Doc.Text() != "" && (!isActor(f.Dir) || path.Base(f.Path) == "doc.go"))
	}
	var out []Breach
	for _, dir := range dirs {
		if !said[dir] {
			where := "a comment"
			if isActor(dir) {
				where = "a doc.go with its comment: what it owns, its states, its invariants"
			}
			out = append(out, first[dir].line(1, "package %s lacks %s", dir, where))
		}
	}
	return out
}

// isActor tells whether the package is an actor: the pure package beside them is none.
func isActor(dir string) bool { return inActor(dir) && dir != "actors/meta" }
