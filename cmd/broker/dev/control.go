package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"troupe/cmd/broker/run"
)

// Order is what broker dev kill and its like ask of a playground that runs.
type Order struct {
	Do    string  `json:"do"` // kill, pause, partition, heal
	Node  int     `json:"node,omitempty"`
	Sides [][]int `json:"sides,omitempty"`
}

// orderMax bounds an order, in bytes.
const orderMax = 4 << 10

// Socket is where the playground whose node 1 serves clients on port takes orders: a socket that only its user can open.
func Socket(port int) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("broker-dev-%d-%d.sock", os.Getuid(), port))
}

// Control takes orders until it is closed.
type Control struct{ server *http.Server }

// Serve takes orders for a playground. A socket that nobody answers on any more is replaced.
func (c *Cluster) Serve() (*Control, error) {
	path := Socket(c.o.Port)
	if nc, err := net.Dial("unix", path); err == nil {
		nc.Close()
		return nil, run.ConflictError{Text: fmt.Sprintf("another playground runs on port %d", c.o.Port)}
	}
	os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	s := &http.Server{Handler: http.HandlerFunc(c.handle), ReadHeaderTimeout: time.Second, ReadTimeout: time.Second}
	go s.Serve(l)
	return &Control{s}, nil
}

// Close ends it, with its socket.
func (c *Control) Close() { c.server.Close() }

// handle answers an order: 204, or an error as text.
func (c *Cluster) handle(w http.ResponseWriter, r *http.Request) {
	var o Order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, orderMax)).Decode(&o); err != nil || r.Method != http.MethodPost {
		http.Error(w, "want an order in a POST", http.StatusBadRequest)
		return
	}
	err := c.do(o)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.As(err, new(NotFoundError)):
		http.Error(w, err.Error(), http.StatusNotFound)
	case errors.As(err, new(run.UsageError)):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case errors.As(err, new(run.ConflictError)):
		http.Error(w, err.Error(), http.StatusConflict)
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (c *Cluster) do(o Order) error {
	switch o.Do {
	case "kill":
		return c.Kill(o.Node)
	case "pause":
		return c.Pause(o.Node)
	case "partition":
		return c.Partition(o.Sides)
	case "heal":
		return c.Heal()
	default:
		return run.UsageError{Text: fmt.Sprintf("order %q: want kill, pause, partition or heal", o.Do)}
	}
}

// NotFoundError names a node that the playground has not.
type NotFoundError struct{ Text string }

func (e NotFoundError) Error() string { return e.Text }

// ErrNotRunning says that no playground takes orders there.
var ErrNotRunning = errors.New("no playground runs there")

// Send gives an order to the playground of port, and waits until it is done.
func Send(ctx context.Context, port int, o Order) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	d := net.Dialer{}
	hc := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", Socket(port))
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://dev/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := hc.Do(req)
	if op := new(net.OpError); errors.As(err, &op) && op.Op == "dial" {
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, orderMax))
	if err != nil {
		return err
	}
	said := string(bytes.TrimSpace(text))
	switch resp.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusNotFound:
		return NotFoundError{said}
	case http.StatusBadRequest:
		return run.UsageError{Text: said}
	case http.StatusConflict:
		return run.ConflictError{Text: said}
	default:
		return errors.New(said)
	}
}
