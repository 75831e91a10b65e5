package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"troupe/integration/oracle"
)

// A target is what a suite runs against: one node, or a cluster whose nodes the suite may stop and start.
type target struct {
	bootstrap string
	cluster   *oracle.Cluster // nil: it is one node
	stop      func() error
}

// startCluster starts as many fresh nodes as the suite wants. Where it wants to stand between nodes and clients itself, nodes advertise its
// ports: 100 and more below those that they listen on.
func startCluster(cache cache, o options, s suite) (*target, error) {
	dir := filepath.Join(cache.dir, "brokers", o.target+"-"+s.name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	places, err := s.broker.places()
	if err != nil {
		return nil, err
	}
	var c *oracle.Cluster
	switch o.target {
	case kafka:
		own := func(node int) []string { return []string{fmt.Sprintf("broker.rack=%d", node)} }
		c, err = oracle.StartKafkaCluster(dir, places, own, s.broker.properties...)
	case troupe:
		bin := o.binary
		if bin == "" {
			if bin, err = oracle.Build(cache.dir); err != nil {
				return nil, err
			}
		}
		args := []string{"--memory", "512MiB", "--set", "group.initial.rebalance.delay.ms=0"}
		for _, p := range s.broker.properties {
			args = append(args, "--set", p)
		}
		c, err = oracle.StartBrokers(bin, dir, places, func(node int) []string { return []string{"--rack", fmt.Sprint(node)} }, args...)
	default:
		return nil, fmt.Errorf("%s wants %d nodes: say kafka or troupe", s.name, s.broker.nodes)
	}
	if err != nil {
		return nil, err
	}
	return &target{bootstrap: c.Bootstrap, cluster: c, stop: c.Stop}, nil
}

// places of the nodes: any free ones, or from listen and advertised on.
func (s settings) places() (all []oracle.Place, err error) {
	for i := range s.nodes {
		listen := s.port + i
		if s.port == 0 {
			if listen, err = freePort(); err != nil {
				return nil, err
			}
		}
		p := oracle.Place{Listen: local(listen), Advertise: local(listen)}
		if s.front != 0 {
			p.Advertise = local(s.front + i)
		}
		for _, address := range []string{p.Listen, p.Advertise} {
			if err := unused(address); err != nil {
				return nil, err
			}
		}
		all = append(all, p)
	}
	return all, nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
