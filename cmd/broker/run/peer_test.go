package run

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Beyond loopback nobody is let in without a secret, unless that was said to be meant.
func TestPeerSecretNeeded(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		c.DataDir = t.TempDir()
		_, err := c.WithDefaults()
		switch {
		case want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, new(UsageError))):
			t.Errorf("got %v, want %q", err, want)
		}
	}
	secret := []byte("0123456789abcdef")
	f(Config{}, "")
	f(Config{PeerListen: "localhost:9093"}, "")
	f(Config{PeerListen: "0.0.0.0:9093"}, "must show a secret")
	f(Config{PeerListen: ":9093"}, "must show a secret")
	f(Config{PeerListen: "192.0.2.1:9093"}, "must show a secret")
	f(Config{PeerListen: "192.0.2.1:9093", InsecurePeers: true}, "")
	f(Config{PeerListen: "192.0.2.1:9093", PeerSecret: secret}, "")
	f(Config{PeerListen: "192.0.2.1:9093", PeerTLS: PeerTLS{Cert: "c", Key: "k", CA: "a"}}, "") // the files are looked at when it starts
	f(Config{PeerSecret: secret[:15]}, "at least 16")
}

// A stranger at the peer address learns nothing but that it is none of ours, and is counted.
func TestPeerAddressRefusesStrangers(t *testing.T) {
	b := serving(t, start(t, t.TempDir()))
	defer stop(t, b)
	c, err := net.Dial("tcp", b.PeerAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte(strings.Repeat("GET / HTTP/1.1\r\n", 10)))
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	said, err := io.ReadAll(c)
	if len(said) > 0 || errors.Is(err, net.ErrClosed) || isTimeout(err) {
		t.Errorf("a stranger was told %q, %v", said, err)
	}
	for end := time.Now().Add(5 * time.Second); b.callers.Refused.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d refused", b.callers.Refused.Load())
		}
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
