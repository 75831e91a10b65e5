package kafka

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
	"troupe/kafka/api"
)

// Name is the actor that owns the listeners of a broker.
const Name = "door"

// Server is the Kafka door of one broker, for those who are no actors.
type Server struct {
	sys  kit.System
	door *kit.Ref
	d    *shared

	mu        sync.Mutex
	listeners []net.Listener
}

// NewServer makes a door that serves env. It accepts nothing until Serve.
func NewServer(env *api.Env, sys kit.System, cfg Config) *Server {
	cfg = cfg.withDefaults()
	d := &shared{env: env, cfg: cfg, memory: newMemory(cfg.RequestMemory, cfg.GiantMemory), stats: newStats(cfg.Table)}
	a := &door{shared: d, conns: map[*kit.Ref]bool{}, perIP: map[string]int{}}
	ref := sys.Spawn(Name, a, kit.Options{Kind: "door"})
	d.self = ref
	return &Server{sys: sys, door: ref, d: d}
}

// Serve accepts connections from l. The door owns l from now on.
func (s *Server) Serve(l net.Listener) {
	s.mu.Lock()
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	s.door.Tell(serve{l})
}

// CloseListeners stops accepting; open connections go on.
func (s *Server) CloseListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		l.Close()
	}
	s.listeners = nil
}

// Close lets all connections answer what they have read, cuts those that have not ended in time, and stops the door.
// It reports whether all ended by themselves.
func (s *Server) Close(limit time.Duration) bool {
	s.CloseListeners()
	ask := func(to *kit.Ref) { s.door.Tell(&closeDoor{Ask: kit.Ask{ReplyTo: to}}) }
	_, ok := kit.Await[doorClosed](s.sys, limit, ask)
	if !ok {
		s.door.Tell(cutAll{})
		kit.Await[doorClosed](s.sys, cutTime, ask)
	}
	kit.Await[gone](s.sys, cutTime, func(to *kit.Ref) { s.sys.Stop(s.door, to, gone{}) })
	return ok
}

// cutTime is how long a cut connection may take to end.
const cutTime = time.Second

type gone struct{}

// Stats are the door's figures, safe to read at any time.
func (s *Server) Stats() *Stats { return s.d.stats }

// RequestBytes is how much memory requests take that are being read or carried out.
func (s *Server) RequestBytes() int64 { return s.d.memory.requests.inUse() + s.d.memory.giants.inUse() }

// Stats count what a door has seen. Counters only grow; Open is a gauge.
type Stats struct {
	Open      atomic.Int64
	Accepted  atomic.Int64
	Rejected  atomic.Int64 // turned away or made to wait by the limits of connections
	Malformed atomic.Int64 // connections closed for what they sent
	bytesOut  atomic.Int64
	requests  []atomic.Int64 // by key
}

func newStats(table []api.Entry) *Stats {
	n := 0
	for i := range table {
		n = max(n, int(table[i].Key)+1)
	}
	return &Stats{requests: make([]atomic.Int64, n)}
}

func (s *Stats) request(key int16) { s.requests[key].Add(1) }

func (s *Stats) refused(error) { s.Malformed.Add(1) }

// Requests is the number of requests of a key so far.
func (s *Stats) Requests(key int16) int64 {
	if key < 0 || int(key) >= len(s.requests) {
		return 0
	}
	return s.requests[key].Load()
}

// BytesOut is the number of bytes written to clients so far.
func (s *Stats) BytesOut() int64 { return s.bytesOut.Load() }
