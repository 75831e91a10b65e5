package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	saramaVersion = "v1.61.1"
	saramaListen  = 39091
	saramaFront   = 29091 // sarama's tests name it
	saramaNodes   = 5
	proxyModule   = "github.com/Shopify/toxiproxy/v2"
	proxyVersion  = "v2.5.0"
)

// saramaFunctional is sarama's own functional suite. It wants five brokers with toxiproxy before them, and stops and starts them by docker
// compose: a program of that name asks us instead.
var saramaFunctional = suite{
	name: "sarama-functional", version: saramaVersion,
	broker: settings{nodes: saramaNodes, port: saramaListen, front: saramaFront, properties: []string{
		"default.replication.factor=2", "offsets.topic.replication.factor=2", "transaction.state.log.replication.factor=2",
		"auto.create.topics.enable=false", "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
	}},
	get: getFunctional,
	run: runFunctional,
}

func getFunctional(c cache) error {
	if _, err := c.module("github.com/IBM/sarama", saramaVersion); err != nil {
		return err
	}
	dir, err := c.module(proxyModule, proxyVersion)
	if err != nil {
		return err
	}
	return c.once("toxiproxy "+proxyVersion, func() error {
		return command(dir, "go", "build", "-mod=mod", "-o", c.path("toxiproxy"), "./cmd/server")
	})
}

func runFunctional(j job) (results, error) {
	dir, err := j.cache.module("github.com/IBM/sarama", saramaVersion)
	if err != nil {
		return nil, err
	}
	proxy, stop, err := startProxy(j)
	if err != nil {
		return nil, err
	}
	defer stop()
	bin, done, err := fakeDocker(j)
	if err != nil {
		return nil, err
	}
	defer done()
	g := goSuite{timeout: 20 * time.Minute, env: func(string) []string {
		return []string{"GOFLAGS=-mod=mod -tags=functional", "TOXIPROXY_ADDR=" + proxy, "KAFKA_VERSION=4.3.1", "PATH=" + bin + ":" + os.Getenv("PATH")}
	}}
	return g.test(j, dir)
}

// startProxy runs toxiproxy before the nodes and gives the address of its API.
func startProxy(j job) (api string, stop func(), err error) {
	type proxy struct {
		Name     string `json:"name"`
		Listen   string `json:"listen"`
		Upstream string `json:"upstream"`
		Enabled  bool   `json:"enabled"`
	}
	var all []proxy
	for i := range saramaNodes {
		all = append(all, proxy{fmt.Sprintf("kafka%d", i+1), local(saramaFront + i), local(saramaListen + i), true})
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", nil, err
	}
	file := j.cache.path("toxiproxy.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return "", nil, err
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(j.cache.path("toxiproxy"), "-host", "127.0.0.1", "-port", strconv.Itoa(port), "-config", file)
	cmd.Stdout, cmd.Stderr = j.log, j.log
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	for range 100 {
		if c, err := net.Dial("tcp", local(saramaFront+saramaNodes-1)); err == nil {
			c.Close()
			return "http://" + local(port), stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("toxiproxy does not listen; see %s", j.log.Name())
}

// fakeDocker makes a program docker that stops and starts nodes: `docker compose stop kafka-2`. It gives the program's folder.
func fakeDocker(j job) (dir string, done func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verb, service, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		node, err := strconv.Atoi(strings.TrimPrefix(service, "kafka-"))
		switch {
		case err != nil || node < 1 || node > saramaNodes:
			err = fmt.Errorf("no service %q", service)
		case verb == "stop":
			j.cluster.StopNode(node)
		case verb == "start":
			err = j.cluster.StartNode(node)
		default:
			err = fmt.Errorf("docker compose %s is not known here", verb)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	go func() { _ = srv.Serve(l) }() // ends with Close
	dir = j.cache.path("docker")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	script := fmt.Sprintf(`#!/usr/bin/env bash
# docker compose stop|start SERVICE, answered by the run of the suite.
[ "$1" = compose ] && [ $# = 3 ] || exit 1
exec 3<>/dev/tcp/127.0.0.1/%d
printf 'GET /%%s/%%s HTTP/1.0\r\n\r\n' "$2" "$3" >&3
read -r _ code _ <&3
[ "$code" = 200 ]
`, port)
	return dir, func() { _ = srv.Close() }, os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755)
}
