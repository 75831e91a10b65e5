package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"troupe/cmd/broker/run"
)

// TestCommandLine runs commands against a broker in this process: what they print, and their exit codes.
func TestCommandLine(t *testing.T) {
	b, err := run.Start(run.Config{
		DataDir: t.TempDir(), Memory: 128 << 20, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0",
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-b.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("not ready")
	}
	do := func(in io.Reader, want int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errOut bytes.Buffer
		if got := execute(append(args, "--brokers", b.KafkaAddr(), "--timeout", "5s"), in, &out, &errOut); got != want {
			t.Fatalf("%q: exit %d, want %d: %s", args, got, want, errOut.String())
		}
		return out.String(), errOut.String()
	}
	do(nil, exitOK, "topic", "create", "a", "-p", "2")
	do(strings.NewReader("1\n2\n3\n"), exitOK, "topic", "produce", "a", "-p", "0")
	for _, c := range []struct{ offset, want string }{
		{"start", "1\n2\n3\n"}, {"-2", "2\n3\n"}, {"2", "3\n"}, {"end", ""}, {"99", ""}, {"@2199-01-01T00:00:00Z", ""}, {"@0", "1\n2\n3\n"},
	} {
		if out, _ := do(nil, exitOK, "topic", "consume", "a", "-e", "--offset="+c.offset); out != c.want {
			t.Errorf("--offset=%s printed %q, want %q", c.offset, out, c.want)
		}
	}
	do(nil, exitOK, "topic", "consume", "a", "-e", "-p", "1")
	if _, text := do(nil, exitNotFound, "topic", "consume", "a", "-e", "-p", "7"); !strings.Contains(text, "no partition 7") {
		t.Error(text)
	}
	do(nil, exitNotFound, "topic", "consume", "absent", "-e")
	do(nil, exitUsage, "topic", "consume", "a", "--offset", "x")
	for _, args := range [][]string{{"topic", "bogus"}, {"actor", "bogus"}, {"cluster", "bogus"}, {"bogus"}} {
		if _, text := do(nil, exitUsage, args...); !strings.Contains(text, `unknown command "bogus"`) {
			t.Errorf("%q: %s", args, text)
		}
	}
	r, w := io.Pipe() // input without an end: the error must not wait for it
	go func() {
		for _, err := io.WriteString(w, "x\n"); err == nil; _, err = io.WriteString(w, "x\n") {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	do(r, exitError, "topic", "produce", "a", "-p", "9")
	r.Close()
	if code := execute([]string{"topic", "list", "--brokers", ""}, nil, io.Discard, io.Discard); code != exitUsage {
		t.Errorf("--brokers '': exit %d", code)
	}
}
