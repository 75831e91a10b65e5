package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// kafkaWithin bounds the start of a node of Kafka, on a machine with two busy cores.
const kafkaWithin = 2 * time.Minute

// NewKafkaClusterOn is a node of Apache Kafka for each of some empty directories that hold their data, not started yet: what is done to a
// cluster of ours can be done to it. properties are KEY=VALUE. Without Java and Maven the test is skipped, and says so.
func NewKafkaClusterOn(t testing.TB, dirs []string, properties ...string) *Cluster {
	t.Helper()
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("Kafka cannot run here: %v", err)
		}
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	script, home := filepath.Join(root, "integration", "oracle", "oracle"), t.TempDir()
	for i, dir := range dirs {
		node := filepath.Join(home, fmt.Sprint(i+1))
		for _, d := range []string{node, dir} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(dir, filepath.Join(node, "data")); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(script, append([]string{"prepare", home, fmt.Sprint(len(dirs))}, properties...)...).CombinedOutput(); err != nil {
		t.Fatalf("oracle prepare: %v %s", err, out)
	}
	syscall.Sync() // empty directories that have been there for long
	c := &Cluster{t: t}
	for i := range dirs {
		node := filepath.Join(home, fmt.Sprint(i+1))
		port, err := os.ReadFile(filepath.Join(node, "port"))
		if err != nil {
			t.Fatal(err)
		}
		b := &Broker{Dir: node, t: t, kafka: net.JoinHostPort("127.0.0.1", string(port[:len(port)-1])), args: []string{script, "run", node}}
		t.Cleanup(b.Kill)
		c.Brokers = append(c.Brokers, b)
	}
	return c
}

// awaitKafka waits until the node listens; one that ends fails the test.
func (b *Broker) awaitKafka() {
	b.t.Helper()
	for end := time.Now().Add(kafkaWithin); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.DialTimeout("tcp", b.kafka, time.Second); err == nil {
			c.Close()
			return
		}
		if b.HasEnded() || time.Now().After(end) {
			b.t.Fatalf("the node of Kafka does not listen on %s:\n%s", b.kafka, b.Log())
		}
	}
}

// orderly is the exit code of a JVM after SIGTERM.
const orderly = 143
