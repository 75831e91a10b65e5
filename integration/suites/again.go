package main

import (
	"regexp"
	"strings"
)

// runTwice runs a suite, and what failed once more: public suites hold tests that fail now and then on any broker. What
// passes then has passed, and its reason says so.
func (s suite) runTwice(j job) (results, error) {
	rs, err := s.run(j)
	if err != nil || j.nobody {
		return rs, err
	}
	lost := rs.lost()
	if len(lost) == 0 {
		return rs, nil
	}
	j.only = exactly(lost)
	j.again = topLevel(lost)
	next, err := s.run(j)
	if err != nil {
		return nil, err
	}
	return rs.mended(next), nil
}

// lost are the names of what failed or did not end.
func (rs results) lost() []string {
	var names []string
	for _, r := range rs {
		if r.verdict == failed || r.verdict == absent {
			names = append(names, r.name)
		}
	}
	return names
}

func exactly(names []string) *regexp.Regexp {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = regexp.QuoteMeta(n)
	}
	return regexp.MustCompile("^(?:" + strings.Join(quoted, "|") + ")$")
}

func topLevel(names []string) []string {
	var tops []string
	seen := map[string]bool{}
	for _, n := range names {
		if top, _, _ := strings.Cut(n, "/"); !seen[top] {
			seen[top] = true
			tops = append(tops, top)
		}
	}
	return tops
}

// mended takes from a second run what passed there and had not before.
func (rs results) mended(next results) results {
	second := map[string]result{}
	for _, r := range next {
		second[r.name] = r
	}
	for i, r := range rs {
		if s, ok := second[r.name]; ok && s.verdict == passed && (r.verdict == failed || r.verdict == absent) {
			s.why = "at the second try; at the first: " + r.why
			rs[i] = s
		}
	}
	return rs
}
