package sim

import (
	stdcontext "context"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"troupe/actors/kit"
)

// Trace records what a run does: a hash of all of it, the last lines, and all lines if someone wants them.
type Trace struct {
	// Full gets every line, with the content of messages, as it happens.
	Full io.Writer

	hash  uint64
	last  []record
	n     uint64
	types map[reflect.Type]uint64
}

// record is one line before it is written out.
type record struct {
	at          int64
	where, what string
	typ         reflect.Type
	b           *box
}

func (t *Trace) init(lines int) {
	t.last = make([]record, lines)
	t.types = map[reflect.Type]uint64{}
}

// Keep sets how many lines Lines remembers; what was recorded so far is forgotten.
func (t *Trace) Keep(lines int) { t.last, t.n = make([]record, max(lines, 1)), 0 }

func (t *Trace) mix(x uint64) {
	t.hash = (t.hash ^ x) * 0x9e3779b97f4a7c15
	t.hash ^= t.hash >> 29
}

func (t *Trace) mixText(s string) {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	t.mix(h)
}

func (t *Trace) put(r record, m any) {
	t.last[t.n%uint64(len(t.last))] = r
	t.n++
	if t.Full != nil {
		fmt.Fprintf(t.Full, "%s%s\n", r.text(), detail(m))
	}
}

func (t *Trace) typ(m any) reflect.Type {
	typ := reflect.TypeOf(m)
	h, ok := t.types[typ]
	if !ok {
		h = uint64(len(t.types)) + 1
		t.types[typ] = h
		t.mixText(kit.TypeName(m))
	}
	t.mix(h)
	return typ
}

func (t *Trace) message(now int64, b *box, m any) {
	t.mix(uint64(now))
	t.mix(uint64(b.id))
	t.put(record{at: now, b: b, typ: t.typ(m)}, m)
}

// told is a message to a probe.
func (t *Trace) told(now int64, probe string, m any) {
	t.mix(uint64(now))
	t.mixText(probe)
	t.put(record{at: now, where: probe, what: "<-", typ: t.typ(m)}, m)
}

func (t *Trace) work(now int64, l *Life, actor, what string) {
	t.mix(uint64(now))
	t.mixText(actor)
	t.put(record{at: now, where: l.node.name + " " + actor, what: "runs on " + what}, nil)
}

func (t *Trace) net(now int64, from, to, what string, m any) {
	t.mix(uint64(now))
	t.mixText(from)
	t.mixText(to)
	t.mixText(what)
	t.put(record{at: now, where: "net", what: what + " " + from + " -> " + to, typ: t.typ(m)}, m)
}

func (t *Trace) note(now int64, where, what string) {
	t.mix(uint64(now))
	t.mixText(where)
	t.mixText(what)
	t.put(record{at: now, where: where, what: what}, nil)
}

// Note adds a line of the test's own to the trace.
func (s *Sim) Note(format string, args ...any) {
	s.Trace.note(s.now, "test", fmt.Sprintf(format, args...))
}

// Lines are the last lines, oldest first.
func (t *Trace) Lines() []string {
	var list []string
	size := uint64(len(t.last))
	for i := t.n - min(t.n, size); i < t.n; i++ {
		list = append(list, t.last[i%size].text())
	}
	return list
}

func (r *record) text() string {
	var w strings.Builder
	fmt.Fprintf(&w, "%-12s ", time.Duration(r.at))
	if r.b != nil {
		fmt.Fprintf(&w, "%s <-", r.b.path())
	} else {
		w.WriteString(r.where + " " + r.what)
	}
	if r.typ != nil {
		w.WriteString(" " + strings.TrimPrefix(r.typ.String(), "*"))
	}
	return w.String()
}

func detail(m any) string {
	if m == nil {
		return ""
	}
	_, fields, _ := strings.Cut(Format(m), " ")
	if fields == "" {
		return ""
	}
	return " " + fields
}

// logHandler makes a node's log part of the trace.
type logHandler struct {
	l     *Life
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ stdcontext.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle implements slog.Handler.
func (h *logHandler) Handle(_ stdcontext.Context, r slog.Record) error {
	var w strings.Builder
	w.WriteString(r.Level.String() + " " + r.Message)
	one := func(a slog.Attr) bool {
		fmt.Fprintf(&w, " %s=%s", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		one(a)
	}
	r.Attrs(one)
	switch s := h.l.s; {
	case s.hearing != nil:
		s.hearing.Log(h.l.node, w.String())
	case s.say != nil:
		s.say("log: " + w.String())
	}
	if !h.l.dead {
		h.l.s.Trace.note(h.l.s.now, h.l.node.name, w.String())
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.l, append(append([]slog.Attr(nil), h.attrs...), attrs...)}
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(string) slog.Handler { return h }

func attrText(attrs []any) string {
	var w strings.Builder
	for i, a := range attrs {
		sep := " "
		if i%2 == 1 {
			sep = "="
		} else if i == 0 {
			sep = ""
		}
		fmt.Fprintf(&w, "%s%v", sep, a)
	}
	return w.String()
}
