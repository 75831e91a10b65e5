package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEventsBecomeResults(t *testing.T) {
	rs, err := readEvents(strings.NewReader(`
{"Action":"run","Test":"TestOne"}
{"Action":"pass","Test":"TestOne","Elapsed":0.25}
{"Action":"run","Test":"TestMany"}
{"Action":"run","Test":"TestMany/a b"}
{"Action":"output","Test":"TestMany/a b","Output":"    x_test.go:7: want 1\n"}
{"Action":"fail","Test":"TestMany/a b","Elapsed":1}
{"Action":"pass","Test":"TestMany/c/d","Elapsed":1}
{"Action":"pass","Test":"TestMany/c","Elapsed":1}
{"Action":"fail","Test":"TestMany","Elapsed":2}
{"Action":"run","Test":"TestHangs"}
`), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, r := range rs {
		got.WriteString(string(r.verdict) + " " + r.name + " " + r.took.String() + " " + r.why + "\n")
	}
	want := `absent TestHangs 0s it did not end
fail TestMany/a_b 1s x_test.go:7: want 1
pass TestMany/c 1s 
pass TestMany/c/d 1s 
pass TestOne 250ms 
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestChecksBecomeResults(t *testing.T) {
	rs, err := readChecks(strings.NewReader("noise\nCHECK pass 12 a/b\nCHECK fail 3000 c/d it is  late\n"), io.Discard)
	if err != nil || len(rs) != 2 {
		t.Fatal(rs, err)
	}
	if r := rs[1]; r.name != "c/d" || r.verdict != failed || r.took != 3*time.Second || r.why != "it is late" {
		t.Errorf("%+v", r)
	}
	if _, err := readChecks(strings.NewReader("CHECK pass soon a\n"), io.Discard); err == nil {
		t.Error("a line without milliseconds was taken")
	}
}

func TestASkipNeedsAReason(t *testing.T) {
	if _, err := parseSkips("x", "# comment\n\nTestA\n"); err == nil {
		t.Error("a skip without a reason was taken")
	}
	all, err := parseSkips("x", "TestA/b.*   it is slow\nTest(C|D) it is old\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"TestA/bc": "it is slow", "TestA": "", "TestD": "it is old", "TestDD": ""} {
		if got := all.reason(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got, want := all.flag(), "^(TestA)$/^(b.*)$|^(Test(C|D))$"; got != want {
		t.Errorf("-skip %s, want %s", got, want)
	}
}

func TestEverySkipListCanBeRead(t *testing.T) {
	files, err := filepath.Glob(source("skip", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txt")
		if _, ok := find(name); !ok {
			t.Errorf("%s: there is no such suite", f)
		}
		if _, err := readSkips(name); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatKafkaPassesTroupeMustPass(t *testing.T) {
	onKafka := results{{name: "both", verdict: passed}, {name: "lost", verdict: passed}, {name: "gone", verdict: passed},
		{name: "neither", verdict: failed}, {name: "gained", verdict: failed}, {name: "skipped", verdict: skipped}}
	onTroupe := results{{name: "both", verdict: passed}, {name: "lost", verdict: skipped}, {name: "neither", verdict: absent},
		{name: "gained", verdict: passed}, {name: "skipped", verdict: skipped}}
	c := compare(onKafka, onTroupe)
	if c.both != 1 || c.neither != 1 || c.skipped != 1 || len(c.lost) != 2 || len(c.gained) != 1 {
		t.Errorf("%+v", c)
	}
	if lost := c.write(io.Discard, suite{}); lost != 2 {
		t.Errorf("%d lost, want 2: a skip and a test that did not run are no passes", lost)
	}
}

func TestATableIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.txt")
	want := results{{"a", passed, time.Second, ""}, {"b/c", failed, 0, "two words"}}
	var b bytes.Buffer
	if err := want.write(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("# head\n"), b.Bytes()...), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readResults(path)
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
}

func TestOnlineNamesAreTopLevel(t *testing.T) {
	rs := results{{name: "TestA/x", verdict: failed}, {name: "TestA/y", verdict: passed}, {name: "TestB", verdict: passed}, {name: "TestC", verdict: absent}}
	if got := strings.Join(rs.online(), " "); got != "TestA TestC" {
		t.Errorf("%s", got)
	}
}

func TestASecondTryMends(t *testing.T) {
	first := results{{name: "TestA/x", verdict: failed, why: "late"}, {name: "TestB", verdict: absent}, {name: "TestC", verdict: passed}, {name: "TestA/y", verdict: failed}}
	if got := strings.Join(topLevel(first.lost()), " "); got != "TestA TestB" {
		t.Errorf("again: %s", got)
	}
	if e := exactly(first.lost()); !e.MatchString("TestA/x") || e.MatchString("TestA/xy") || e.MatchString("TestC") {
		t.Errorf("%s", e)
	}
	rs := first.mended(results{{name: "TestA/x", verdict: passed}, {name: "TestC", verdict: failed}, {name: "TestA/y", verdict: failed}})
	if n := rs.count(); n[passed] != 2 || n[failed] != 1 || n[absent] != 1 || rs[0].why != "at the second try; at the first: late" {
		t.Errorf("%+v", rs)
	}
}
