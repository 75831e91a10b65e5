package kit

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

type secret struct{ payload string }

// fragile panics when told so, and notes what it gets.
type fragile struct {
	j *journal
}

func (f *fragile) Receive(_ Context, m any) {
	switch m := m.(type) {
	case error:
		panic(m)
	case *secret:
		panic(m)
	case Stopping:
		f.j.add("stopping")
	case chan struct{}:
		<-m
	case string:
		f.j.add("%s", m)
	}
}

type careful struct{ fragile }

func (f *careful) Crashed(_ Context, reason any) { f.j.add("crashed:%v", reason) }

func loud(t *testing.T) (*Troupe, *bytes.Buffer, *atomic.Int32) {
	log := &bytes.Buffer{}
	tr := New(slog.New(slog.NewTextHandler(log, nil)), 2)
	var fatals atomic.Int32
	tr.SetFatal(func(string) { fatals.Add(1) })
	t.Cleanup(tr.Close)
	return tr, log, &fatals
}

func TestPanicEndsTheProcess(t *testing.T) {
	tr, log, fatals := loud(t)
	dir := filepath.Join(t.TempDir(), "dumps")
	tr.SetDumpDir(dir)
	j := &journal{}
	r := tr.Spawn("log/1", &fragile{j: j}, Options{})
	gate := make(chan struct{})
	asker, answers := sink(tr, "asker")
	r.Tell(gate)
	for range 20 {
		r.Tell("hello")
	}
	r.Tell(&secret{"PAYLOAD"})
	for range 1000 {
		r.Tell(&secret{"PAYLOAD"})
	}
	r.Tell(&question{Ask: Ask{ReplyTo: asker}, n: 1})
	close(gate)
	answers.wait(t, "1:false")
	until(t, "fatal", func() bool { return fatals.Load() == 1 })
	files, _ := filepath.Glob(filepath.Join(dir, "flight-*.txt"))
	if len(files) != 1 {
		t.Fatalf("%d dumps", len(files))
	}
	b, _ := os.ReadFile(files[0])
	dump := string(b)
	for _, want := range []string{"actor log/1\n", "message kit.secret\n", "depth 1001\n", "  string", "kit.secret\n", "(*fragile).Receive"} {
		if strings.Contains(dump, want) || want == "  string" && strings.Contains(dump, " string\n") {
			continue
		}
		t.Errorf("dump lacks %q:\n%s", want, dump)
	}
	if strings.Contains(dump+log.String(), "PAYLOAD") {
		t.Error("a payload in the dump or log")
	}
	if len(dump) > 64<<10 {
		t.Errorf("dump of %d bytes", len(dump))
	}
	if !strings.Contains(log.String(), files[0]) {
		t.Errorf("the log does not name the dump:\n%s", log)
	}
	if strings.Contains(j.String(), "stopping") {
		t.Error("Stopping ran on broken state")
	}
}

func TestMayDieDiesAlone(t *testing.T) {
	tr, _, fatals := loud(t)
	asker, answers := sink(tr, "asker")
	for _, a := range []struct {
		name  string
		actor func(j *journal) Actor
		want  string
	}{
		{"plain", func(j *journal) Actor { return &fragile{j: j} }, "hi"},
		{"careful", func(j *journal) Actor { return &careful{fragile{j: j}} }, "hi crashed:" + os.ErrClosed.Error()},
	} {
		j := &journal{}
		gate := make(chan struct{})
		r := tr.Spawn("conn/"+a.name, a.actor(j), Options{MayDie: true})
		r.Tell(gate)
		r.Tell("hi")
		r.Tell(os.ErrClosed)
		r.Tell("never")
		r.Tell(&question{Ask: Ask{ReplyTo: asker}, n: 1})
		tr.Stop(r, asker, a.name)
		close(gate)
		until(t, "name freed", func() bool { return tr.Lookup("conn/"+a.name) == nil })
		j.wait(t, a.want)
	}
	answers.wait(t, "1:false plain 1:false careful")
	if fatals.Load() != 0 {
		t.Fatal("the process died too")
	}
	if k := kindOf(tr, "conn"); k.Panics != 2 || k.Refused != 4 || k.Actors != 0 {
		t.Fatalf("%+v", k)
	}
}

func TestPanicInStarted(t *testing.T) {
	tr, _, fatals := loud(t)
	r := tr.Spawn("a", fn(func(_ Context, m any) {
		if _, ok := m.(Started); ok {
			panic("no")
		}
	}), Options{MayDie: true})
	until(t, "gone", func() bool { return tr.Lookup("a") == nil })
	if r.TryTell(1) || fatals.Load() != 0 {
		t.Fatal("still alive, or the process died")
	}
}

// Panics of functions on the pool or a blocker count as the owner's.
func TestPanicInBlockingWork(t *testing.T) {
	tr, _, fatals := loud(t)
	j := &journal{}
	boom := func() any { panic("boom") }
	conn := tr.Spawn("conn/1", &fragile{j: j}, Options{MayDie: true})
	tr.Go(conn, boom)
	j.wait(t, "stopping") // its own state is whole
	conn2 := tr.Spawn("conn/2", &fragile{j: j}, Options{MayDie: true})
	tr.Blocker(conn2, "write").Do(boom)
	j.wait(t, "stopping stopping")
	log := tr.Spawn("log", &fragile{j: j}, Options{})
	tr.Go(log, boom)
	until(t, "fatal", func() bool { return fatals.Load() == 1 })
	tr.Blocker(log, "disk").Do(boom)
	until(t, "fatal", func() bool { return fatals.Load() == 2 })
	tr.Fatal("disk is gone", "actor", "log")
	if fatals.Load() != 3 {
		t.Fatal("Fatal does not end the process")
	}
}
