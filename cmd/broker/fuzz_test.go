package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/cmd/broker/run"
)

// FuzzFormat: any --format is refused in words, or prints any record.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"%t %p %o %e %k %v %s %T\\n", "%h", "%h{%k: %v; }", "%k{hex} %v{base64} %o{hex}", "%d{go[2006-01-02]}", "%d{strftime[%F]}", "%", "{", "\\x4", "%%{"} {
		f.Add(s)
	}
	r := &kgo.Record{Topic: "t", Key: []byte("k"), Value: []byte{0, 0xff}, Headers: []kgo.RecordHeader{{Key: "h", Value: nil}}, Timestamp: time.UnixMilli(1), Offset: 7}
	f.Fuzz(func(t *testing.T, format string) {
		if len(format) > 1000 {
			return
		}
		print, err := formatter(format)
		if err == nil {
			print(nil, r)
			print(nil, &kgo.Record{})
		} else if err.Error() == "" {
			t.Error("refused without a reason")
		}
	})
}

// FuzzPlaces: offsets, times and sizes that people write.
func FuzzPlaces(f *testing.F) {
	for _, s := range []string{"start", "end", "-5", "+5", "12", "@2020-01-02", "-1h", "@-1h:@end", "9223372036854775808", "1GiB", "1e9", "2020-01-02T03:04:05Z"} {
		f.Add(s)
	}
	now := time.Unix(1_700_000_000, 0)
	f.Fuzz(func(_ *testing.T, s string) {
		_, _ = parseOffset(s, now)
		_, _ = parseTime(s, now)
		_, _ = parseBytes(s)
	})
}

// FuzzConfigFile: any file of --config is taken or refused with one line.
func FuzzConfigFile(f *testing.F) {
	f.Add("listen: 127.0.0.1:9092\nnode-id: 3\nlog.retention.ms: 5\n")
	f.Add("memory: 1GiB\nlisten: [a:1, b:2]\n")
	f.Add("a: &a [*a]\n")
	f.Add("? {x: y}\n: z\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "broker.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var s settings
		cmd := startCommand(&cli{})
		s.file = file
		static := map[string]string{}
		if err := s.readFile(cmd.Flags(), static); err == nil {
			s.cfg = run.Config{DataDir: dir}
			_, _ = s.finish(static)
		}
	})
}
