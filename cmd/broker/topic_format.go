package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// formatHelp explains --format of consume and produce. The language is that of rpk (franz-go's), with kcat's words where they fit.
const formatHelp = `  %t topic   %p partition   %o offset   %e leader epoch   %k key   %v (or %s) value   %T timestamp in ms
  %h headers as k=v,k=v     %K, %V (or %S) length of key, value     %H number of headers
  %k{hex} %v{base64} %o{hex}: encoded     %h{%k: %v; } each header in this form     %d{go[2006-01-02]} or %d{strftime[%F]}: time
  \n \t \\ \xFF, and %% for a percent sign`

// translated turns kcat's words into those of franz-go. What stands in braces belongs to the word before it and is left alone.
func translated(format string) string {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		switch {
		case format[i] == '\\' && i+1 < len(format):
			out.WriteString(format[i : i+2])
			i++
		case format[i] == '{':
			end := i + braced(format[i:])
			out.WriteString(format[i:end])
			i = end - 1
		case format[i] == '%' && i+1 < len(format):
			i++
			out.WriteByte('%')
			switch format[i] {
			case 'T':
				out.WriteByte('d')
			case 's':
				out.WriteByte('v')
			case 'S':
				out.WriteByte('V')
			default:
				out.WriteByte(format[i])
			}
		default:
			out.WriteByte(format[i])
		}
	}
	return out.String()
}

// braced is the length of what the brace at the beginning of s holds, braces included.
func braced(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// cutHeaders divides a translated format at the first %h that has no form of its own.
func cutHeaders(format string) (before, after string, found bool) {
	for i := 0; i+1 < len(format); i++ {
		switch {
		case format[i] == '\\':
			i++
		case format[i] == '{':
			i += braced(format[i:]) - 1
		case format[i] == '%' && format[i+1] == 'h' && (i+2 == len(format) || format[i+2] != '{'):
			return format[:i], format[i+2:], true
		case format[i] == '%':
			i++
		}
	}
	return format, "", false
}

// formatter prints records by --format.
func formatter(format string) (func(b []byte, r *kgo.Record) []byte, error) {
	var parts []func(b []byte, r *kgo.Record) []byte
	for rest, more := translated(format), true; more; {
		var piece string
		piece, rest, more = cutHeaders(rest)
		if piece != "" {
			f, err := kgo.NewRecordFormatter(piece)
			if err != nil {
				return nil, failf(exitUsage, "--format: %s; see: broker topic consume --help", err)
			}
			parts = append(parts, f.AppendRecord)
		}
		if more {
			parts = append(parts, appendHeaders)
		}
	}
	return func(b []byte, r *kgo.Record) []byte {
		for _, f := range parts {
			b = f(b, r)
		}
		return b
	}, nil
}

func appendHeaders(b []byte, r *kgo.Record) []byte {
	for i, h := range r.Headers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, h.Key...)
		b = append(b, '=')
		b = append(b, h.Value...)
	}
	return b
}

// jsonRecord is one record as a line of JSON: what consume -o json prints and produce --json reads. A key or value is text, null, or
// in the field _base64 if it is not UTF-8.
type jsonRecord struct {
	Topic       string          `json:"topic,omitempty"`
	Partition   int32           `json:"partition"`
	Offset      int64           `json:"offset"`
	Timestamp   int64           `json:"timestamp"` // ms
	Headers     []jsonHeader    `json:"headers,omitempty"`
	Key         json.RawMessage `json:"key,omitempty"`
	KeyBase64   *string         `json:"key_base64,omitempty"`
	Value       json.RawMessage `json:"value,omitempty"`
	ValueBase64 *string         `json:"value_base64,omitempty"`
}

type jsonHeader struct {
	Key         string          `json:"key"`
	Value       json.RawMessage `json:"value,omitempty"`
	ValueBase64 *string         `json:"value_base64,omitempty"`
}

// appendJSON is the formatter of -o json.
func appendJSON(b []byte, r *kgo.Record) []byte {
	out := jsonRecord{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
	out.Key, out.KeyBase64 = bytesToJSON(r.Key)
	out.Value, out.ValueBase64 = bytesToJSON(r.Value)
	for _, h := range r.Headers {
		x := jsonHeader{Key: h.Key}
		x.Value, x.ValueBase64 = bytesToJSON(h.Value)
		out.Headers = append(out.Headers, x)
	}
	return append(append(b, marshal(out)...), '\n')
}

// marshal writes JSON without escapes for the sake of HTML, and without the end of the line.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: a record that is no JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func bytesToJSON(b []byte) (text json.RawMessage, base *string) {
	switch {
	case b == nil:
		return json.RawMessage("null"), nil
	case utf8.Valid(b):
		return json.RawMessage(marshal(string(b))), nil
	}
	s := base64.StdEncoding.EncodeToString(b)
	return nil, &s
}

// bytesFromJSON is the way back. What is neither text nor null (a number, an object) is taken as it is written.
func bytesFromJSON(field string, text json.RawMessage, base *string) ([]byte, error) {
	switch {
	case base != nil && text != nil:
		return nil, fmt.Errorf("both %s and %s_base64", field, field)
	case base != nil:
		b, err := base64.StdEncoding.DecodeString(*base)
		if err != nil {
			return nil, fmt.Errorf("%s_base64: %w", field, err)
		}
		return b, nil
	case text == nil || string(text) == "null":
		return nil, nil
	case text[0] != '"':
		return text, nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return []byte(s), nil
}

// jsonReader reads one record after the other, io.EOF at the end. Topic and offset are not looked at.
func jsonReader(in io.Reader) func() (*kgo.Record, error) {
	d, n := json.NewDecoder(in), 0
	return func() (*kgo.Record, error) {
		n++
		x := jsonRecord{Partition: -1}
		if err := d.Decode(&x); err == io.EOF {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("record %d is not JSON as topic consume -o json prints it: %w", n, err)
		}
		r := &kgo.Record{Partition: x.Partition}
		var err error
		if r.Key, err = bytesFromJSON("key", x.Key, x.KeyBase64); err != nil {
			return nil, fmt.Errorf("record %d: %w", n, err)
		}
		if r.Value, err = bytesFromJSON("value", x.Value, x.ValueBase64); err != nil {
			return nil, fmt.Errorf("record %d: %w", n, err)
		}
		for _, h := range x.Headers {
			v, err := bytesFromJSON("value", h.Value, h.ValueBase64)
			if err != nil {
				return nil, fmt.Errorf("record %d: header %s: %w", n, h.Key, err)
			}
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: v})
		}
		if x.Timestamp != 0 {
			r.Timestamp = time.UnixMilli(x.Timestamp)
		}
		return r, nil
	}
}
