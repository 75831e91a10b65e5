package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troupe/actors/kit/trace"
)

type fakeSource struct{ status func() Status }

func (f fakeSource) Status() Status                   { return f.status() }
func (f fakeSource) Actors() []Actor                  { return nil }
func (f fakeSource) Strays() ([]Stray, error)         { return nil, nil }
func (f fakeSource) Work() Work                       { return Work{} }
func (f fakeSource) Health() Health                   { return Health{} }
func (f fakeSource) Explain(string) (GroupWait, bool) { return GroupWait{}, false }
func (f fakeSource) Traces() *trace.Recorder          { return nil }
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
