package kit

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// A dump is bounded, and never prints a payload: pretty-printing a mailbox has killed other systems.
const (
	maxStack  = 16 << 10
	maxExtra  = 8 << 10
	maxPanic  = 1 << 10
	maxActors = 50
	maxDumps  = 20
)

// flightRecorder writes the last words of a process.
type flightRecorder struct {
	exit    func(reason string)
	dumpDir string
	extra   func() string
	dying   sync.Mutex // the first to crash writes its dump undisturbed
}

// SetFatal replaces the end of the process: for tests. When exit returns, so does Fatal; an actor that panicked stops.
// It must be called before the first Spawn.
func (t *Troupe) SetFatal(exit func(reason string)) { t.exit = exit }

// SetDumpDir makes flight recorder dumps go to files in dir, the newest 20; without it they go to the log. dir is made
// when it is needed.
// It must be called before the first Spawn.
func (t *Troupe) SetDumpDir(dir string) { t.dumpDir = dir }

// SetDumpExtra adds what fn says to every dump, at most 8 KiB of it. It must be called before the first Spawn.
func (t *Troupe) SetDumpExtra(fn func() string) { t.extra = fn }

// Fatal implements System.
func (t *Troupe) Fatal(reason string, attrs ...any) {
	t.crash(reason, t.flightText(reason, fmt.Sprint(attrs...), nil), attrs...)
}

func (t *Troupe) crash(reason, dump string, attrs ...any) {
	t.record(reason, dump, attrs)
	t.exit(reason)
}

func (t *Troupe) record(reason, dump string, attrs []any) {
	t.dying.Lock()
	defer t.dying.Unlock()
	if path, err := t.writeDump(dump); err == nil {
		t.log.Error(reason, append(attrs, "flight_recorder", path)...)
	} else {
		t.log.Error(reason, append(attrs, "flight_recorder", dump)...)
	}
}

func (t *Troupe) writeDump(dump string) (string, error) {
	if t.dumpDir == "" {
		return "", os.ErrNotExist
	}
	if err := os.MkdirAll(t.dumpDir, 0o700); err != nil {
		return "", err
	}
	old, _ := filepath.Glob(filepath.Join(t.dumpDir, "flight-*.txt"))
	slices.Sort(old)
	for len(old) >= maxDumps {
		_ = os.Remove(old[0])
		old = old[1:]
	}
	path := filepath.Join(t.dumpDir, fmt.Sprintf("flight-%019d.txt", t.nanos()))
	return path, os.WriteFile(path, []byte(dump), 0o600)
}

// flight is the dump of an actor that panicked. The actor's goroutine calls it.
func (s *shell) flight(reason any, stack []byte) string {
	b := s.box
	b.mu.Lock()
	hand, depth, in, high := b.inHand(), b.waiting(), b.in, b.high
	b.book()
	last := b.lastMessages()
	b.mu.Unlock()
	var w strings.Builder
	fmt.Fprintf(&w, "actor %s\nmessage %s\ndepth %d\nin %d\nhigh water %d\nlast messages, newest last:\n", s.self.name, hand, depth, in, high)
	for _, m := range last {
		fmt.Fprintf(&w, "  %s %s\n", m.At.UTC().Format(time.RFC3339Nano), m.Type)
	}
	return w.String() + s.t.flightText("panic in "+s.self.name, panicText(reason), stack)
}

// FlightRecord is what a dump would say now, at most 64 KiB of text: who works on what, and for how long.
func (t *Troupe) FlightRecord(reason string) string { return t.flightText(reason, "", nil) }

func (t *Troupe) flightText(reason, detail string, stack []byte) string {
	list := t.Actors()
	slices.SortStableFunc(list, func(a, b ActorInfo) int {
		return cmp.Or(cmp.Compare(b.CurrentSince, a.CurrentSince), cmp.Compare(b.Depth, a.Depth), cmp.Compare(b.Busy, a.Busy))
	})
	var w strings.Builder
	fmt.Fprintf(&w, "reason %s\n%s\ntime %s\ngoroutines %d\nactors %d\n", clip(reason, maxPanic), clip(detail, maxPanic),
		time.Now().UTC().Format(time.RFC3339Nano), runtime.NumGoroutine(), len(list))
	for _, a := range list[:min(len(list), maxActors)] {
		fmt.Fprintf(&w, "  %s %s depth=%d in=%d busy=%s wait=%s current=%s for=%s\n", clip(a.Name, 100), a.State, a.Depth, a.In,
			a.Busy, a.OldestWait, a.Current, a.CurrentSince)
	}
	p := t.Pool()
	fmt.Fprintf(&w, "pool busy=%d of %d queued=%d oldest=%s\n", p.Busy, p.Size, p.Queued, p.OldestWait)
	for i, b := range t.Blockers() {
		if i == maxActors {
			break
		}
		fmt.Fprintf(&w, "  blocker %s %s queued=%d running=%s\n", clip(b.Actor, 100), b.Name, b.Queued, b.Running)
	}
	if t.extra != nil {
		w.WriteString(clip(t.extra(), maxExtra) + "\n")
	}
	if ring, ok := t.ring(); ok {
		ev := ring.Events()
		for _, e := range ev[max(0, len(ev)-100):] {
			fmt.Fprintf(&w, "  event %d %s %s from=%s run=%s\n", e.StartedAt, clip(e.Actor.name, 100), e.TypeName(), clip(e.From, 100),
				time.Duration(e.EndedAt-e.StartedAt))
		}
	}
	if stack != nil {
		fmt.Fprintf(&w, "stack:\n%s\n", clip(stack, maxStack))
	}
	return w.String()
}

func (t *Troupe) ring() (*Ring, bool) {
	if tr := t.tracer.Load(); tr != nil {
		r, ok := tr.Tracer.(*Ring)
		return r, ok
	}
	return nil, false
}

func clip[S ~string | ~[]byte](s S, n int) S {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// panicText is a panic's value if it is text or an error, else its type: a value may be a payload.
func panicText(r any) string {
	switch x := r.(type) {
	case error:
		return clip(x.Error(), maxPanic)
	case string:
		return clip(x, maxPanic)
	}
	return TypeName(r)
}
