package kafka

import (
	"time"

	"troupe/actors/kit/trace"
	"troupe/kafka/api"
)

// Config is what a door can be told. The zero value of a field means its default.
type Config struct {
	MaxRequestBytes int             // socket.request.max.bytes; default 104857600
	RequestMemory   int64           // bytes that requests of all connections may take together; default 256 MiB
	MaxInFlight     int             // requests of one connection that are read and not yet answered; default 32
	MaxUnwritten    int             // bytes of answers that wait for one client, from which on none of its requests is begun; default 256 KiB
	IdleClose       time.Duration   // connections.max.idle.ms; default 10 min, negative: never
	FrameDeadline   time.Duration   // for each 64 KiB of a frame that has begun; default 30 s
	Limits          func() Limits   // of connections, asked for each new one; default none. It must not block
	Listener        string          // name of the listener, as metadata shows it; default PLAINTEXT
	Table           []api.Entry     // what is served; default api.Table
	Trace           *trace.Recorder // nil: requests are not recorded
}

func (c Config) withDefaults() Config {
	setInt := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	setInt(&c.MaxRequestBytes, 100<<20)
	setInt(&c.MaxInFlight, 32)
	setInt(&c.MaxUnwritten, 256<<10)
	if c.Limits == nil {
		c.Limits = NoLimits
	}
	if c.RequestMemory <= 0 {
		c.RequestMemory = 256 << 20
	}
	switch {
	case c.IdleClose == 0:
		c.IdleClose = 10 * time.Minute
	case c.IdleClose < 0:
		c.IdleClose = 10 * 365 * 24 * time.Hour
	}
	if c.FrameDeadline <= 0 {
		c.FrameDeadline = 30 * time.Second
	}
	if c.Listener == "" {
		c.Listener = "PLAINTEXT"
	}
	if c.Table == nil {
		c.Table = api.Table
	}
	return c
}
