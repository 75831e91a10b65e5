package kafka

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/kafka/api"
)

// fixture is a door on loopback over the real kit, with a table of the test's own.
type fixture struct {
	t    *testing.T
	sys  *kit.Troupe
	env  *api.Env
	s    *Server
	addr string
	log  *bytes.Buffer
}

func newFixture(t *testing.T, cfg Config) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &bytes.Buffer{}}
	f.sys = kit.New(slog.New(slog.NewTextHandler(io.Discard, nil)), 4)
	f.env = &api.Env{Published: &node.Published{}, NodeID: 1, ClusterID: func() string { return "test-cluster" }}
	f.env.Published.Set(node.ViewWith(meta.NewImage(), 1, nil))
	cfg.Trace = trace.New(trace.Options{Now: f.sys.Nanos})
	f.s = NewServer(f.env, f.sys, cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	f.s.Serve(l)
	t.Cleanup(func() {
		f.s.Close(5 * time.Second)
		if n := f.s.RequestBytes(); n != 0 {
			t.Errorf("%d bytes of requests are still charged", n)
		}
		for end := time.Now().Add(5 * time.Second); cfg.Trace.Counts().Open > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) { // the last writes end a moment after their connections
				t.Fatalf("records of requests that will never end: %+v", cfg.Trace.Open())
			}
		}
	})
	return f
}

// client is one raw connection.
type client struct {
	t *testing.T
	net.Conn
}

func (f *fixture) dial() *client {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{f.t, c}
}

// request is one framed request with header.
func request(correlation int32, clientID *string, req kmsg.Request) []byte {
	b := make([]byte, 4, 64)
	b = binary.BigEndian.AppendUint16(b, uint16(req.Key()))
	b = binary.BigEndian.AppendUint16(b, uint16(req.GetVersion()))
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	if clientID == nil {
		b = binary.BigEndian.AppendUint16(b, 0xffff)
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(len(*clientID)))
		b = append(b, *clientID...)
	}
	if req.IsFlexible() {
		b = append(b, 0)
	}
	b = req.AppendTo(b)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads one frame.
func (c *client) answer() (correlation int32, body []byte) {
	c.t.Helper()
	correlation, body, err := c.try()
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	return correlation, body
}

func (c *client) try() (correlation int32, body []byte, err error) {
	var h [4]byte
	if _, err = io.ReadFull(c, h[:]); err != nil {
		return 0, nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(h[:]))
	if _, err = io.ReadFull(c, b); err != nil {
		return 0, nil, err
	}
	return int32(binary.BigEndian.Uint32(b)), b[4:], nil
}

// closed demands that the other side has closed without an answer.
func (c *client) closed() {
	c.t.Helper()
	if n, body, err := c.try(); err == nil {
		c.t.Fatalf("an answer %d of %d bytes instead of a closed connection", n, len(body))
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		c.t.Fatal("the connection stays open")
	}
}

// decode reads an answer into resp.
func (c *client) decode(correlation int32, resp kmsg.Response) {
	c.t.Helper()
	got, body := c.answer()
	if got != correlation {
		c.t.Fatalf("answer %d, want %d", got, correlation)
	}
	if resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions) {
		if len(body) == 0 || body[0] != 0 {
			c.t.Fatalf("no empty tags in the header: %x", body)
		}
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		c.t.Fatal(err)
	}
}

func apiVersionsRequest(version int16) *kmsg.ApiVersionsRequest {
	r := kmsg.NewPtrApiVersionsRequest()
	r.SetVersion(version)
	r.ClientSoftwareName, r.ClientSoftwareVersion = "troupe-test", "1.0"
	return r
}

// apiVersions proves that the connection still answers.
func (c *client) apiVersions(version int16) *kmsg.ApiVersionsResponse {
	c.t.Helper()
	c.send(request(77, nil, apiVersionsRequest(version)))
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.SetVersion(version)
	c.decode(77, resp)
	return resp
}

func TestApiVersions(t *testing.T) {
	f := newFixture(t, Config{})
	c := f.dial()
	for v := int16(0); v <= 4; v++ {
		resp := c.apiVersions(v)
		if resp.ErrorCode != 0 || len(resp.ApiKeys) != len(api.Table) {
			t.Fatalf("v%d: code %d, %d keys", v, resp.ErrorCode, len(resp.ApiKeys))
		}
		for i, k := range resp.ApiKeys {
			if e := api.Table[i]; k.ApiKey != e.Key || k.MinVersion != e.Min || k.MaxVersion != e.Max {
				t.Errorf("v%d: %+v, want %+v", v, k, e)
			}
		}
	}
}

func TestApiVersionsUnknownVersion(t *testing.T) {
	f := newFixture(t, Config{})
	c := f.dial()
	for _, v := range []int16{99, -1, 5} {
		r := apiVersionsRequest(4)
		b := request(5, nil, r)
		binary.BigEndian.PutUint16(b[6:], uint16(v))
		c.send(b)
		resp := kmsg.NewPtrApiVersionsResponse()
		c.decode(5, resp)
		if resp.ErrorCode != 35 || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].ApiKey != 18 || resp.ApiKeys[0].MaxVersion != 4 {
			t.Errorf("v%d: %+v", v, resp)
		}
	}
	c.apiVersions(0)
}

func TestClientSoftware(t *testing.T) {
	f := newFixture(t, Config{})
	c := f.dial()
	long := string(bytes.Repeat([]byte("a"), 3000))
	for _, x := range []struct {
		name, version string
		code          int16
	}{
		{"apache-kafka-java", "4.1.0", 0}, {"a", "1", 0}, {long, "1", 0}, {"a.b-c", "v1.0-rc.1", 0},
		{"", "1", 42}, {" ", "1", 42}, {"-a", "1", 42}, {"a_b", "1", 42}, {"a", "", 42}, {"a-", "1", 42}, {"ä", "1", 42},
	} {
		r := apiVersionsRequest(3)
		r.ClientSoftwareName, r.ClientSoftwareVersion = x.name, x.version
		c.send(request(9, nil, r))
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.SetVersion(3)
		c.decode(9, resp)
		if resp.ErrorCode != x.code || (x.code != 0) != (len(resp.ApiKeys) == 0) {
			t.Errorf("%.10q %q: code %d with %d keys, want %d", x.name, x.version, resp.ErrorCode, len(resp.ApiKeys), x.code)
		}
	}
}

func TestSaslWithoutSasl(t *testing.T) {
	f := newFixture(t, Config{})
	c := f.dial()
	for v := int16(0); v <= 1; v++ {
		r := kmsg.NewPtrSASLHandshakeRequest()
		r.SetVersion(v)
		r.Mechanism = "PLAIN"
		c.send(request(1, nil, r))
		resp := kmsg.NewPtrSASLHandshakeResponse()
		resp.SetVersion(v)
		c.decode(1, resp)
		if resp.ErrorCode != 34 {
			t.Errorf("handshake v%d: %d", v, resp.ErrorCode)
		}
	}
	for v := int16(0); v <= 2; v++ {
		r := kmsg.NewPtrSASLAuthenticateRequest()
		r.SetVersion(v)
		r.SASLAuthBytes = []byte("\x00a\x00b")
		c.send(request(1, nil, r))
		resp := kmsg.NewPtrSASLAuthenticateResponse()
		resp.SetVersion(v)
		c.decode(1, resp)
		if resp.ErrorCode != 34 {
			t.Errorf("authenticate v%d: %d", v, resp.ErrorCode)
		}
	}
}
