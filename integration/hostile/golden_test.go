package hostile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"troupe/integration/harness"
	"troupe/kafka/api"
)

// goldenRequest is the captured request of a key and version, with its length.
func goldenRequest(t *testing.T, key, version int16) []byte {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, fmt.Sprintf("kafka/api/testdata/%02d_*/v%d.txt", key, version)))
	if err != nil || len(found) != 1 {
		t.Fatalf("no capture of key %d version %d", key, version)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "----\n")
	var digits strings.Builder
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if _, err := hex.DecodeString(line); err != nil || line == "" {
			break
		}
		digits.WriteString(line)
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil || len(b) < 12 || int(binary.BigEndian.Uint32(b)) != len(b)-4 {
		t.Fatalf("%s holds no frame", found[0])
	}
	return b
}

// lengths are what a length or a count may be overwritten with.
var lengths = [][]byte{
	{0x7f, 0xff, 0xff, 0xff},
	{0xff, 0xff, 0xff, 0xff},
	{0x80, 0, 0, 0},
	{0xff, 0xff, 0xff, 0xff, 0x0f},
	{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	{0, 0x0f, 0x42, 0x40},
	{0x80, 0x89, 0x7a},
}

// mutants of a frame: every place overwritten by every length, every place cut.
func mutants(frame []byte) [][]byte {
	var out [][]byte
	for at := 12; at < len(frame); at++ {
		for _, l := range lengths {
			b := bytes.Clone(frame)
			copy(b[at:], l)
			out = append(out, b)
		}
		b := bytes.Clone(frame[:at])
		binary.BigEndian.PutUint32(b, uint32(at-4))
		out = append(out, b)
	}
	return out
}

// TestMutants sends every captured request with each of its bytes spoiled. Whatever comes back, an answer or a close, comes soon, and the broker
// goes on.
func TestMutants(t *testing.T) {
	t.Parallel()
	g := start(t)
	for i := range api.Table {
		e := &api.Table[i]
		for _, v := range slices.Compact([]int16{max(e.Min, e.Served), e.Max}) {
			frame := goldenRequest(t, e.Key, v)
			all := mutants(frame)
			if len(all) > 1_500 {
				all = all[:1_500] // a produce is mostly records, which have a test of their own
			}
			t.Run(fmt.Sprintf("%d v%d", e.Key, v), func(t *testing.T) {
				g.watch(t, maxCPU, func(t *testing.T) { g.spoil(t, all) })
			})
		}
	}
}

// spoil sends frames over as few connections as can be: after a close over a new one. What is never answered (acks=0, a join that
// waits for others) is left behind after a moment.
func (g *target) spoil(t *testing.T, frames [][]byte) {
	var c *client
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for _, f := range frames {
		if c == nil {
			c = g.dial(t)
		}
		c.send(f)
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.read(); err != nil {
			c.Close()
			c = nil
		}
	}
}
