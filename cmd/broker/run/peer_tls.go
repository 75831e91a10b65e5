package run

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
)

// PeerTLS are the files by which brokers know each other: PEM. All three are given, or none.
type PeerTLS struct {
	Cert string // this broker's certificate, with those between it and the authority's; both sides of a connection show theirs
	Key  string
	CA   string // certificates of the authorities that may vouch for brokers
}

func (f PeerTLS) given() bool { return f != PeerTLS{} }

// load is how brokers connect to each other; nil: in plain text.
//
// Certificate and key are read again for each connection, so that new ones count without a restart; when they cannot be read, the last ones
// that could be go on.
func (f PeerTLS) load() (*tls.Config, error) {
	if !f.given() {
		return nil, nil
	}
	if f.Cert == "" || f.Key == "" || f.CA == "" {
		return nil, usagef("--peer-tls-cert, --peer-tls-key and --peer-tls-ca belong together: name all three")
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, usagef("--peer-tls-ca: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usagef("--peer-tls-ca %s: no certificate in PEM is in it", f.CA)
	}
	own := &certificate{files: f}
	if err := own.read(); err != nil {
		return nil, usagef("--peer-tls-cert %s, --peer-tls-key %s: %v", f.Cert, f.Key, err)
	}
	if err := own.vouchedFor(pool); err != nil {
		return nil, usagef("--peer-tls-cert %s: other brokers will not take it: %v", f.Cert, err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.latest(), nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.latest(), nil },
	}, nil
}

// certificate is this broker's, as its files had it last.
type certificate struct {
	files PeerTLS
	mu    sync.Mutex
	pair  *tls.Certificate
}

func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pair = &pair
	return nil
}

func (c *certificate) latest() *tls.Certificate {
	_ = c.read() // the last one serves until it expires; a handshake that it does not serve any more says so at both sides
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair
}

// vouchedFor says why a broker with the same authorities would refuse the certificate: it must serve for both sides of a connection.
func (c *certificate) vouchedFor(authorities *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, der := range c.pair.Certificate[1:] {
		if x, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(x)
		}
	}
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		_, err := c.pair.Leaf.Verify(x509.VerifyOptions{Roots: authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{use}})
		if err != nil {
			side := map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "as a server's", x509.ExtKeyUsageClientAuth: "as a client's"}[use]
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	return nil
}
