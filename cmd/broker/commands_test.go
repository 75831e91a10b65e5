package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"troupe/cmd/broker/run"
)

// serving is a broker in this process that ends with the test.
func serving(t *testing.T) *run.Broker {
	t.Helper()
	b, err := run.Start(run.Config{
		DataDir: t.TempDir(), Memory: 128 << 20, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0",
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-b.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("not ready")
	}
	return b
}

// TestCommandLine runs commands against a broker in this process: what they print, and their exit codes.
func TestCommandLine(t *testing.T) {
	b := serving(t)
	do := func(in io.Reader, want int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errOut bytes.Buffer
		if got := execute(append(args, "--brokers", b.KafkaAddr(), "--timeout", "5s"), in, &out, &errOut); got != want {
			t.Fatalf("%q: exit %d, want %d: %s", args, got, want, errOut.String())
		}
		return out.String(), errOut.String()
	}
	do(nil, exitOK, "topic", "create", "a", "-p", "2")
	do(strings.NewReader("1\n2\n3\n"), exitOK, "topic", "produce", "a", "-p", "0")
	for _, c := range []struct{ offset, want string }{
		{"start", "1\n2\n3\n"}, {"-2", "2\n3\n"}, {"2", "3\n"}, {"end", ""}, {"99", ""}, {"@2199-01-01T00:00:00Z", ""}, {"@0", "1\n2\n3\n"},
	} {
		if out, _ := do(nil, exitOK, "topic", "consume", "a", "-e", "--offset="+c.offset); out != c.want {
			t.Errorf("--offset=%s printed %q, want %q", c.offset, out, c.want)
		}
	}
	do(nil, exitOK, "topic", "consume", "a", "-e", "-p", "1")
	if _, text := do(nil, exitNotFound, "topic", "consume", "a", "-e", "-p", "7"); !strings.Contains(text, "no partition 7") {
		t.Error(text)
	}
	do(nil, exitNotFound, "topic", "consume", "absent", "-e")
	do(nil, exitUsage, "topic", "consume", "a", "--offset", "x")
	for _, args := range [][]string{{"topic", "bogus"}, {"actor", "bogus"}, {"cluster", "bogus"}, {"bogus"}, {"help", "bogus"}, {"help", "topic", "bogus"}} {
		if _, text := do(nil, exitUsage, args...); !strings.Contains(text, `unknown command "bogus"`) {
			t.Errorf("%q: %s", args, text)
		}
	}
	if out, _ := do(nil, exitOK, "help", "topic", "create"); !strings.Contains(out, "broker topic create TOPIC...") {
		t.Error(out)
	}
	if _, text := do(strings.NewReader("x"), exitOK, "topic", "produce", "a"); text != "1 record produced to a\n" {
		t.Error(text)
	}
	do(nil, exitUsage, "group", "list", "--state", "stable,bogus")
	do(nil, exitOK, "group", "list", "--state", "stable,Empty")
	if _, text := do(nil, exitNotFound, "config", "describe", "topic", "absent"); !strings.Contains(text, "there is no such topic") {
		t.Error(text)
	}
	r, w := io.Pipe() // input without an end: the error must not wait for it
	go func() {
		for _, err := io.WriteString(w, "x\n"); err == nil; _, err = io.WriteString(w, "x\n") {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	do(r, exitNotFound, "topic", "produce", "a", "-p", "9")
	r.Close()
	if code := execute([]string{"start", "--data-dir", ""}, nil, io.Discard, io.Discard); code != exitUsage {
		t.Errorf("--data-dir '': exit %d", code)
	}
	if code := execute([]string{"topic", "list", "--brokers", ""}, nil, io.Discard, io.Discard); code != exitUsage {
		t.Errorf("--brokers '': exit %d", code)
	}
}

// TestDeadAddress: of several brokers one is dead, as is usual when somebody looks. Every command works through the others, each time.
func TestDeadAddress(t *testing.T) {
	b := serving(t)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := gone.Addr().String()
	gone.Close()
	for range 8 {
		var text bytes.Buffer
		args := []string{"group", "describe", "absent", "--brokers", dead + "," + b.KafkaAddr(), "--admin", b.AdminAddr()}
		if code := execute(args, nil, io.Discard, &text); code != exitNotFound {
			t.Fatalf("exit %d, want %d: %s", code, exitNotFound, text.String())
		}
	}
	if got := answering([]string{dead, dead}, time.Second); len(got) != 2 {
		t.Errorf("none answers, yet of two there are %v", got)
	}
}

// TestUnacknowledged: who cannot produce is told where the reason stands.
func TestUnacknowledged(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing, as a broker that stands still
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	var text bytes.Buffer
	code := execute([]string{"topic", "produce", "slow", "--timeout", "1s", "--brokers", deaf.Addr().String()}, strings.NewReader("x"), io.Discard, &text)
	if code != exitNoConnect || !strings.Contains(text.String(), "no acknowledgement within 1s; why: broker doctor") {
		t.Errorf("exit %d: %s", code, text.String())
	}
}

// TestHangUp: what takes connections and ends them is no matter of TLS, of which the client's library speaks.
func TestHangUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	for _, args := range [][]string{{"topic", "list"}, {"topic", "produce", "a", "--timeout", "1s"}} {
		var text bytes.Buffer
		code := execute(append(args, "--brokers", l.Addr().String()), strings.NewReader("x"), io.Discard, &text)
		if code != exitNoConnect || strings.Contains(text.String(), "TLS") {
			t.Errorf("%q: exit %d: %s", args, code, text.String())
		}
	}
	var text bytes.Buffer
	if code := execute([]string{"doctor", "--admin", l.Addr().String()}, nil, io.Discard, &text); code != exitNoConnect || !strings.Contains(text.String(), "is it the admin address") {
		t.Errorf("exit %d: %s", code, text.String())
	}
}

// TestIndex: the page of the admin address names what is served there, and nothing else.
func TestIndex(t *testing.T) {
	b := serving(t)
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + b.AdminAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	code, page := get("/")
	if code != http.StatusOK {
		t.Fatal(code)
	}
	n := 0
	for _, word := range strings.Fields(page) {
		if strings.HasPrefix(word, "/") {
			n++
			if code, _ := get(word); code != http.StatusOK {
				t.Errorf("%s: %d", word, code)
			}
		}
	}
	if n < 10 {
		t.Errorf("the page names %d paths", n)
	}
	if code, _ := get("/nothing"); code != http.StatusNotFound {
		t.Errorf("/nothing: %d", code)
	}
}

// TestUntilSecond: a signal that comes twice at once, as timeout(1) sends it, is one; a later one is a second wish.
func TestUntilSecond(t *testing.T) {
	signals, stop, second := make(chan os.Signal, 2), make(chan struct{}), make(chan struct{})
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM
	go func() { untilSecond(signals, stop, 200*time.Millisecond); close(second) }()
	<-stop
	select {
	case <-second:
		t.Fatal("the same signal counted twice")
	case <-time.After(300 * time.Millisecond):
	}
	signals <- syscall.SIGTERM
	select {
	case <-second:
	case <-time.After(10 * time.Second):
		t.Fatal("the second signal did not count")
	}
}

// TestWhoIsNotReached: an error names the broker that did not answer, which need not be one that was typed.
func TestWhoIsNotReached(t *testing.T) {
	f := func(brokers, op, address, want string, why error) {
		t.Helper()
		addr, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		err = kafkaError("list topics", brokers, fmt.Errorf("unable to dial: %w", &net.OpError{Op: op, Net: "tcp", Addr: addr, Err: why}))
		if exitCode(err) != exitNoConnect || err.Error() != "list topics: "+want {
			t.Errorf("exit %d: %s\nwant %s", exitCode(err), err, want)
		}
	}
	f("127.0.0.1:1", "dial", "127.0.0.1:1", "cannot reach 127.0.0.1:1: connection refused; is it running? try: broker start", syscall.ECONNREFUSED)
	f("localhost:1", "dial", "127.0.0.1:1", "cannot reach localhost:1: connection refused; is it running? try: broker start", syscall.ECONNREFUSED)
	f("127.0.0.1:1", "dial", "127.0.0.2:1", "cannot reach 127.0.0.2:1, a broker of the cluster at 127.0.0.1:1: connection refused; is it running? see: broker cluster status", syscall.ECONNREFUSED)
	f("127.0.0.1:1,127.0.0.2:1", "dial", "127.0.0.2:1", "cannot reach 127.0.0.2:1, a broker of the cluster at 127.0.0.1:1,127.0.0.2:1: connection refused; is it running? see: broker cluster status", syscall.ECONNREFUSED)
	f("127.0.0.1:1,127.0.0.2:1", "read", "127.0.0.1:1", "127.0.0.1:1 has not answered in time; why: broker doctor, broker trace open", os.ErrDeadlineExceeded)
}
