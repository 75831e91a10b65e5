package tidy

import (
	"strings"
	"testing"
)

// breaches checks one text as if it stood at path.
func breaches(t *testing.T, path, text string) []Breach {
	t.Helper()
	f, err := Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return All([]*File{f})
}

// Each check must catch its snippet, and must let the same thing pass where it is allowed. The package comment is there
// so that only the rule in question speaks.
func TestEachCheckCanFail(t *testing.T) {
	const doc = "// Package x is a package.\npackage x\n"
	bad := func(path, text, want string) {
		t.Helper()
		got := breaches(t, path, text)
		if len(got) != 1 || !strings.Contains(got[0].Text, want) {
			t.Errorf("%s: got %v, want one breach with %q", path, got, want)
		}
	}
	good := func(path, text string) {
		t.Helper()
		if got := breaches(t, path, text); len(got) > 0 {
			t.Errorf("%s: got %v, want no breach", path, got)
		}
	}
	use := func(pkg string) string { return doc + "import _ \"" + pkg + "\"\n" }
	actor := func(imports, body string) string { return doc + imports + "\nfunc f() {\n" + body + "\n}\n" }

	// Floors.
	bad("actors/kit/a.go", use("troupe/actors/writer"), "imports go down")
	bad("actors/partition/doc.go", use("troupe/actors/metadata"), "imports go down")
	bad("actors/novel/doc.go", doc, "has no floor")
	bad("kafka/api/a.go", use("troupe/actors/novel"), "which has no floor")
	bad("kafka/api/a.go", use("troupe/storage/sim"), "simulated parts are for tests")
	bad("storage/a_test.go", "package x\nimport _ \"troupe/actors/node\"\n", "imports go down")
	good("actors/partition/doc.go", use("troupe/actors/writer"))
	good("storage/a_test.go", "package x\nimport _ \"troupe/storage/sim\"\n")
	good("cmd/broker/run/a.go", use("troupe/storage/sim"))

	// Homes of the fixed packages.
	bad("actors/writer/doc.go", use("github.com/cockroachdb/pebble/v2"), "only storage")
	bad("actors/writer/a_test.go", use("github.com/cockroachdb/pebble/v2/vfs"), "only storage")
	bad("actors/metadata/doc.go", use("go.etcd.io/raft/v3"), "only raftnode")
	bad("actors/metadata/doc.go", use("go.etcd.io/raft/v3/raftpb"), "raft's types")
	bad("storage/a.go", use("go.etcd.io/raft/v3"), "only raftnode")
	bad("actors/node/doc.go", use("github.com/asynkron/protoactor-go/actor"), "only the kit")
	bad("actors/partition/doc.go", use("github.com/twmb/franz-go/pkg/kmsg"), "Kafka door")
	bad("kafka/api/a.go", use("github.com/twmb/franz-go/pkg/kgo"), "no Kafka client")
	good("storage/a.go", use("go.etcd.io/raft/v3/raftpb"))
	good("storage/sim/a.go", use("github.com/cockroachdb/pebble/v2/vfs"))
	good("kafka/api/a.go", use("github.com/twmb/franz-go/pkg/kmsg"))
	good("cmd/broker/a.go", use("github.com/twmb/franz-go/pkg/kgo"))

	// Sizes.
	bad("kafka/a.go", doc+strings.Repeat("\n", fileMax), "file of")
	bad("kafka/a_test.go", "package x\n"+strings.Repeat("\n", testFileMax), "file of")
	bad("kafka/a.go", actor("", strings.Repeat("\n", funcMax)), "func f of")
	good("kafka/a_gen.go", doc+strings.Repeat("\n", fileMax))
	good("kafka/a_test.go", actor("", strings.Repeat("\n", funcMax)))
	bad("kafka/string_utils.go", doc, "name it after what is in it")

	// Actors.
	const tm, sy = `import "time"`, `import "sync"`
	bad("actors/node/doc.go", actor("", "go f()"), "go statement")
	bad("raftnode/doc.go", actor("", "go f()"), "go statement")
	bad("actors/node/doc.go", actor("", "var _ chan int"), "channel in")
	bad("actors/node/doc.go", doc+"func f(c any) { g(c) <- 1 }\n", "channel send")
	bad("actors/node/doc.go", doc+"func f(c any) { <-g(c) }\n", "channel receive")
	bad("actors/node/doc.go", actor("", "select {}"), "select in")
	bad("actors/node/doc.go", actor("", "g().Result()"), "future")
	bad("actors/node/doc.go", actor(sy, "var _ sync.Mutex"), "sync.Mutex")
	bad("actors/node/doc.go", actor(`import s "sync"`, "var _ s.RWMutex"), "s.RWMutex")
	bad("actors/node/doc.go", actor(tm, "time.Sleep(1)"), "time.Sleep")
	bad("actors/node/doc.go", actor(tm, "_ = time.Now()"), "time.Now")
	bad("actors/node/doc.go", actor(tm, "_ = time.Now"), "time.Now")
	bad("actors/node/doc.go", actor(tm, "time.AfterFunc(1, f)"), "timers")
	bad("actors/node/doc.go", actor(`import "math/rand"`, "rand.Intn(3)"), "randomness")
	bad("actors/node/doc.go", actor(`import "math/rand/v2"`, "rand.IntN(3)"), "randomness")
	good("actors/node/doc.go", actor(tm, "_ = time.Second"))
	good("actors/node/doc.go", actor(`import "math/rand"`, "rand.New(nil)"))
	good("actors/node/a_test.go", actor(tm, "go time.Sleep(1)"))
	good("actors/kit/a.go", actor(tm, "go time.Sleep(1)"))

	// Cores.
	bad("kafka/x_core.go", use("os"), "a core is pure")
	bad("kafka/x_core.go", use("net/netip"), "a core is pure")
	bad("kafka/x_core.go", use("troupe/actors/kit"), "a core is pure")
	bad("kafka/x_core.go", actor(tm, "_ = time.Now()"), "in a core")
	good("kafka/x_core.go", use("troupe/storage/record"))
}

func TestTextChecksCanFail(t *testing.T) {
	const doc = "// Package x is a package.\npackage x\n"
	bad := func(path, text, want string) {
		t.Helper()
		got := breaches(t, path, text)
		if len(got) != 1 || !strings.Contains(got[0].Text, want) {
			t.Errorf("%s: got %v, want one breach with %q", path, got, want)
		}
	}
	good := func(path, text string) {
		t.Helper()
		if got := breaches(t, path, text); len(got) > 0 {
			t.Errorf("%s: got %v, want no breach", path, got)
		}
	}

	// Messages.
	const msg = "kafka/x_messages.go"
	bad(msg, doc+"type m struct{}\n", "has no comment")
	bad(msg, doc+"// m is sent.\ntype m struct{}\n", "who sends it")
	bad(msg, doc+"// m asks.\n//\n// From: a.\ntype m struct{ kit.Ask }\n", "what answers it")
	bad(msg, doc+"// m asks.\n//\n// From: a.\ntype m struct{ *kit.Ask }\n", "what answers it")
	bad(msg, doc+"// m.\n//\n// From: a.\ntype m struct{ n }\n\n// n is embedded, so it is a message of its own.\ntype n struct{}\n", "message n")
	good(msg, doc+"// m asks.\n//\n// From: a. Answer: b.\ntype m struct{ kit.Ask }\n")
	good(msg, doc+"// m.\n//\n// From: a.\ntype m struct{ n []n }\n\n// n is a part.\ntype n struct{}\n")
	good("kafka/x.go", doc+"type m struct{}\n")

	// Inits.
	bad("kafka/a.go", doc+"func init() {}\n", "func init")
	good("kafka/a.go", doc+"type t struct{}\n\nfunc (t) init() {}\n")

	// Unfinished work.
	bad("kafka/a.go", doc+"// TO"+"DO: later\n", "in a comment")
	bad("kafka/a_test.go", "package x\n// FIX"+"ME\n", "in a comment")
	bad("kafka/a.go", doc+"var a = \"not imple"+"mented\"\n", "in a text")
	good("kafka/a.go", doc+"// nothing implemented here is new\n")

	// Paths.
	bad("README.md", "see /ho"+"me/joe/notes\n", "outside the repository")
	bad("docs/a.md", "see ../sha"+"red/a.md\n", "outside the repository")
	bad("kafka/a.go", doc+"// see `/wo"+"rk/a`\n", "outside the repository")
	good("README.md", "data lives in ~/.local/share/broker or /var/lib/broker\nhttps://example.org/home/x\n")

	// Comments of exported names and packages.
	bad("kafka/a.go", doc+"func F() {}\n", "func F")
	bad("kafka/a.go", doc+"type T struct{}\n", "type T")
	bad("kafka/a.go", doc+"var V = 1\n", "name V")
	bad("kafka/a.go", doc+"// T is.\ntype T[K any] struct{}\n\nfunc (t *T[K]) M() {}\n", "func M")
	bad("kafka/a.go", "package x\n", "lacks a comment")
	bad("actors/node/a.go", doc, "lacks a doc.go")
	good("kafka/a.go", doc+"// V is.\nvar V = 1\n\ntype t struct{}\n\nfunc (t) M() {}\n\n// T is.\ntype T struct{}\n\nfunc (T) String() string { return \"\" }\n")
	good("cmd/broker/a.go", "package main\n\nfunc F() {}\n")
}
