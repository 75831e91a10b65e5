package contract

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"troupe/integration/harness"
)

// TestDebug: a stopped broker's directory can be read and checked; damage has an exit code of its own and is said by name.
func TestDebug(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	b := harness.Start(t, dir)
	if _, errOut, code := b.CLI("", "topic", "create", "orders", "-p", "2"); code != 0 {
		t.Fatalf("create: %s", errOut)
	}
	if _, errOut, code := b.CLI(strings.Repeat("a line of some length\n", 5000), "topic", "produce", "orders"); code != 0 {
		t.Fatalf("produce: %s", errOut)
	}
	refused(t, 7, "in use by another broker", nil, "debug", "verify", "--data-dir", dir)
	if code := b.Stop(); code != 0 {
		t.Fatalf("stop: %d", code)
	}
	out, errOut, code := broker(t, nil, "debug", "verify", "--data-dir", dir, "-o", "json")
	var list []struct {
		Topic    string
		Records  int
		Problems []string
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || len(list) != 2 || list[0].Records+list[1].Records != 5000 {
		t.Errorf("verify: code %d %v\n%s%s", code, err, out, errOut)
	}
	out, _, code = broker(t, nil, "debug", "dump", "--data-dir", dir)
	if code != 0 || !strings.Contains(out, "topic orders ") {
		t.Errorf("dump: code %d\n%s", code, out)
	}
	full := "0"
	if list[0].Records == 0 {
		full = "1"
	}
	out, _, code = broker(t, nil, "debug", "dump", "orders/"+full, "--records", "-n", "1", "--data-dir", dir)
	if code != 0 || !strings.Contains(out, `value="a line of some length"`) {
		t.Errorf("dump of records: code %d\n%.500s", code, out)
	}
	refused(t, 4, `knows no topic "order"`, nil, "debug", "verify", "order", "--data-dir", dir)
	refused(t, 4, `knows no partition orders/2`, nil, "debug", "verify", "orders/2", "--data-dir", dir)
	refused(t, 2, "want TOPIC/PARTITION", nil, "debug", "dump", "orders", "--data-dir", dir)
	refused(t, 1, "there is no store", nil, "debug", "verify", "--data-dir", t.TempDir())

	blobs, err := filepath.Glob(filepath.Join(dir, "log", "db", "*.blob"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("no values on the disk: %v", err)
	}
	for _, name := range blobs {
		bytes, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bytes[len(bytes)/3] ^= 8
		write(t, name, string(bytes))
	}
	out, errOut, code = broker(t, nil, "debug", "verify", "--data-dir", dir)
	if code != 3 || !strings.Contains(out, "orders/") || !strings.Contains(out, "1 problem") || !strings.Contains(errOut, "damaged") {
		t.Errorf("a flipped bit: code %d\n%s%s", code, out, errOut)
	}
}

// TestDebugAfterCrash: a topic that the metadata store does not name yet, because the broker died, is not simply unknown.
func TestDebugAfterCrash(t *testing.T) {
	b := harness.Start(t, t.TempDir())
	if _, errOut, code := b.CLI("", "topic", "create", "late"); code != 0 {
		t.Fatal(errOut)
	}
	b.Kill()
	_, errOut, code := broker(t, nil, "debug", "dump", "late/0", "--data-dir", b.Dir)
	if code != 0 && (code != 4 || !strings.Contains(errOut, "knows no partition late/0 (the next start of the broker may apply ")) {
		t.Errorf("code %d, %s", code, errOut)
	}
}
