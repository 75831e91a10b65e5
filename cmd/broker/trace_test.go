package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"troupe/cmd/broker/admin"
	"troupe/cmd/broker/run"
)

// TestTraceCommands asks a broker that keeps every request: what the commands print, and their exit codes.
func TestTraceCommands(t *testing.T) {
	b, err := run.Start(run.Config{
		DataDir: t.TempDir(), Memory: 128 << 20, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0", TraceSlow: time.Nanosecond,
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
	<-b.Ready()
	do := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errOut bytes.Buffer
		if args[0] == "topic" {
			args = append(args, "--brokers", b.KafkaAddr())
		} else {
			args = append(args, "--admin", b.AdminAddr())
		}
		if got := execute(args, strings.NewReader("1\n2\n3\n"), &out, &errOut); got != want {
			t.Fatalf("%q: exit %d, want %d: %s", args, got, want, errOut.String())
		}
		return out.String(), errOut.String()
	}
	do(exitOK, "topic", "create", "orders", "-p", "1")
	do(exitOK, "topic", "produce", "orders", "-p", "0")
	var list []admin.Trace
	for end := time.Now().Add(30 * time.Second); len(list) == 0; time.Sleep(10 * time.Millisecond) { // a record ends a moment after its answer
		out, _ := do(exitOK, "trace", "slow", "--api", "produce", "--topic", "orders", "-o", "json")
		if err := json.Unmarshal([]byte(out), &list); err != nil || time.Now().After(end) {
			t.Fatal(err, out)
		}
	}
	id := list[0].ID
	if out, _ := do(exitOK, "trace", "slow", "--last", "1", "--api", "0"); !strings.Contains(out, "WHAT TOOK THE TIME") || !strings.Contains(out, id) || !strings.Contains(out, "orders/0 @0-2") {
		t.Error(out)
	}
	if out, _ := do(exitOK, "trace", "show", id); !strings.HasPrefix(out, "Produce v") || !strings.Contains(out, "fsync") || !strings.Contains(out, "broker-cli") {
		t.Error(out)
	}
	if out, _ := do(exitOK, "trace", "show", id, "-o", "json"); !strings.Contains(out, `"stage": "synced"`) {
		t.Error(out)
	}
	if out, _ := do(exitOK, "trace", "slow", "--min", "1h"); out != "none kept\n" {
		t.Error(out)
	}
	if out, _ := do(exitOK, "trace", "open"); out != "no request is under way\n" {
		t.Error(out)
	}
	do(exitOK, "trace", "errors")
	do(exitOK, "trace", "healthy", "-o", "json")
	do(exitNotFound, "trace", "show", "1-99999999")
	do(exitUsage, "trace", "show", "x")
	for _, args := range [][]string{{"--api", "nope"}, {"--since", "yesterday"}} {
		if _, text := do(exitUsage, append([]string{"trace", "slow"}, args...)...); !strings.Contains(text, "want") {
			t.Error(text)
		}
	}
	if out, _ := do(exitOK, "actor", "top", "--over", "10ms"); !strings.Contains(out, "OUT/S") || !strings.Contains(out, "pool: ") {
		t.Error(out)
	}
	if out, _ := do(exitOK, "actor", "blockers"); !strings.Contains(out, "writer") || !strings.Contains(out, "sync") {
		t.Error(out)
	}
	if out, _ := do(exitOK, "doctor"); out != "nothing found\n" {
		t.Error(out)
	}
}
