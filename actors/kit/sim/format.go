package sim

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"troupe/actors/kit"
)

const (
	maxDepth = 3
	maxItems = 8
	maxBytes = 24
)

var (
	askType = reflect.TypeFor[kit.Ask]()
	asked   = reflect.TypeFor[interface {
		AskSlot() uint64
		Reply(any)
	}]()
	refType  = reflect.TypeFor[*kit.Ref]()
	timeType = reflect.TypeFor[time.Time]()
)

// Format writes a message in a short form for traces and stories: its type and the fields that are not zero. What
// kit.Ask adds is left out, and so is the ask inside an answer. A message with a String method writes itself.
func Format(m any) string {
	name := kit.TypeName(m)
	if s, ok := m.(fmt.Stringer); ok {
		return strings.TrimSpace(name + " " + s.String())
	}
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct && v.Type() != timeType {
		return strings.TrimSpace(name + " " + strings.Join(fields(v, maxDepth), " "))
	}
	return name + " " + value(v, maxDepth)
}

// fields are the non-zero fields of a struct, as name=value.
func fields(v reflect.Value, depth int) []string {
	if depth <= 0 {
		return nil
	}
	var out []string
	for i := range v.NumField() {
		f, x := v.Type().Field(i), v.Field(i)
		switch {
		case f.Type == askType || x.IsZero():
		case f.Anonymous && f.Type.Implements(asked): // the ask in an answer
		case f.Anonymous && f.Type.Kind() == reflect.Pointer && x.Elem().Kind() == reflect.Struct:
			out = append(out, fields(x.Elem(), depth-1)...)
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			out = append(out, fields(x, depth)...)
		default:
			if s := value(x, depth-1); s != "" {
				out = append(out, f.Name+"="+s)
			}
		}
	}
	return out
}

func value(v reflect.Value, depth int) string {
	if !v.IsValid() {
		return "nil"
	}
	if s, ok := ownText(v); ok {
		return s
	}
	switch v.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64:
		return fmt.Sprint(v)
	case reflect.String:
		return text(v.String())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		if depth <= 0 {
			return "…"
		}
		return value(v.Elem(), depth)
	case reflect.Struct:
		if depth <= 0 {
			return "…"
		}
		return "{" + strings.Join(fields(v, depth), " ") + "}"
	case reflect.Slice, reflect.Array:
		return list(v, depth)
	case reflect.Map:
		return fmt.Sprintf("map(%d)", v.Len())
	}
	return "" // functions and channels say nothing
}

// ownText is how a value writes itself: names of actors, durations, times, Stringers.
func ownText(v reflect.Value) (string, bool) {
	if v.Type() == refType && !v.IsNil() {
		return "@" + refName(v), true
	}
	if !v.CanInterface() || v.Kind() == reflect.Pointer && v.IsNil() {
		return "", false
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return x.UTC().Format("15:04:05.000"), true
	case error:
		return text(x.Error()), true
	case fmt.Stringer:
		return text(x.String()), true
	}
	return "", false
}

// refName reads the name of a Ref, also from a field that is not exported.
func refName(v reflect.Value) string { return v.Elem().FieldByName("name").String() }

func text(s string) string {
	if s == "" || strings.ContainsAny(s, " \n\"=") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// bytesText shows short text as text, all else as its length and first bytes.
func bytesText(b []byte, n int) string {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("%d:%x", n, b[:min(len(b), maxBytes/2)])
		}
	}
	if n > len(b) {
		return fmt.Sprintf("%d:%q", n, b)
	}
	return fmt.Sprintf("%q", b)
}

func list(v reflect.Value, depth int) string {
	n := v.Len()
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, min(n, maxBytes))
		for i := range b {
			b[i] = byte(v.Index(i).Uint())
		}
		return bytesText(b, n)
	}
	if depth <= 0 {
		return fmt.Sprintf("[%d]", n)
	}
	var parts []string
	for i := range min(n, maxItems) {
		parts = append(parts, value(v.Index(i), depth-1))
	}
	if n > maxItems {
		parts = append(parts, fmt.Sprintf("… %d", n))
	}
	return "[" + strings.Join(parts, " ") + "]"
}
