package main

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// straggle is how long the other addresses have once one has answered.
const straggle = 100 * time.Millisecond

// briefClient is a client for a command that ends soon: it knows only those of --brokers that take connections now. The library sends a few
// requests (who coordinates a group?) to one address, and gives up if that one is dead. The caller closes it.
func (c *cli) briefClient() (*kgo.Client, error) {
	return c.clientOf(answering(splitList(c.brokers), c.timeout))
}

// answering are the addresses that take a connection; all of them if none does, so that the error comes from who uses them.
func answering(addrs []string, within time.Duration) []string {
	if len(addrs) < 2 {
		return addrs
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	took := make(chan string, len(addrs))
	for _, a := range addrs {
		go func() {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", withPort(a))
			if err != nil {
				took <- ""
				return
			}
			conn.Close()
			took <- a
		}()
	}
	var live []string
	var late <-chan time.Time
	for range addrs {
		select {
		case a := <-took:
			if a == "" {
				continue
			}
			if live = append(live, a); late == nil {
				late = time.After(straggle)
			}
		case <-late:
			return live
		}
	}
	if len(live) == 0 {
		return addrs
	}
	return live
}

// withPort is an address with the port that a Kafka client takes where none is named.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return net.JoinHostPort(addr, "9092")
	}
	return addr
}
