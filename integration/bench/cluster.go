package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"troupe/integration/oracle"
)

// troupeCluster is three processes of the binary, founders of one cluster, on fixed ports, so that each can be started again.
type troupeCluster struct {
	o     options
	dir   string
	nodes []*troupe
}

func (t *troupeCluster) start() (running, error) {
	addrs, err := oracle.FreeAddrs(2 * nodes)
	if err != nil {
		return running{}, err
	}
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return running{}, err
	}
	seeds := strings.Join(addrs[nodes:], ",")
	for i := range nodes {
		n := newTroupe(t.o, filepath.Join(t.dir, fmt.Sprint(i+1)))
		n.listen = addrs[i]
		n.args = append(n.args, "--node-id", fmt.Sprint(i+1), "--peer-listen", addrs[nodes+i], "--seeds", seeds)
		t.nodes = append(t.nodes, n)
	}
	all, errs := make([]running, nodes), make([]error, nodes)
	var done sync.WaitGroup
	for i, n := range t.nodes {
		done.Go(func() { all[i], errs[i] = n.start() })
	}
	done.Wait()
	r := running{boot: strings.Join(addrs[:nodes], ",")}
	for _, one := range all {
		r.pids, r.ready = append(r.pids, one.pids...), max(r.ready, one.ready)
	}
	return r, errors.Join(errs...)
}

func (t *troupeCluster) stop() error {
	errs := make([]error, len(t.nodes))
	var done sync.WaitGroup
	for i, n := range t.nodes {
		done.Go(func() { errs[i] = n.stop() })
	}
	done.Wait()
	return errors.Join(errs...)
}

// kill ends the process of a node at once (kill -9), as a crash would.
func (t *troupe) kill() error {
	err := t.cmd.Process.Kill()
	_ = t.cmd.Wait() // says that it was killed
	t.cmd = nil
	return err
}

func (t *troupe) signal(s syscall.Signal) error { return t.cmd.Process.Signal(s) }

// kafkaCluster is three nodes of Apache Kafka, started by the oracle script.
type kafkaCluster struct {
	o    options
	dir  string
	pids []int
}

func (k *kafkaCluster) start() (running, error) {
	began := time.Now()
	out, err := exec.Command(k.o.oracle, "cluster", k.dir, fmt.Sprint(nodes)).Output()
	for i := range nodes {
		if pid, err := pidOf(filepath.Join(k.dir, fmt.Sprint(i+1))); err == nil {
			k.pids = append(k.pids, pid)
		}
	}
	if err != nil {
		return running{}, fmt.Errorf("oracle cluster: %w", err)
	}
	return running{boot: strings.TrimSpace(string(out)), pids: k.pids, ready: time.Since(began)}, nil
}

func (k *kafkaCluster) stop() (err error) {
	for _, pid := range k.pids {
		err = errors.Join(err, endKafka(pid))
	}
	return err
}
