// Package readyline reads the one line that a broker prints on its standard output: "ready kafka=HOST:PORT admin=HOST:PORT …". Whoever
// starts the binary waits for it.
package readyline

import "strings"

// Parse gives the fields of a ready line by name; ok is false if it is none.
func Parse(line string) (fields map[string]string, ok bool) {
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != "ready" {
		return nil, false
	}
	fields = map[string]string{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		fields[k] = v
	}
	return fields, fields["kafka"] != ""
}
