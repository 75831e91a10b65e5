package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit/trace"
)

// traceRoutes serves what was recorded of requests:
//
//	/api/v1/traces/slow, errors, healthy   kept ones, newest first; api, client, topic, min, since, last narrow them down
//	/api/v1/traces/open                    those under way, oldest first
//	/api/v1/traces/{id}                    one of either
func (s *Server) traceRoutes(mux *http.ServeMux) {
	for path, why := range map[string]trace.Why{"slow": trace.Slow, "errors": trace.Failed, "healthy": trace.Healthy} {
		mux.HandleFunc("GET /api/v1/traces/"+path, func(w http.ResponseWriter, r *http.Request) { s.keptTraces(w, r, why) })
	}
	mux.HandleFunc("GET /api/v1/traces/open", func(w http.ResponseWriter, _ *http.Request) {
		open, _ := s.openTraces()
		writeJSON(w, open)
	})
	mux.HandleFunc("GET /api/v1/traces/{id}", s.oneTrace)
}

func (s *Server) keptTraces(w http.ResponseWriter, r *http.Request, why trace.Why) {
	q, err := parseQuery(r.URL.Query(), s.now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, s.views(s.src.Traces().Kept(why, q)))
}

func (s *Server) oneTrace(w http.ResponseWriter, r *http.Request) {
	n, ok := TraceNumber(r.PathValue("id"))
	if !ok {
		http.Error(w, "want an id such as 1-4711", http.StatusBadRequest)
		return
	}
	rec, ok := s.src.Traces().Find(n)
	if !ok {
		http.Error(w, "no such operation: it was quick and without error, or newer ones have pushed it out", http.StatusNotFound)
		return
	}
	writeJSON(w, s.views([]trace.Record{rec})[0])
}

// maxExplained is how many groups are asked what they wait for, for one answer.
const maxExplained = 20

// openTraces are the requests under way. Those that wait for a group say whom the group waits for; groups are those groups.
func (s *Server) openTraces() (open []Trace, groups []GroupWait) {
	open = s.views(s.src.Traces().Open())
	known := map[string]int{}
	for i := range open {
		t := &open[i]
		if t.Awaiting != trace.AwaitMembers.Code() {
			continue
		}
		at, asked := known[t.Subject]
		if !asked {
			at = -1
			if g, ok := s.explain(t.Subject, len(groups)); ok {
				g.Seconds = t.waited().Seconds() // the first of the group is the oldest
				groups = append(groups, g)
				at = len(groups) - 1
			}
			known[t.Subject] = at
		}
		if at >= 0 {
			t.AwaitingOf = groups[at].Awaiting
			t.Sentence += " The group waits for " + t.AwaitingOf + "."
		}
	}
	return open, groups
}

func (s *Server) explain(group string, soFar int) (GroupWait, bool) {
	if soFar >= maxExplained {
		return GroupWait{}, false
	}
	return s.src.Explain(group)
}

func (s *Server) views(list []trace.Record) []Trace {
	out := make([]Trace, len(list))
	node, now := s.src.Status().NodeID, s.src.Traces().Now()
	for i := range list {
		out[i] = TraceView(node, &list[i], now)
	}
	return out
}

func parseQuery(v url.Values, now time.Time) (q trace.Query, err error) {
	q = trace.Query{Key: -1, Client: v.Get("client"), Topic: v.Get("topic")}
	if name := v.Get("api"); name != "" {
		if q.Key = keyOf(name); q.Key < 0 {
			return q, fmt.Errorf("api %q: want a name such as Produce, or a key", name)
		}
	}
	if d := v.Get("min"); d != "" {
		if q.Min, err = time.ParseDuration(d); err != nil {
			return q, fmt.Errorf("min %q: want a duration such as 50ms", d)
		}
	}
	if at := v.Get("since"); at != "" {
		if q.Since, err = parseSince(at, now); err != nil {
			return q, err
		}
	}
	if n := v.Get("last"); n != "" {
		if q.Last, err = strconv.Atoi(n); err != nil || q.Last < 0 {
			return q, fmt.Errorf("last %q: want a number", n)
		}
	}
	return q, nil
}

// parseSince takes a time, or how long ago it was.
func parseSince(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("since %q: want how long ago, such as 10m, or a time, such as 2026-01-31T10:00:00Z", s)
	}
	return t, nil
}

// maxKey is where names of API keys are looked for.
const maxKey = 127

func keyOf(name string) int16 {
	if n, err := strconv.ParseInt(name, 10, 16); err == nil && n >= 0 {
		return int16(n)
	}
	for k := int16(0); k <= maxKey; k++ {
		if strings.EqualFold(kmsg.NameForKey(k), name) {
			return k
		}
	}
	return -1
}
