package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// claim is the first bytes of a frame of n bytes.
func claim(n uint32, rest ...byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, n), rest...)
}

// tags is a tag count of 2^32-1.
var tags = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}

// refusedFrames get a closed connection and no answer, as from Kafka.
var refusedFrames = map[string][]byte{
	"length 0":                  claim(0),
	"length 1":                  claim(1, 0),
	"length 7":                  claim(7, 0, 18, 0, 0, 0, 0, 0),
	"length -1":                 claim(1<<32 - 1),
	"length least":              claim(1 << 31),
	"length over the limit":     claim(100<<20 + 1),
	"length most":               claim(1<<31 - 1),
	"HTTP GET":                  []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
	"HTTP POST":                 []byte("POST /topics/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"),
	"HTTP 2":                    []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	"TLS":                       {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3},
	"SSH":                       []byte("SSH-2.0-OpenSSH_9.6\r\n"),
	"unknown key":               framed(header(999, 0, false)),
	"key 32767":                 framed(header(32767, 0, false)),
	"key -1":                    framed(header(-1, 0, false)),
	"inter-broker key 4":        framed(append(header(4, 0, false), make([]byte, 50)...)),
	"inter-broker key 7":        framed(append(header(7, 0, false), make([]byte, 50)...)),
	"version 99":                framed(header(3, 99, true)),
	"version -1":                framed(header(3, -1, false)),
	"Fetch 3":                   framed(append(header(1, 3, false), make([]byte, 40)...)),
	"Produce 2":                 framed(append(header(0, 2, false), make([]byte, 40)...)),
	"cut in the header":         claim(9, 0, 3, 0, 1, 0, 0, 0, 1, 0),
	"client id beyond":          claim(10, 0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff),
	"cut body":                  framed(append(header(3, 4, false), 0, 0, 0, 0)),
	"string beyond":             framed(append(header(3, 1, false), 0, 0, 0, 1, 0x7f, 0xff, 'a')),
	"array beyond":              framed(append(header(3, 1, false), 0, 0, 0, 9, 0, 1, 'a')),
	"array of 2^31-1":           framed(append(header(3, 1, false), 0x7f, 0xff, 0xff, 0xff)),
	"compact array of 2^32-2":   framed(append(header(3, 9, true), tags...)),
	"endless varint":            framed(append(header(3, 9, true), bytes.Repeat([]byte{0xff}, 64)...)),
	"null where it is not":      framed(append(header(3, 0, false), 255, 255, 255, 255)),
	"tags that never end":       framed(append(append(header(18, 3, true), 2, 'a', 2, 'a'), tags...)),
	"tags in the header":        framed(append(header(18, 3, false), tags...)),
	"tag beyond":                framed(append(header(18, 3, true), 2, 'a', 2, 'a', 1, 5, 100, 0)),
	"produce: null topics":      framed(append(header(0, 3, false), 255, 255, 0, 1, 0, 0, 0, 1, 255, 255, 255, 255)),
	"produce: 2^31-1 topics":    framed(append(header(0, 3, false), 255, 255, 0, 1, 0, 0, 0, 1, 0x7f, 255, 255, 255)),
	"produce: null name":        framed(append(header(0, 3, false), 255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 255, 255, 0, 0, 0, 0)),
	"produce: batch beyond":     framed(append(header(0, 3, false), 255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 0, 0x7f, 0, 0, 0)),
	"produce: batch of 2^31-1":  framed(append(header(0, 9, true), 0, 0, 1, 0, 0, 0, 1, 2, 2, 't', 2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 7)),
	"produce: tags":             framed(append(append(header(0, 9, true), 0, 0, 1, 0, 0, 0, 1, 1), tags...)),
	"produce: string of 40,000": framed(append(append(header(0, 9, true), 0xc1, 0xb8, 2), make([]byte, 40_000)...)),
}

func TestFrames(t *testing.T) {
	g := start(t)
	for name, b := range refusedFrames {
		g.row(name, func(t *testing.T) {
			c := g.dial(t)
			defer c.Close()
			c.send(b)
			c.closed()
		})
	}
	for _, hint := range []string{"it looks like HTTP", "it looks like TLS"} {
		if !strings.Contains(g.Log(), hint) {
			t.Errorf("the log does not say %q", hint)
		}
	}
	if n := strings.Count(g.Log(), "\n"); n > 200 {
		t.Errorf("%d lines in the log: whoever sends rubbish can fill the disk", n)
	}
	g.row("ApiVersions in version 99", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		c.send(framed(header(18, 99, true)))
		if b, err := c.read(); err != nil || len(b) != 16 || b[5] != 35 {
			t.Errorf("%x %v, want the form of v0 with error 35 and key 18", b, err)
		}
		req := kmsg.NewPtrApiVersionsRequest()
		c.ask(req)
	})
	g.row("SaslHandshake without SASL", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		req := kmsg.NewPtrSASLHandshakeRequest()
		req.SetVersion(1)
		req.Mechanism = "PLAIN"
		if resp := c.ask(req).(*kmsg.SASLHandshakeResponse); resp.ErrorCode != 34 {
			t.Errorf("error %d, want 34", resp.ErrorCode)
		}
	})
}

// Connections that promise much, send little, and wait.
func TestClaims(t *testing.T) {
	g := start(t)
	starts := [][]byte{
		claim(90 << 20),
		append(claim(90<<20), header(3, 9, true)...),
		append(claim(90<<20), append(header(3, 1, false), 0, 15, 0, 0)...),
		append(claim(90<<20), append(header(0, 3, false), 255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 1, 2, 3)...),
	}
	for _, n := range []int{40, 400} {
		g.row(fmt.Sprintf("%d claims of 90 MiB", n), func(t *testing.T) {
			var all []*client
			for i := range n {
				c := g.dial(t)
				defer c.Close()
				c.send(starts[i%len(starts)])
				all = append(all, c)
			}
			time.Sleep(time.Second)
			c := g.dial(t)
			defer c.Close()
			c.served()
			for _, c := range all { // still held: the deadline is half a minute
				c.Close()
			}
		})
	}
	g.row("400 claims that send a third", func(t *testing.T) {
		piece := make([]byte, 256<<10)
		for i := range 400 {
			c := g.dial(t)
			defer c.Close()
			c.SetWriteDeadline(time.Now().Add(time.Second))
			if i%2 == 0 {
				c.send(append(claim(90<<20), append(header(3, 9, true), piece...)...))
			} else {
				c.send(append(claim(90<<20), append(header(0, 3, false), append([]byte{255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0}, piece...)...)...))
			}
		}
		c := g.dial(t)
		defer c.Close()
		c.served()
	})
}

// Connections that are slow, half open, or gone in the middle.
func TestConnections(t *testing.T) {
	g := start(t)
	g.row("slowloris", func(t *testing.T) {
		frame := request(fetchOf("t", 0, 0, 1000))
		var all []*client
		for range 200 {
			c := g.dial(t)
			defer c.Close()
			all = append(all, c)
		}
		for _, x := range frame[:12] {
			for _, c := range all {
				c.send([]byte{x})
			}
		}
		for _, c := range all {
			c.send(frame[12:])
			if !c.ended() {
				t.Fatal("a slow but whole request was not answered")
			}
		}
	})
	g.row("half close after a request", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		c.send(request(kmsg.NewPtrApiVersionsRequest()))
		c.Conn.(*net.TCPConn).CloseWrite()
		c.ended()
	})
	g.row("reset in the middle", func(t *testing.T) {
		frame := request(produceOf("t", 0, batchOf(0, strings.Repeat("x", 5000))))
		for i := range 1000 {
			c := g.dial(t)
			c.send(frame[:1+(i*37)%(len(frame)-1)])
			c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	})
	g.row("reset while the answer is written", func(t *testing.T) {
		for range 500 {
			c := g.dial(t)
			c.send(request(fetchOf("honest", 0, 0, 1<<20)))
			c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	})
	g.t.Run("10,000 open and close", func(t *testing.T) {
		g.watch(t, 10*time.Second, func(t *testing.T) { // a connection costs about 0.3 ms of work in kernel and broker
			for range 10_000 {
				g.dial(t).Close()
			}
		})
	})
	g.row("100,000 requests, unread", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		many := bytes.Repeat(request(kmsg.NewPtrApiVersionsRequest()), 1000)
		c.SetWriteDeadline(time.Now().Add(3 * time.Second))
		sent := 0
		for range 100 {
			if _, err := c.Write(many); err != nil {
				break // the broker no longer reads: right so
			}
			sent++
		}
		time.Sleep(time.Second) // what it does with them counts too
		t.Logf("%d,000 were taken", sent)
	})
	g.row("10,000 requests at once, read in order", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		go func() {
			var b []byte
			for i := range 10_000 {
				h := header(18, 0, false)
				binary.BigEndian.PutUint32(h[4:], uint32(i))
				b = append(b, framed(h)...)
			}
			c.send(b)
		}()
		for i := range 10_000 {
			b, err := c.read()
			if err != nil || binary.BigEndian.Uint32(b) != uint32(i) {
				t.Fatalf("answer %d: %x %v", i, b[:min(8, len(b))], err)
			}
		}
	})
	g.row("answers to nobody", func(t *testing.T) {
		for range 300 {
			c := g.dial(t)
			f := fetchOf("t", 0, 0, 1000)
			f.MaxWaitMillis, f.MinBytes = 60_000, 1
			c.send(request(f))
			c.Close()
		}
	})
}
