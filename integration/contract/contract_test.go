// Package contract checks what the binary promises to people and scripts: the ready line, exit codes, one-line errors.
package contract

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"troupe/integration/harness"
)

// broker runs the binary to its end and gives what it said. It must end by itself within a few seconds.
func broker(t *testing.T, env []string, args ...string) (out, errOut string, code int) {
	t.Helper()
	cmd := exec.Command(harness.Binary(t), args...)
	cmd.Env = append(os.Environ(), env...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	cmd.Wait()
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// refused demands one line on stderr that matches want, nothing on stdout, and the exit code.
func refused(t *testing.T, wantCode int, want string, env []string, args ...string) {
	t.Helper()
	out, errOut, code := broker(t, env, args...)
	last := lastLine(errOut)
	if code != wantCode || out != "" || !regexp.MustCompile(want).MatchString(last) {
		t.Errorf("%v: code %d (want %d), stdout %q, stderr %q (want %q)", args, code, wantCode, out, errOut, want)
	}
	if strings.Contains(errOut, "goroutine ") {
		t.Errorf("%v: a stack trace for what a user can cause:\n%s", args, errOut)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestRefusals(t *testing.T) {
	dir := func() string { return filepath.Join(t.TempDir(), "data") }
	base := func(more ...string) []string {
		return append([]string{"start", "--data-dir", dir(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"}, more...)
	}
	refused(t, 2, "unknown flag: --nonsense; see: broker start --help", nil, base("--nonsense")...)
	refused(t, 2, "unknown command", nil, "nonsense")
	refused(t, 2, `unknown property "num.partition"; did you mean num.partitions\?`, nil, base("--set", "num.partition=3")...)
	refused(t, 2, "want KEY=VALUE", nil, base("--set", "num.partitions")...)
	refused(t, 2, "num.partitions=x", nil, base("--set", "num.partitions=x")...)
	refused(t, 2, "--memory 5: at least", nil, base("--memory", "5")...)
	refused(t, 2, "--memory abc", nil, base("--memory", "abc")...)
	refused(t, 2, "HOST:PORT", nil, base("--listen", "nonsense")...)
	refused(t, 2, "--insecure-admin", nil, base("--admin", "0.0.0.0:0")...)
	refused(t, 2, "--seeds and --join exclude each other", nil, base("--seeds", "127.0.0.1:1,127.0.0.1:2", "--join", "127.0.0.1:1")...)
	refused(t, 2, "--join: address \"127.0.0.1\": want HOST:PORT", nil, base("--join", "127.0.0.1")...)
	refused(t, 2, "--insecure-peers", nil, base("--peer-listen", "0.0.0.0:0", "--seeds", "127.0.0.1:1")...)
	refused(t, 2, "--config: cannot read", nil, base("--config", "/nonexistent/x.yaml")...)
	refused(t, 2, "BROKER_NODE_ID=abc", []string{"BROKER_NODE_ID=abc"}, base()...)

	bad := filepath.Join(t.TempDir(), "bad.yaml")
	write(t, bad, "a: [1\n")
	refused(t, 2, "not a YAML map", nil, base("--config", bad)...)
	write(t, bad, "data_dir: /x\n")
	refused(t, 2, `unknown key "data_dir"; did you mean data-dir\?`, nil, base("--config", bad)...)

	foreign := t.TempDir()
	write(t, filepath.Join(foreign, "precious.txt"), "x")
	refused(t, 1, `holds "precious.txt", which is not a broker's`, nil, "start", "--data-dir", foreign, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "x")
	refused(t, 1, "is not a directory", nil, "start", "--data-dir", file, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
	damaged := t.TempDir()
	if err := os.MkdirAll(filepath.Join(damaged, "meta"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(damaged, "meta", "holiday.jpg"), "x")
	refused(t, 1, "data directory .* is not a broker's", nil, "start", "--data-dir", damaged, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refused(t, 7, "in use by another program", nil, base("--listen", l.Addr().String())...)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadyLineAndStop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when", "missing")
	b := harness.Start(t, dir)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`).MatchString(b.Cluster) {
		t.Errorf("cluster id %q", b.Cluster)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data dir mode: %v %v", info, err)
	}
	_, errOut, code := broker(t, nil, "start", "--data-dir", dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
	if code != 7 || !strings.Contains(errOut, "in use by another broker") {
		t.Errorf("second broker on the same data dir: code %d, %q", code, errOut)
	}
	cluster := b.Cluster
	if code := b.Stop(); code != 0 {
		t.Fatalf("SIGTERM: exit code %d; log:\n%s", code, b.Log())
	}
	b.Restart()
	if b.Cluster != cluster {
		t.Errorf("cluster id changed from %s to %s", cluster, b.Cluster)
	}
	if code := b.Stop(); code != 0 {
		t.Fatalf("SIGTERM after a restart: exit code %d; log:\n%s", code, b.Log())
	}
	refused(t, 1, "belongs to node 1, not to --node-id 7", nil, "start", "--data-dir", dir, "--node-id", "7", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
}

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "b.yaml")
	write(t, file, "rack: from-file\nnum.partitions: 4\nnode-id: 9\n")
	t.Setenv("BROKER_NODE_ID", "5")
	t.Setenv("BROKER_RAK", "mistyped") // is said, and ignored
	b := harness.Start(t, t.TempDir(), "--config", file, "--rack", "from-flag")
	var s struct {
		NodeID  int32 `json:"node_id"`
		Brokers []struct{ Rack string }
	}
	getJSON(t, b, "/api/v1/status", &s)
	if s.NodeID != 5 || len(s.Brokers) != 1 || s.Brokers[0].Rack != "from-flag" {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(b.Log(), "broker: warning: BROKER_RAK in the environment is no setting of broker start and has no effect; did you mean BROKER_RACK?\n") {
		t.Errorf("not warned of BROKER_RAK: %s", b.Log())
	}
	if _, e, code := b.CLI("", "topic", "create", "t"); code != 0 {
		t.Fatal(e)
	}
	if out, _, _ := b.CLI("", "topic", "list", "-o", "json"); !strings.Contains(out, `"partitions": 4`) {
		t.Errorf("num.partitions of the file: %s", out)
	}
}

func get(t *testing.T, b *harness.Broker, path string) (int, string) {
	t.Helper()
	code, body, err := harness.Get(b.Admin, path)
	if err != nil {
		t.Fatal(err)
	}
	return code, body
}

func getJSON(t *testing.T, b *harness.Broker, path string, v any) {
	t.Helper()
	if _, body := get(t, b, path); json.Unmarshal([]byte(body), v) != nil {
		t.Fatalf("%s: %s", path, body)
	}
}

func TestAdminDoor(t *testing.T) {
	b := harness.Start(t, t.TempDir())
	if code, body := get(t, b, "/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	if code, body := get(t, b, "/readyz"); code != 200 || body != "ready\n" {
		t.Errorf("readyz: %d %q", code, body)
	}
	_, verbose := get(t, b, "/readyz?verbose")
	for _, step := range []string{"stores opened", "raft loop running", "cluster initialised", "broker registered", "broker unfenced", "serving clients"} {
		if !strings.Contains(verbose, "[+] "+step) {
			t.Errorf("readyz?verbose lacks %q:\n%s", step, verbose)
		}
	}
	_, metrics := get(t, b, "/metrics")
	for end := time.Now().Add(5 * time.Second); !strings.Contains(metrics, "broker_raft_unapplied_entries 0") && time.Now().Before(end); { // a moment after the last one
		_, metrics = get(t, b, "/metrics")
	}
	for _, m := range []string{"broker_raft_unapplied_entries 0", "broker_ready 1", `broker_actors{kind="node"} 1`, "broker_storage_", "broker_disk_free_bytes"} {
		if !strings.Contains(metrics, m) {
			t.Errorf("metrics lack %q", m)
		}
	}
	var actors []struct{ Name string }
	getJSON(t, b, "/api/v1/actors", &actors)
	names := ""
	for _, a := range actors {
		names += a.Name + " "
	}
	for _, want := range []string{"metadata", "node", "raft", "writer"} {
		if !strings.Contains(names, want) {
			t.Errorf("actors lack %q: %s", want, names)
		}
	}
	req, _ := http.NewRequest(http.MethodGet, "http://"+b.Admin+"/api/v1/status", nil)
	req.Host = "evil.example"
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host name reached the admin door: %v %v", resp, err)
	}
}

func TestCommands(t *testing.T) {
	b := harness.Start(t, t.TempDir())
	ok := func(stdin, want string, args ...string) string {
		t.Helper()
		out, errOut, code := b.CLI(stdin, args...)
		if code != 0 || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%v: code %d, stdout %q (want %q), stderr %q", args, code, out, want, errOut)
		}
		return out
	}
	bad := func(wantCode int, want string, args ...string) {
		t.Helper()
		out, errOut, code := b.CLI("", args...)
		if code != wantCode || !regexp.MustCompile(want).MatchString(errOut+out) {
			t.Errorf("%v: code %d (want %d), stdout %q, stderr %q (want %q)", args, code, wantCode, out, errOut, want)
		}
	}
	ok("", `orders\s+OK`, "topic", "create", "orders", "-p", "3")
	bad(7, "TOPIC_ALREADY_EXISTS", "topic", "create", "orders")
	bad(8, "1 of 2 topics failed", "topic", "create", "orders", "fresh")
	bad(1, "INVALID_TOPIC", "topic", "create", "no/slash")
	ok("", `orders\s+3\s+1\s+0\s+0 B`, "topic", "list")
	ok("k1:v1\nk2:v2\nk1:\n", "^$", "topic", "produce", "orders", "-K", ":", "--tombstone", "-z", "lz4", "-H", "a=b")
	out := ok("", `"key":"k1","value":"v1"`, "topic", "consume", "orders", "-e", "-o", "json")
	if strings.Count(out, "\n") != 3 || !strings.Contains(out, `"value":null`) || strings.Count(out, `"headers":[{"key":"a","value":"b"}]`) != 3 {
		t.Errorf("consumed %s", out)
	}
	ok("", "^v", "topic", "consume", "orders", "-n", "1")
	ok("", `END +SIZE\n`, "topic", "describe", "orders")
	ok("", `(?s)cluster .*ready.*running`, "cluster", "status")
	ok("", `WAIT P50`, "actor", "top")
	ok("", `(?s)partition\n.*  orders-0 `, "actor", "tree")
	ok("", "nothing found", "doctor")
	ok("", `orders\s+OK`, "topic", "delete", "orders", "--yes")
	bad(4, "UNKNOWN_TOPIC_OR_PARTITION", "topic", "describe", "orders")
	bad(6, "cannot reach .* is it running", "topic", "list", "--brokers", "127.0.0.1:1", "--timeout", "1s")
	bad(6, "cannot reach the admin address", "doctor", "--admin", "127.0.0.1:1")
	bad(2, "arg", "topic", "create")
}

// A full disk at the start is one line, not a stack trace. It needs a small file system of its own, so it is skipped without root.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 1<<20), 0o600); err == nil {
		if f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_APPEND|os.O_WRONLY, 0); err == nil {
			f.Write(make([]byte, 1<<20)) // until it is full
			f.Close()
		}
	}
	refused(t, 1, "disk is full", nil, "start", "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
}

// TestRestartOnFullDisk: a broker whose disk was filled behind its back says so in one line, and comes back when there is room.
func TestRestartOnFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128m"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	b := harness.Start(t, filepath.Join(dir, "data"))
	b.CLI("", "topic", "create", "orders", "-p", "2")
	if _, errOut, code := b.CLI(strings.Repeat("a line of some length that fills the log\n", 100_000), "topic", "produce", "orders"); code != 0 {
		t.Fatalf("produce: %s", errOut)
	}
	b.Kill()
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	f.Close()
	refused(t, 1, "disk is full", nil, "start", "--data-dir", b.Dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	out, _, code := b.CLI("", "topic", "consume", "orders", "-e")
	if n := strings.Count(out, "\n"); code != 0 || n != 100_000 {
		t.Errorf("%d of 100000 records are there, code %d", n, code)
	}
}
