package main

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"strings"
)

//go:embed skip
var skipLists embed.FS

// A skip is a line of a skip list: a regular expression of whole names, then the reason.
type skip struct {
	names *regexp.Regexp
	text  string // the expression as written
	why   string
}

type skips []skip

// readSkips reads skip/NAME.txt; a suite without one skips nothing. Lines that start with # are comments.
func readSkips(suite string) (skips, error) {
	file := path.Join("skip", suite+".txt")
	text, err := skipLists.ReadFile(file)
	if err != nil {
		return nil, nil // no list
	}
	return parseSkips(file, string(text))
}

func parseSkips(file, text string) (skips, error) {
	var all skips
	for n, line := range strings.Split(text, "\n") {
		name, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		why = strings.TrimSpace(why)
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if why == "" {
			return nil, fmt.Errorf("%s:%d: %s has no reason", file, n+1, name)
		}
		names, err := regexp.Compile("^(?:" + name + ")$")
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n+1, err)
		}
		all = append(all, skip{names, name, why})
	}
	return all, nil
}

// reason tells why a test is skipped, or "".
func (all skips) reason(name string) string {
	for _, s := range all {
		if s.names.MatchString(name) {
			return s.why
		}
	}
	return ""
}
