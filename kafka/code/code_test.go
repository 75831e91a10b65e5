package code

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestTableMatchesClients compares every number with the table that a client library generates from Kafka's Errors.java.
func TestTableMatchesClients(t *testing.T) {
	seen := 0
	for n := -1; n < 400; n++ {
		c := Code(n)
		err := kerr.ErrorForCode(int16(n))
		var known *kerr.Error
		errors.As(err, &known)
		switch {
		case n == 0:
			if !c.Known() || c.String() != "NONE" || c.Retriable() {
				t.Errorf("0 is %s", c)
			}
			continue
		case known == nil || known.Code != int16(n): // the library does not know this number
			if c.Known() {
				t.Errorf("%d (%s) is not a code that clients know", n, c)
			}
			continue
		}
		seen++
		if !c.Known() {
			t.Errorf("%d (%s) is missing", n, known.Message)
			continue
		}
		if want := known.Message; c.String() != want {
			t.Errorf("%d is %s, clients call it %s", n, c, want)
		}
		if c.Retriable() != known.Retriable {
			t.Errorf("%s: retriable is %v, clients have %v", c, c.Retriable(), known.Retriable)
		}
	}
	if seen < 130 {
		t.Errorf("only %d codes were compared", seen)
	}
}

func TestMessages(t *testing.T) {
	texts := make(map[string]Code)
	for c := range table {
		m := c.Message()
		if c == OK {
			if m != "" {
				t.Errorf("OK has the message %q", m)
			}
			continue
		}
		if !strings.HasSuffix(m, ".") || len(m) < 15 || len(m) > 120 {
			t.Errorf("%s has the message %q", c, m)
		}
		if o, ok := texts[m]; ok {
			t.Errorf("%s and %s have the same message", c, o)
		}
		texts[m] = c
	}
	for c := range messages {
		if !c.Known() {
			t.Errorf("message of unknown code %d", c)
		}
	}
	if m := Code(9999).Message(); m != "" || Code(9999).Known() || Code(9999).String() != "UNKNOWN_CODE" || Code(9999).Retriable() {
		t.Errorf("9999 is taken for a code: %q", m)
	}
}
