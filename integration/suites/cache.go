package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"troupe/integration/oracle"
)

// A cache is where everything that is fetched, built and written lands: nothing of it is ever committed.
type cache struct{ dir string }

// openCache makes integration/.cache/suites.
func openCache() (cache, error) {
	c := cache{filepath.Join(oracle.Root(), "integration", ".cache", "suites")}
	return c, os.MkdirAll(filepath.Join(c.dir, "results"), 0o755)
}

// source is the folder of our own part of a suite.
func source(parts ...string) string {
	return filepath.Join(append([]string{oracle.Root(), "integration", "suites"}, parts...)...)
}

func (c cache) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

func (c cache) resultsPath(target string, s suite) string {
	return c.path("results", target, s.name+".txt")
}

// save writes a table of results; for target none, also the list of tests that need a broker.
func (c cache) save(target string, s suite, rs results) (string, error) {
	path := c.resultsPath(target, s)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	fmt.Fprintf(f, "# %s %s on %s: verdict, milliseconds, name, reason\n", s.name, s.version, target)
	if err := rs.write(f); err != nil {
		return "", err
	}
	if target != nobody {
		return path, f.Close()
	}
	path = onlinePath(s.name)
	return path, os.WriteFile(path, []byte(strings.Join(rs.online(), "\n")+"\n"), 0o644)
}

func (c cache) load(target string, s suite) (results, error) {
	return readResults(c.resultsPath(target, s))
}

func (c cache) log(target string, s suite) (*os.File, error) {
	dir := c.path("logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(dir, target+"-"+s.name+".log"))
}

// once runs get unless it has succeeded for this key before, and remembers that it has.
func (c cache) once(key string, get func() error) error {
	sum := sha256.Sum256([]byte(key))
	mark := c.path("got", hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if err := get(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(mark), 0o755); err != nil {
		return err
	}
	return os.WriteFile(mark, []byte(key+"\n"), 0o644)
}

// module copies a Go module out of the module cache, writable, and gives its folder.
func (c cache) module(path, version string) (string, error) {
	dir := c.path("modules", filepath.Base(strings.TrimSuffix(path, "/v2"))+"@"+version)
	return dir, c.once("module "+path+"@"+version, func() error {
		out, err := exec.Command("go", "mod", "download", "-json", path+"@"+version).Output()
		if err != nil {
			return fmt.Errorf("go mod download %s@%s: %w: %s", path, version, err, out)
		}
		var got struct{ Dir string }
		if err := json.Unmarshal(out, &got); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.CopyFS(dir, os.DirFS(got.Dir)); err != nil {
			return err
		}
		return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				return os.Chmod(p, 0o755)
			}
			return os.Chmod(p, 0o644)
		})
	})
}

// command runs a program in a folder and gives what it said as an error.
func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, oneLine(string(out)))
	}
	return nil
}
