package kafka

import (
	"net"
	"time"

	"troupe/actors/kit/trace"
	"troupe/kafka/api"
)

// Config is what a door can be told. The zero value of a field means its default.
type Config struct {
	MaxRequestBytes int             // socket.request.max.bytes; default 104857600
	RequestMemory   int64           // bytes that requests of all connections may take together; default 256 MiB
	GiantMemory     int64           // the same of requests that name very many things; default and most 96 MiB, and no more than RequestMemory
	UnreadMemory    int64           // bytes of answers that clients may leave unread before none gets another; default 64 MiB
	MaxInFlight     int             // requests of one connection that are read and not yet answered; default 32
	MaxUnwritten    int             // bytes of answers that wait for one client, from which on none of its requests is begun; default 256 KiB
	IdleClose       time.Duration   // connections.max.idle.ms; default 10 min, negative: never
	FrameDeadline   time.Duration   // for each 64 KiB of a frame that has begun; default 30 s
	Buffers         Buffers         // socket.send.buffer.bytes and socket.receive.buffer.bytes
	Limits          func() Limits   // of connections, asked for each new one; default none. It must not block
	Listener        string          // name of the listener, as metadata shows it; default PLAINTEXT
	Table           []api.Entry     // what is served; default api.Table
	Trace           *trace.Recorder // nil: requests are not recorded
}

// Buffers are the sizes of a connection's buffers in the kernel, in bytes; 0 leaves them to it, which then grows them with the traffic.
// To a client on the broker's own host Send is then nearSend.
type Buffers struct{ Send, Receive int }

// nearSend is enough for a way without delay. What the kernel would grow the buffer to, megabytes, no longer fits into a processor's cache:
// the client would find each byte in main memory.
const nearSend = 512 << 10

func (b Buffers) set(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	if b.Send == 0 && near(tcp) {
		b.Send = nearSend
	}
	if b.Send > 0 {
		_ = tcp.SetWriteBuffer(b.Send) // a hint: the kernel takes what it allows
	}
	if b.Receive > 0 {
		_ = tcp.SetReadBuffer(b.Receive)
	}
}

// near tells whether both ends of a connection are on this host.
func near(nc net.Conn) bool {
	there, ok := nc.RemoteAddr().(*net.TCPAddr)
	here, same := nc.LocalAddr().(*net.TCPAddr)
	return ok && same && (there.IP.IsLoopback() || there.IP.Equal(here.IP))
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
	if c.GiantMemory <= 0 {
		c.GiantMemory = maxGiants
	}
	if c.UnreadMemory <= 0 {
		c.UnreadMemory = 64 << 20
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
