package storage

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestFatalIsOneLine: Pebble prints the stacks of some errors; people get the first line.
func TestFatalIsOneLine(t *testing.T) {
	var got []string
	e := openData(t, "data", Options{FS: vfs.NewMem(), OnFatal: func(r string) { got = append(got, r) }, Note: func(s string) { got = append(got, s) }})
	e.fatal("block 7 is damaged\n(1) attached stack trace\n  | main.go")
	dataLog{e}.Errorf("%s", "flush failed\nstack")
	if len(got) != 2 || strings.Contains(strings.Join(got, ""), "\n") || !strings.HasSuffix(got[0], "block 7 is damaged") {
		t.Errorf("%q", got)
	}
	if err := e.failure(); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q", err)
	}
	_ = e.Close() // it has failed
	defer func() {
		if r, ok := recover().(string); !ok || r != "DISK: metadata store: corrupt block" {
			t.Errorf("%q", r)
		}
	}()
	metaLogger(MetaOptions{}).Fatalf("%s", "corrupt block\nstack")
}
