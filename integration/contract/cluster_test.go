package contract

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troupe/integration/harness"
)

// Three processes with the same seeds, in another order each, are one cluster; a fourth joins; each says so in its ready line, its log, and
// at /readyz. A directory of another cluster is refused in one line.
func TestSeedsAndJoin(t *testing.T) {
	root := t.TempDir()
	peers := []string{harness.FreeAddr(t), harness.FreeAddr(t), harness.FreeAddr(t), harness.FreeAddr(t)}
	start := func(i int, flag, list string) *harness.Broker {
		return harness.New(t, filepath.Join(root, fmt.Sprint(i)), "--memory", "128MiB", "--peer-listen", peers[i], flag, list)
	}
	list := []*harness.Broker{
		start(0, "--seeds", peers[0]+","+peers[1]+","+peers[2]),
		start(1, "--seeds", peers[2]+","+peers[0]+","+peers[1]),
		start(2, "--seeds", peers[1]+","+peers[2]+","+peers[0]),
	}
	harness.Binary(t) // building it is not part of the start
	began := time.Now()
	ready := make(chan bool, 3)
	for _, b := range list {
		go func() { b.Restart(); ready <- true }()
	}
	for range list {
		<-ready
	}
	t.Logf("three brokers ready after %v", time.Since(began).Round(time.Millisecond))
	fourth := start(3, "--join", peers[1])
	fourth.Restart()
	for i, b := range append(list, fourth) {
		if b.Cluster != list[0].Cluster || len(b.Cluster) != 22 {
			t.Errorf("broker %d is of cluster %s", i+1, b.Cluster)
		}
		for _, want := range []string{"cluster found", "broker registered", "broker running"} {
			for end := time.Now().Add(5 * time.Second); !strings.Contains(b.Log(), want); time.Sleep(time.Millisecond) {
				if time.Now().After(end) { // the ready line may be a moment ahead of the log
					t.Fatalf("broker %d did not log %q:\n%s", i+1, want, b.Log())
				}
			}
		}
	}
	var out, errOut string
	var code int
	for end := time.Now().Add(10 * time.Second); code != 0 || strings.Count(out, "running") != 4; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) { // others hear a moment later that the fourth runs
			t.Fatalf("code %d, %s%s", code, out, errOut)
		}
		out, errOut, code = list[2].CLI("", "cluster", "status")
	}

	alone := harness.Start(t, filepath.Join(root, "alone"))
	alone.Stop()
	_, errOut, code = broker(t, nil, "start", "--data-dir", alone.Dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0", "--join", peers[0])
	if last := lastLine(errOut); code != 7 || !strings.Contains(last, "belongs to cluster "+alone.Cluster) || !strings.Contains(last, list[0].Cluster) {
		t.Errorf("joined another cluster: code %d, %s", code, last)
	}
}

// TestLateStart: a broker that does not come into service says on stderr what it waits for.
func TestLateStart(t *testing.T) {
	b := harness.New(t, t.TempDir(), "--join", "127.0.0.1:1")
	b.Launch()
	want := `msg="not in service yet" step="cluster found" waits_for="a cluster at 127.0.0.1:1 (dial: connect: connection refused)"`
	for end := time.Now().Add(30 * time.Second); !strings.Contains(b.Log(), want); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not said: %s", b.Log())
		}
	}
	if code := b.Stop(); code != 0 {
		t.Errorf("exit code %d; %s", code, b.Log())
	}
}
