package run

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troupe/actors/node"
)

// authority vouches for brokers.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	made int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = a.put("ca.pem", "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a *authority) put(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// broker makes the files of a broker at a host that is an address, good for some uses.
func (a *authority) broker(name, host string, uses ...x509.ExtKeyUsage) PeerTLS {
	a.made++
	key := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1 + a.made), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(host)}, ExtKeyUsage: uses}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return PeerTLS{Cert: a.put(name+".pem", "CERTIFICATE", der), Key: a.put(name+".key", "EC PRIVATE KEY", raw), CA: a.file}
}

var bothUses = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}

// Brokers with certificates of one authority are a cluster; who has none, or one of another authority, is never let in, and does not let itself
// be led anywhere.
func TestPeersWithCertificates(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	with := func(f PeerTLS, join ...string) func(*Config) { return func(c *Config) { c.PeerTLS, c.Join = f, join } }
	first := serving(t, among(t, t.TempDir(), "127.0.0.1:0", with(ours.broker("one", "127.0.0.1", bothUses...))))
	second := serving(t, among(t, t.TempDir(), "127.0.0.1:0", with(ours.broker("two", "127.0.0.1"), first.PeerAddr())))
	eventually(t, "two in service", func() bool { return running(first) == 2 && running(second) == 2 })
	for name, f := range map[string]PeerTLS{"none": {}, "of others": others.broker("three", "127.0.0.1", bothUses...)} {
		b := among(t, t.TempDir(), "127.0.0.1:0", with(f, first.PeerAddr()))
		time.Sleep(300 * time.Millisecond)
		if b.NodeID() != 0 {
			t.Errorf("certificate %s: it is node %d", name, b.NodeID())
		}
		stop(t, b)
	}
	// Who knows the protocol and trusts anybody is let in no further.
	c, err := tls.Dial("tcp", first.PeerAddr(), &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = c.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %v", err)
	}
	if n := first.callers.Refused.Load(); n == 0 {
		t.Error("nobody was refused")
	}
}

// A certificate must be for the host that was dialled: a broker's own does not open other doors.
func TestPeerCertificateNamesItsHost(t *testing.T) {
	a := newAuthority(t)
	first := serving(t, among(t, t.TempDir(), "127.0.0.1:0", func(c *Config) { c.PeerTLS = a.broker("one", "127.0.0.2", bothUses...) }))
	b := among(t, t.TempDir(), "127.0.0.1:0", func(c *Config) {
		c.PeerTLS, c.Join = a.broker("two", "127.0.0.1", bothUses...), []string{first.PeerAddr()}
	})
	eventually(t, "why it does not join", func() bool { return strings.Contains(step(b, node.StepFound).WaitsFor, "127.0.0.2") })
	if b.NodeID() != 0 {
		t.Errorf("it is node %d", b.NodeID())
	}
}

func TestPeerCertificatesChecked(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	good := a.broker("good", "127.0.0.1", bothUses...)
	foreign, server := other.broker("foreign", "127.0.0.1", bothUses...), a.broker("server", "127.0.0.1", x509.ExtKeyUsageServerAuth)
	f := func(files PeerTLS, want string) {
		t.Helper()
		_, err := files.load()
		switch {
		case want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, new(UsageError)) || strings.Contains(err.Error(), "\n")):
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(PeerTLS{}, "")
	f(good, "")
	f(PeerTLS{Cert: good.Cert, Key: good.Key}, "belong together")
	f(PeerTLS{CA: good.CA}, "belong together")
	f(PeerTLS{good.Cert, good.Key, good.Key}, "no certificate in PEM")
	f(PeerTLS{good.Cert, foreign.Key, good.CA}, "does not match")
	f(PeerTLS{good.Cert, good.Key, "/nowhere"}, "no such file")
	f(PeerTLS{good.Cert + "x", good.Key, good.CA}, "no such file")
	f(PeerTLS{foreign.Cert, foreign.Key, good.CA}, "other brokers will not take it: as a server's")
	f(PeerTLS{server.Cert, server.Key, server.CA}, "other brokers will not take it: as a client's")
}

// New files count without a restart; what is half written does not stop what works.
func TestPeerCertificateIsReadAgain(t *testing.T) {
	a := newAuthority(t)
	files := a.broker("one", "127.0.0.1", bothUses...)
	conf, err := files.load()
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		got, err := conf.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}
	was := serial()
	a.broker("one", "127.0.0.1", bothUses...)
	now := serial()
	if now != was+1 {
		t.Errorf("serial %d after %d", now, was)
	}
	if err := os.WriteFile(files.Cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != now {
		t.Errorf("serial %d after %d", got, now)
	}
}
