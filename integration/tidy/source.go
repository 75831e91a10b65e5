package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// A File is one text file of the tree. AST is nil when it is not Go.
type File struct {
	Path   string // from the root, with slashes
	Dir    string // its package: the folder from the root
	Text   string
	AST    *ast.File
	Set    *token.FileSet
	Nested bool // belongs to another module inside the tree: floors do not apply
}

// A Breach is one broken rule.
type Breach struct {
	Path string
	Line int
	Text string
}

func (b Breach) String() string { return fmt.Sprintf("%s:%d: %s", b.Path, b.Line, b.Text) }

// Test tells whether the file is compiled for tests only.
func (f *File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Generated files are exempt from sizes: people do not read them.
func (f *File) Generated() bool { return strings.HasSuffix(f.Path, "_gen.go") }

// Lines counts the lines of the text.
func (f *File) Lines() int {
	n := strings.Count(f.Text, "\n")
	if f.Text != "" && !strings.HasSuffix(f.Text, "\n") {
		n++
	}
	return n
}

func (f *File) breach(pos token.Pos, format string, args ...any) Breach {
	return Breach{f.Path, f.Set.Position(pos).Line, fmt.Sprintf(format, args...)}
}

func (f *File) line(n int, format string, args ...any) Breach {
	return Breach{f.Path, n, fmt.Sprintf(format, args...)}
}

// Parse makes a File of a text.
func Parse(path, text string) (*File, error) {
	f := &File{Path: path, Dir: filepath.ToSlash(filepath.Dir(path)), Text: text}
	if !strings.HasSuffix(path, ".go") {
		return f, nil
	}
	f.Set = token.NewFileSet()
	tree, err := parser.ParseFile(f.Set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	f.AST = tree
	return f, err
}

// texts are the endings and names of files that are read beside Go's.
var texts = map[string]bool{
	".md": true, ".sh": true, ".py": true, ".java": true, ".xml": true, ".yml": true, ".yaml": true, ".txt": true, ".mod": true,
	"Makefile": true, "oracle": true, "run": true, "Dockerfile": true,
}

// Load reads the tree below root. Hidden folders are skipped but for .ci; so are build output and what tests recorded.
func Load(root string) ([]*File, error) {
	var files []*File
	nested := ""
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if skipped(rel, d.Name()) {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && rel != "." {
				nested = rel
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") && !texts[filepath.Ext(rel)] && !texts[d.Name()] {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := Parse(rel, string(text))
		if err != nil {
			return err
		}
		f.Nested = nested != "" && under(f.Dir, nested)
		files = append(files, f)
		return nil
	})
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, err
}

func skipped(rel, name string) bool {
	switch name {
	case "bin", "node_modules", "__pycache__", "target":
		return true
	case ".", ".ci":
		return false
	}
	return strings.HasPrefix(name, ".") && rel != "."
}

// imports maps the name under which a package is used in the file to its path.
func (f *File) imports() map[string]string {
	names := map[string]string{}
	for _, spec := range f.AST.Imports {
		path := importPath(spec)
		name := path[strings.LastIndex(path, "/")+1:]
		if len(name) > 1 && name[0] == 'v' && name[1] >= '0' && name[1] <= '9' {
			short := strings.TrimSuffix(path, "/"+name)
			name = short[strings.LastIndex(short, "/")+1:]
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

func importPath(spec *ast.ImportSpec) string {
	path, _ := strconv.Unquote(spec.Path.Value)
	return path
}
