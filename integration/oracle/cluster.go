package oracle

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Place is where a node of a cluster listens, and where clients are told that it does.
type Place struct{ Listen, Advertise string }

// A Cluster is several nodes with fixed places; node ids count from 1. Each can be stopped and started again over its data. Its methods are
// safe for any goroutine.
type Cluster struct {
	Bootstrap string // all advertised places, comma-separated
	mu        sync.Mutex
	members   []*member
}

type member struct {
	listen string
	words  []string
	log    string
	cmd    *exec.Cmd
	ended  chan error
}

// StartKafkaCluster runs a node of Apache Kafka at each place; their data live in dir. Between each other they use addresses of their own.
// properties are KEY=VALUE; those that own gives are of one node.
func StartKafkaCluster(dir string, places []Place, own func(node int) []string, properties ...string) (*Cluster, error) {
	args := append([]string{"prepare", dir, fmt.Sprint(len(places))}, properties...)
	if out, err := exec.Command(Script(), args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("oracle prepare: %w: %s", err, out)
	}
	inside, err := FreeAddrs(len(places))
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	for i, p := range places {
		node := filepath.Join(dir, fmt.Sprint(i+1))
		if err := place(filepath.Join(node, "server.properties"), p, inside[i], own(i+1)); err != nil {
			return nil, err
		}
		c.members = append(c.members, &member{listen: p.Listen, words: []string{Script(), "run", node}, log: filepath.Join(node, "said")})
	}
	return c, c.start(places, kafkaStart)
}

// place adds to the properties of a prepared node where it listens, and what is its own. What is said last counts.
func place(file string, p Place, inside string, own []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, quorum, _ := strings.Cut(string(text), "CONTROLLER://")
	quorum, _, _ = strings.Cut(quorum, "\n")
	lines := append([]string{
		"listeners=PLAINTEXT://" + p.Listen + ",INSIDE://" + inside + ",CONTROLLER://" + quorum,
		"advertised.listeners=PLAINTEXT://" + p.Advertise + ",INSIDE://" + inside,
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"inter.broker.listener.name=INSIDE",
	}, own...)
	return os.WriteFile(file, append(text, strings.Join(lines, "\n")+"\n"...), 0o644)
}

// StartBrokers runs Troupe's binary at each place, as founders of one cluster; their data live in dir. own gives flags of one node.
func StartBrokers(bin, dir string, places []Place, own func(node int) []string, args ...string) (*Cluster, error) {
	ports, err := FreeAddrs(2 * len(places))
	if err != nil {
		return nil, err
	}
	peers, admins := ports[:len(places)], ports[len(places):]
	c := &Cluster{}
	for i, p := range places {
		home := filepath.Join(dir, fmt.Sprint(i+1))
		if err := os.MkdirAll(home, 0o755); err != nil {
			return nil, err
		}
		words := []string{bin, "start", "--data-dir", filepath.Join(home, "data"), "--listen", p.Listen, "--advertise", p.Advertise, "--admin", admins[i],
			"--peer-listen", peers[i], "--node-id", fmt.Sprint(i + 1), "--seeds", strings.Join(peers, ",")}
		words = append(append(words, args...), own(i+1)...)
		c.members = append(c.members, &member{listen: p.Listen, words: words, log: filepath.Join(home, "log")})
	}
	return c, c.start(places, brokerStart)
}

func (c *Cluster) start(places []Place, within time.Duration) error {
	var all []string
	for i, m := range c.members {
		all = append(all, places[i].Advertise)
		if err := m.launch(); err != nil {
			return errors.Join(err, c.Stop())
		}
	}
	c.Bootstrap = strings.Join(all, ",")
	for _, m := range c.members {
		if err := m.await(within); err != nil {
			return errors.Join(err, c.Stop())
		}
	}
	return nil
}

// StartNode starts a node that was stopped, and waits until it listens.
func (c *Cluster) StartNode(node int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[node-1]
	if m.cmd != nil {
		return nil
	}
	if err := m.launch(); err != nil {
		return err
	}
	return m.await(kafkaStart)
}

// StopNode ends a node in an orderly way, by force when that takes long.
func (c *Cluster) StopNode(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[node-1].end(syscall.SIGTERM)
}

// Stop ends all nodes at once: by force, for without each other they can do nothing in an orderly way.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		m.end(syscall.SIGKILL)
	}
	return nil
}

func (m *member) launch() error {
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(m.words[0], m.words[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	m.cmd, m.ended = cmd, make(chan error, 1)
	go func() { m.ended <- cmd.Wait() }()
	return nil
}

func (m *member) await(within time.Duration) error {
	for end := time.Now().Add(within); ; {
		if c, err := net.DialTimeout("tcp", m.listen, time.Second); err == nil {
			return c.Close()
		}
		select {
		case err := <-m.ended:
			m.cmd = nil
			text, _ := os.ReadFile(m.log)
			return fmt.Errorf("%s ended: %v: %s", m.words[0], err, lastLines(string(text), 5))
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(end) {
			return fmt.Errorf("nobody listens on %s within %v; see %s", m.listen, within, m.log)
		}
	}
}

func (m *member) end(by syscall.Signal) {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Signal(by)
	select {
	case <-m.ended:
	case <-time.After(brokerStop):
		_ = m.cmd.Process.Kill()
		<-m.ended
	}
	m.cmd = nil
}
