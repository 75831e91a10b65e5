package tidy

import (
	"go/ast"
	"regexp"
	"strings"
)

var (
	fromLine   = regexp.MustCompile(`(^|\s)From: \S`)
	answerLine = regexp.MustCompile(`(^|\s)Answer: \S`)
)

// checkMessages: whoever reads a *_messages.go learns who sends each message and what comes back. A struct that is the
// type of a named field of another one in the file is a part of a message, and needs only its comment.
func checkMessages(f *File) []Breach {
	if !strings.HasSuffix(f.Path, "_messages.go") {
		return nil
	}
	var out []Breach
	parts := partsOfMessages(f)
	for _, decl := range f.AST.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			typ, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			fields, ok := typ.Type.(*ast.StructType)
			if !ok {
				continue
			}
			doc := typ.Doc.Text()
			if doc == "" {
				doc = gen.Doc.Text()
			}
			switch {
			case doc == "":
				out = append(out, f.breach(typ.Pos(), "message %s has no comment", typ.Name.Name))
			case parts[typ.Name.Name]:
			case !fromLine.MatchString(doc):
				out = append(out, f.breach(typ.Pos(), "message %s does not say who sends it (From: ...)", typ.Name.Name))
			case embedsAsk(fields) && !answerLine.MatchString(doc):
				out = append(out, f.breach(typ.Pos(), "ask %s does not say what answers it (Answer: ...)", typ.Name.Name))
			}
		}
	}
	return out
}

func partsOfMessages(f *File) map[string]bool {
	parts := map[string]bool{}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			if len(field.Names) == 0 {
				continue
			}
			ast.Inspect(field.Type, func(n ast.Node) bool {
				if _, ok := n.(*ast.SelectorExpr); ok {
					return false // a type of another package
				}
				if id, ok := n.(*ast.Ident); ok {
					parts[id.Name] = true
				}
				return true
			})
		}
		return true
	})
	return parts
}

// embedsAsk tells whether the struct carries the kit's way to answer.
func embedsAsk(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		typ := field.Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if sel, ok := typ.(*ast.SelectorExpr); ok && len(field.Names) == 0 && sel.Sel.Name == "Ask" {
			return true
		}
	}
	return false
}
