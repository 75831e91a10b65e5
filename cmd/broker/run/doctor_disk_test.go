package run

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/cmd/broker/admin"
	"troupe/storage/faultfs"
)

// TestDoctorNamesTheFile: an fsync of the disk itself that does not return is named with its file, in the data store and in the metadata's, and
// what waits for it says so; all of it is over when the disk goes on, and no request has failed.
func TestDoctorNamesTheFile(t *testing.T) {
	t.Parallel()
	fs := faultfs.New(nil)
	w := newWard(t, func(c *Config) { c.Files = fs })
	cl := w.client()
	w.produce(cl, "orders", 10)
	w.healthy()
	f := func(file, want string, ask func() error) {
		t.Helper()
		gate, done := make(chan struct{}), make(chan error, 1)
		fs.Set(faultfs.Rule{Op: faultfs.Sync, File: file, Until: gate})
		go func() { done <- ask() }()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if text := w.finds("disk-stuck"); regexp.MustCompile(want).MatchString(text) {
				break
			} else if time.Now().After(end) {
				t.Fatalf("the doctor says %q, not %s", text, want)
			}
		}
		if file == "/log/db/" {
			var open []admin.Trace
			w.json("/api/v1/traces/open", &open)
			if len(open) == 0 || open[0].Awaiting != "fsync" {
				t.Errorf("open requests: %+v", open)
			}
		}
		fs.Set()
		close(gate)
		if err := <-done; err != nil {
			t.Errorf("what waited for %s failed: %v", file, err)
		}
		w.healthy()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	produce := func(topic string) func() error {
		return func() error {
			return cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr()
		}
	}
	f("/log/db/", `fsync of a commit for [0-9.]+ s \(fsync of db/[0-9]+\.log\)`, produce("orders"))
	f("/meta/", `metadata log for [0-9.]+ s \(fsync of meta/[0-9]+\.log\)`, produce("made-anew"))
}

// TestSlowDisk: with fsyncs of two seconds everything takes its time, and nothing fails.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	fs := faultfs.New(nil)
	w := newWard(t, func(c *Config) { c.Files = fs })
	cl := w.client()
	w.produce(cl, "orders", 10)
	fs.Set(faultfs.Rule{Op: faultfs.Sync, File: ".log", Delay: 2 * time.Second})
	w.produce(cl, "orders", 10)
	made := make(chan struct{})
	go func() { defer close(made); w.produce(cl, "slowly-made", 10) }()
	w.finds("disk-stuck")
	<-made
	fs.Set()
	w.healthy()
}
