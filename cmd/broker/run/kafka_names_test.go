package run

import (
	"fmt"
	"strings"
	"testing"
)

// The configuration of a Kafka starts a broker that is found where that Kafka was; flags go before it.
func TestKafkaNames(t *testing.T) {
	f := func(c Config, want string, pairs ...string) {
		t.Helper()
		c.Static = map[string]string{}
		for _, p := range pairs {
			k, v, _ := strings.Cut(p, "=")
			c.Static[k] = v
		}
		got, err := c.withKafkaNames()
		text := fmt.Sprintf("%d %s %s %v %s", got.NodeID, got.DataDir, got.Rack, got.Listen, got.Advertise)
		if err != nil {
			text = err.Error()
		}
		if text != want {
			t.Errorf("%v: %s, want %s", pairs, text, want)
		}
	}
	kraft := []string{"process.roles=broker,controller", "node.id=3", "controller.quorum.voters=3@localhost:9093", "controller.listener.names=CONTROLLER",
		"listeners=PLAINTEXT://:9092,CONTROLLER://:9093", "advertised.listeners=PLAINTEXT://localhost:9092", "log.dirs=/tmp/kraft-combined-logs",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "broker.rack=r1"}
	f(Config{}, "3 /tmp/kraft-combined-logs r1 [:9092] localhost:9092", kraft...)
	f(Config{NodeID: 7, DataDir: "d", Rack: "r", Listen: []string{"h:1"}, Advertise: "a:2"}, "7 d r [h:1] a:2", kraft...)
	f(Config{}, "4   [127.0.0.1:1] ", "broker.id=4", "listeners=INTERNAL://127.0.0.1:1", "listener.security.protocol.map=INTERNAL:PLAINTEXT")
	f(Config{}, "0 x  [] ", "log.dir=x", "broker.id=-1")
	f(Config{}, "property listeners: SECURE speaks SSL, and there is no TLS or SASL yet", "listeners=SECURE://:1", "listener.security.protocol.map=SECURE:SSL")
	f(Config{}, "property listeners: listener.security.protocol.map does not say what X is", "listeners=x://:1")
	f(Config{}, `property listeners: "127.0.0.1:9092": want NAME://HOST:PORT, such as PLAINTEXT://127.0.0.1:9092`, "listeners=127.0.0.1:9092")
	f(Config{}, "property log.dirs=a,b: one folder is used here; name it, or say --data-dir", "log.dirs=a,b")
	f(Config{}, "property node.id=0: want 1 or more", "node.id=0")
	f(Config{}, "property controller.quorum.voters=1@a:1,2@b:1: it names no founders here; say --seeds with the peer addresses of all of them, or leave it out for one node", "controller.quorum.voters=1@a:1,2@b:1")
	f(Config{Join: []string{"a:1"}}, "0   [] ", "controller.quorum.voters=1@a:1,2@b:1")
}

func TestStaticIsChecked(t *testing.T) {
	for key, want := range map[string]string{
		"num.partitons":                    `unknown property "num.partitons"; did you mean num.partitions?`,
		"log.retention.ms":                 "property log.retention.ms=0: must be unlimited (-1) or, greater than or equal to 1",
		"num.partitions":                   "property num.partitions=0: Invalid value 0 for configuration num.partitions: Value must be at least 1",
		"max.connections.per.ip.overrides": `property max.connections.per.ip.overrides=0: "0": want ADDRESS:COUNT`,
	} {
		_, err := Config{Static: map[string]string{key: "0"}}.WithDefaults()
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", key, err, want)
		}
	}
}
