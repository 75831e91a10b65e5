package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"troupe/integration/oracle"
)

// The targets.
const (
	kafka  = "kafka"
	troupe = "troupe"
	nobody = "none"
)

// startTarget starts a fresh broker as the suite wants it. Its folder is removed by Stop of the node's successor: each run
// empties the folder of the run before it, so that the log of a failed run is still there to read.
func startTarget(cache cache, o options, s suite) (*target, error) {
	port := s.broker.port
	if port == 0 {
		var err error
		if port, err = freePort(); err != nil {
			return nil, err
		}
	}
	listen := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if err := unused(listen); err != nil {
		return nil, err
	}
	dir := filepath.Join(cache.dir, "brokers", o.target+"-"+s.name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	advertised := listen
	if s.broker.advertise != "" {
		advertised = net.JoinHostPort(s.broker.advertise, strconv.Itoa(port))
	}
	switch o.target {
	case nobody:
		return nodeTarget(oracle.At(advertised), advertised), nil
	case kafka:
		if err := os.Setenv("ORACLE_PORT", strconv.Itoa(port)); err != nil {
			return nil, err
		}
		n, err := oracle.StartKafka(dir, append(s.broker.properties, "advertised.listeners=PLAINTEXT://"+advertised)...)
		if err != nil {
			return nil, err
		}
		return nodeTarget(n, advertised), nil
	case troupe:
		n, err := startTroupe(cache, o, dir, listen, advertised, s.broker.properties)
		if err != nil {
			return nil, err
		}
		return nodeTarget(n, advertised), nil
	}
	return nil, fmt.Errorf("no target %q: say kafka, troupe or none", o.target)
}

func startTroupe(cache cache, o options, dir, listen, advertised string, properties []string) (*oracle.Node, error) {
	bin := o.binary
	if bin == "" {
		var err error
		if bin, err = oracle.Build(cache.dir); err != nil {
			return nil, err
		}
	}
	// The oracle's one difference from Kafka's defaults that clients see, beside replication of internal topics.
	args := []string{"--listen", listen, "--advertise", advertised, "--set", "group.initial.rebalance.delay.ms=0"}
	for _, p := range properties {
		args = append(args, "--set", p)
	}
	return oracle.StartBroker(bin, dir, args...)
}

func nodeTarget(n *oracle.Node, advertised string) *target {
	return &target{bootstrap: advertised, stop: n.Stop}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// unused fails if somebody listens: a suite with a fixed port would test that broker instead.
func unused(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%s is taken, and this suite needs it: %w", addr, err)
	}
	return l.Close()
}
