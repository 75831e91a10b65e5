package differential

import "regexp"

// An accepted difference: lines of these cases at these paths may differ, for this reason. Empty patterns match all.
type accepted struct {
	cases, path   string
	kafka, troupe string // patterns of the values
	reason        string
}

// acceptedDifferences is the whole list. Each has a reason that a client's author would accept.
var acceptedDifferences = []accepted{}

// reason gives why a difference is accepted, or nothing.
func reason(d Difference) string {
	for _, a := range acceptedDifferences {
		if matches(a.cases, d.Case) && matches(a.path, d.Path) && matches(a.kafka, d.Kafka) && matches(a.troupe, d.Troupe) {
			return a.reason
		}
	}
	return ""
}

func matches(pattern, text string) bool {
	return pattern == "" || regexp.MustCompile(pattern).MatchString(text)
}
