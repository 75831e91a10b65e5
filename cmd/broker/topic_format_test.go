package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestFormat(t *testing.T) {
	r := &kgo.Record{
		Topic: "orders", Partition: 2, Offset: 17, LeaderEpoch: 3, Key: []byte("k"), Value: []byte("va\x00l"), Timestamp: time.UnixMilli(1700000000123),
		Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}},
	}
	f := func(format, want string) {
		t.Helper()
		p, err := formatter(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			return
		}
		if got := string(p(nil, r)); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
	f(`%k %v\n`, "k va\x00l\n")
	f(`%t/%p@%o e%e\t%T`, "orders/2@17 e3\t1700000000123")
	f(`%s|%S|%V|%K`, "va\x00l|4|4|1")
	f(`%h`, "a=1,b=")
	f(`<%h> %v %h`, "<a=1,b=> va\x00l a=1,b=")
	f(`%H %h{%k:%v;}%v`, "2 a:1;b:;va\x00l")
	f(`%%T %%h \\ \x41`, `%T %h \ A`)
	f(`%v{hex}`, "7661006c")
	f(`%v{base64}`, "dmEAbA==")
	f(`%d{go[2006-01-02]} %d{strftime[%T]}`, "2023-11-14 22:13:20")
	f(`no words`, "no words")
	f(``, "")
	for _, bad := range []string{`%q`, `%`, `%v{nope}`} {
		if _, err := formatter(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// What consume -o json prints is what produce --json reads, whatever the bytes are.
func TestJSONRoundTrip(t *testing.T) {
	records := []kgo.Record{
		{Key: nil, Value: nil},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("k"), Value: []byte(`"quoted" <html> & ü \ line1` + "\nline2")},
		{Key: []byte{0xff, 0}, Value: []byte{0xc3, 0x28}},
		{Value: []byte("\x00\x1f\u2028\ufffd")},
		{Value: []byte("null"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte{0x80}}, {Key: "", Value: nil}}},
		{Value: []byte(`{"json":"inside"}`), Timestamp: time.UnixMilli(1700000000123)},
	}
	var all []byte
	for i := range records {
		if records[i].Timestamp.IsZero() {
			records[i].Timestamp = time.UnixMilli(1)
		}
		records[i].Topic, records[i].Partition, records[i].Offset = "t", int32(i), int64(i)
		all = appendJSON(all, &records[i])
	}
	if n := bytes.Count(all, []byte("\n")); n != len(records) {
		t.Errorf("%d lines for %d records", n, len(records))
	}
	next := jsonReader(bytes.NewReader(all))
	for _, want := range records {
		got, err := next()
		if err != nil {
			t.Fatal(err)
		}
		want.Topic, want.Offset = "", 0 // they are the destination's
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%+v, want %+v", *got, want)
		}
	}
	if _, err := next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestJSONByHand(t *testing.T) {
	f := func(in, key, value, wrong string) {
		t.Helper()
		r, err := jsonReader(strings.NewReader(in))()
		if wrong != "" {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v, want %s", in, err, wrong)
			}
			return
		}
		if err != nil || string(r.Key) != key || string(r.Value) != value {
			t.Errorf("%s: %+v, %v", in, r, err)
		}
	}
	f(`{"value":"v"}`, "", "v", "")
	f(`{"key":1,"value":{"a": [1, 2]}}`, "1", `{"a": [1, 2]}`, "")
	f(`{"value":true,"unknown":1}`, "", "true", "")
	f(`{}`, "", "", "")
	f(`v`, "", "", "record 1 is not JSON")
	f(`{"value":"v","value_base64":"dg=="}`, "", "", "both value and value_base64")
	f(`{"key_base64":"?"}`, "", "", "key_base64")
	f(`{"headers":[{"key":"a","value_base64":"?"}]}`, "", "", "header a")
}

func TestOffsets(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	f := func(s string, want int64) {
		t.Helper()
		p, err := parseOffset(s, now)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			return
		}
		at := int64(70)
		if p.kind == atTime {
			at = p.n
		}
		if got := p.in(10, 50, at); got != want {
			t.Errorf("%s: %d, want %d", s, got, want)
		}
	}
	f("start", 10)
	f("", 10)
	f("end", 50)
	f("17", 17)
	f("3", 10)
	f("99", 99)
	f("+5", 15)
	f("-5", 45)
	f("-500", 10)
	f("-0", 50)
	f("@5", 5)
	f("@2026-01-31", 1769817600000)
	f("@2026-01-31T12:00:00.5Z", 1769860800500)
	f("@2026-01-31T12:00:00+01:00", 1769857200000)
	f("@-1h30m", 1_000_000_000-5_400_000)
	for _, bad := range []string{"x", "@", "@tomorrow", "@1h", "@-5", "1.5", "--1"} {
		if _, err := parseOffset(bad, now); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestFilesAsOne(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "1\n2", "b": "", "c": "3\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b"), "-", filepath.Join(dir, "c")}
	for lines, want := range map[bool]string{true: "1\n2\nstdin\n3\n", false: "1\n2stdin\n3\n"} {
		in, err := openAll(strings.NewReader("stdin\n"), names, lines)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		if err != nil || string(got) != want {
			t.Errorf("%q, want %q (%v)", got, want, err)
		}
		in.Close()
	}
	if _, err := openAll(nil, []string{names[0], filepath.Join(dir, "none")}, true); err == nil || !strings.Contains(err.Error(), "none: no such file") {
		t.Error(err)
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{-1: "-", 0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 5 << 40: "5.0 TiB", 1 << 62: "4.0 EiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
