package kafka

import (
	"net"
	"testing"
)

// ends is a connection that only has two addresses.
type ends struct {
	net.Conn
	here, there string
}

func (e ends) LocalAddr() net.Addr  { return tcpAddr(e.here) }
func (e ends) RemoteAddr() net.Addr { return tcpAddr(e.there) }

func tcpAddr(s string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(s), Port: 9092} }

// TestNear: only where both ends are on one host may the send buffer be small; over a long way it bounds what is under way.
func TestNear(t *testing.T) {
	for _, c := range []struct {
		here, there string
		near        bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.7", true},
		{"::1", "::1", true},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::2", false},
	} {
		if got := near(ends{here: c.here, there: c.there}); got != c.near {
			t.Errorf("%s to %s: near is %v", c.here, c.there, got)
		}
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if near(a) {
		t.Error("a pipe has no host, and is near")
	}
}
