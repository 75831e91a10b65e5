package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troupe/actors/kit/trace"
)

type fakeSource struct{ status func() Status }

func (f fakeSource) Status() Status                   { return f.status() }
func (f fakeSource) Cluster() Cluster                 { return Cluster{Controller: -1} }
func (f fakeSource) Actors() []Actor                  { return nil }
func (f fakeSource) Strays() ([]Stray, error)         { return nil, nil }
func (f fakeSource) Work() Work                       { return Work{} }
func (f fakeSource) Health() Health                   { return Health{} }
func (f fakeSource) Explain(string) (GroupWait, bool) { return GroupWait{}, false }
func (f fakeSource) Traces() *trace.Recorder          { return nil }
func (f fakeSource) Groups() []Group                  { return []Group{{Group: "a/b", State: "Empty"}} }
func (f fakeSource) Group(name string) (GroupExplained, error) {
	switch name {
	case "a/b", "":
		return GroupExplained{Group: name}, nil
	case "moving":
		return GroupExplained{}, ErrNotHere
	}
	return GroupExplained{}, ErrNoGroup
}
func (f fakeSource) Collect(func(string, prometheus.ValueType, float64, ...Label)) {
}

func TestGuard(t *testing.T) {
	src := fakeSource{func() Status { return Status{} }}
	local, open := New(src, time.Now, "127.0.0.1:9644").Handler(), New(src, time.Now, "0.0.0.0:9644").Handler()
	try := func(h http.Handler, host string, want int) {
		t.Helper()
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("Host: %s: %d, want %d", host, w.Code, want)
		}
	}
	for _, host := range []string{"localhost", "localhost:9644", "LocalHost:1", "localhost.:9644", "127.0.0.1", "127.9.9.9:9644", "[::1]", "[::1]:9644"} {
		try(local, host, http.StatusOK)
	}
	for _, host := range []string{"evil.example", "localhost.evil.example:9644", "192.0.2.1:9644", "[2001:db8::1]", "[2001:db8::1]:9644", ""} {
		try(local, host, http.StatusMisdirectedRequest)
	}
	try(open, "broker.example:9644", http.StatusOK)
}

// TestCloseCuts: an answer that takes long (a profile) does not hold up the end of a broker.
func TestCloseCuts(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s := New(fakeSource{func() Status { close(asked); <-release; return Status{} }}, time.Now, "127.0.0.1:0")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l, slog.New(slog.DiscardHandler))
	go func() {
		if resp, err := http.Get("http://" + l.Addr().String() + "/api/v1/status"); err == nil {
			resp.Body.Close()
		}
	}()
	<-asked
	start := time.Now()
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > closeWithin+3*time.Second {
		t.Errorf("closing took %v", d)
	}
}

func TestGroups(t *testing.T) {
	h := New(fakeSource{}, time.Now, "127.0.0.1:9644").Handler()
	f := func(path string, status int, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "127.0.0.1:9644"
		h.ServeHTTP(w, r)
		if w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body.String(), status, want)
		}
	}
	f("/api/v1/groups", 200, `"group": "a/b"`)
	f("/api/v1/groups/a%2Fb", 200, `"group": "a/b"`)
	f("/api/v1/groups/", 200, `"group": ""`)
	f("/api/v1/groups/none", 404, "GROUP_ID_NOT_FOUND")
	f("/api/v1/groups/moving", 409, "ask again")
}
