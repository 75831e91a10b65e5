// Package admin is the admin door: health, readiness, metrics, and the JSON that the command line and later the console show.
// It only reads; every answer is made from one moment's evidence.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"troupe/actors/kit/trace"
)

// Source is where the admin door looks. Its methods may be called from any goroutine and do not wait for actors, but for those
// that say so.
type Source interface {
	Status() Status
	Cluster() Cluster
	Actors() []Actor
	// Strays are partitions on this broker that the metadata does not name; it may read the store.
	Strays() ([]Stray, error)
	// Work is what blocks outside of the actors.
	Work() Work
	// Health is what the doctor looks at beside the Status.
	Health() Health
	// Explain asks a consumer group what it waits for; false: it waits for nothing, or does not say so at once. It asks an actor, and
	// waits a short time.
	Explain(group string) (GroupWait, bool)
	// Groups are the groups that this broker coordinates, Group is what one of them does, or ErrNoGroup or ErrNotHere. They ask the
	// coordinators, and wait at most a second.
	Groups() []Group
	Group(name string) (GroupExplained, error)
	// Traces are the records of requests.
	Traces() *trace.Recorder
	// Collect adds the metrics of the moment.
	Collect(emit func(name string, kind prometheus.ValueType, value float64, labels ...Label))
}

// Label is one label of a metric. Values come from small fixed sets: kinds of actors, API names.
type Label struct{ Name, Value string }

// Server is the HTTP side.
type Server struct {
	http   *http.Server
	src    Source
	now    func() time.Time
	host   string
	strays patience
}

// New makes a server over src; now is the wall clock. host is the address it listens on, for the check of Host headers.
func New(src Source, now func() time.Time, host string) *Server {
	s := &Server{src: src, now: now, host: host}
	s.http = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	return s
}

// Handler is all of the admin door.
func (s *Server) Handler() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(&collector{s.src})
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, index) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.src.Status()) })
	mux.HandleFunc("GET /api/v1/cluster", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.src.Cluster()) })
	mux.HandleFunc("GET /api/v1/actors", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.src.Actors()) })
	mux.HandleFunc("GET /api/v1/work", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.src.Work()) })
	mux.HandleFunc("GET /api/v1/health", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.src.Health()) })
	mux.HandleFunc("GET /api/v1/doctor", s.doctor)
	s.groupRoutes(mux)
	s.traceRoutes(mux)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return s.guard(mux)
}

// index is what somebody sees who opens the address in a browser.
const index = `This is the admin address of a Troupe broker. It shows, and changes nothing.

  /healthz                      the process answers
  /readyz  /readyz?verbose      does it serve, and what does its start wait for
  /metrics                      for Prometheus
  /api/v1/doctor                what is wrong             broker doctor
  /api/v1/status                this broker               broker cluster status
  /api/v1/cluster               all brokers               broker cluster status
  /api/v1/groups                consumer groups           broker group describe GROUP
  /api/v1/actors                living actors             broker actor top
  /api/v1/work                  what blocks beside them   broker actor blockers
  /api/v1/health                what the doctor looks at
  /api/v1/traces/slow           slow requests             broker trace slow
  /api/v1/traces/errors         failed requests           broker trace errors
  /api/v1/traces/open           requests under way        broker trace open
  /debug/pprof/                 profiles of the process
`

// guard refuses what a web page could make a browser send: another host's name (DNS rebinding) on a loopback listener.
func (s *Server) guard(next http.Handler) http.Handler {
	local := isLoopback(s.host)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if local && !isLoopback(r.Host) {
			http.Error(w, "unknown host", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]") // an IPv6 address without a port keeps its brackets
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") || ip != nil && ip.IsLoopback()
}

// Serve answers on l until Close.
func (s *Server) Serve(l net.Listener, log *slog.Logger) {
	if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		log.Error("admin listener ended", "err", err)
	}
}

// closeWithin is how long Close waits for answers that are under way. A profile may take half a minute: the broker does not wait for it.
const closeWithin = time.Second

// Close ends the server. Answers under way get closeWithin, or until ctx ends, then they are cut.
func (s *Server) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	if s.http.Shutdown(ctx) == nil {
		return nil
	}
	return s.http.Close()
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	st := s.src.Status()
	if !st.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if _, verbose := r.URL.Query()["verbose"]; !verbose {
		if st.Ready {
			fmt.Fprintln(w, "ready")
		} else {
			fmt.Fprintln(w, "not ready")
		}
		return
	}
	for _, step := range st.Steps {
		switch {
		case step.Done:
			fmt.Fprintf(w, "[+] %s  %.3f s\n", step.Name, step.Seconds)
		case step.WaitsFor != "":
			fmt.Fprintf(w, "[-] %s  waits for %s since %.3f s\n", step.Name, step.WaitsFor, step.Seconds)
		default:
			fmt.Fprintf(w, "[ ] %s\n", step.Name)
		}
	}
}

func (s *Server) doctor(w http.ResponseWriter, _ *http.Request) {
	strays, silent, err := s.strays.ask(s.src.Strays)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	open, groups := s.openTraces()
	writeJSON(w, Examine(Evidence{
		Status: s.src.Status(), Health: s.src.Health(), Cluster: s.src.Cluster(), Actors: s.src.Actors(), Strays: strays, Silent: silent, Open: open, Groups: groups, Now: s.now(),
	}))
}

// patience asks something that may hang, such as a store whose disk does: one question at a time, and nobody waits for longer than
// askWithin.
type patience struct {
	mu    sync.Mutex
	began time.Time // of the question under way, zero if there is none
}

const askWithin = 2 * time.Second

// ask gives the answer, or how long it has not come.
func (p *patience) ask(question func() ([]Stray, error)) (list []Stray, silent time.Duration, err error) {
	p.mu.Lock()
	if !p.began.IsZero() {
		silent = time.Since(p.began)
	} else {
		p.began = time.Now()
	}
	p.mu.Unlock()
	if silent > 0 {
		if silent < askWithin {
			silent = 0 // somebody else asks just now: his answer will do
		}
		return nil, silent, nil
	}
	type answer struct {
		list []Stray
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		list, err := question()
		p.mu.Lock()
		p.began = time.Time{}
		p.mu.Unlock()
		answered <- answer{list, err}
	}()
	select {
	case a := <-answered:
		return a.list, 0, a.err
	case <-time.After(askWithin):
		return nil, askWithin, nil
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		return // the reader has gone
	}
}

// collector turns the source's numbers into Prometheus metrics at scrape time; nothing of it is on a hot path.
type collector struct{ src Source }

// Describe implements prometheus.Collector: an unchecked collector describes nothing.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.src.Collect(func(name string, kind prometheus.ValueType, value float64, labels ...Label) {
		names, values := make([]string, len(labels)), make([]string, len(labels))
		for i, l := range labels {
			names[i], values[i] = l.Name, l.Value
		}
		desc := prometheus.NewDesc("broker_"+name, Help(name), names, nil)
		ch <- prometheus.MustNewConstMetric(desc, kind, value, values...)
	})
	requestMetrics(c.src.Traces(), ch)
}
