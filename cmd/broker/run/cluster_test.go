package run

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"troupe/actors/controller"
	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
)

func read(t *testing.T, b *Broker, path string) string {
	t.Helper()
	resp, err := http.Get("http://" + b.AdminAddr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%.2000s", path, resp.Status, err, body)
	}
	return string(body)
}

func view(t *testing.T, b *Broker) (x admin.Cluster) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, b, "/api/v1/cluster")), &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// Three brokers, seen from each: all in service, one of them leads; metrics and doctor say so. One goes in order, and is missed as fenced.
func TestClusterView(t *testing.T) {
	first := t.TempDir()
	list := []*Broker{among(t, first, "127.0.0.1:0", func(*Config) {})}
	for range 2 {
		list = append(list, among(t, t.TempDir(), "127.0.0.1:0", func(c *Config) { c.Join = []string{list[0].PeerAddr()} }))
	}
	for _, b := range list {
		eventually(t, "ready", func() bool { return b.steps.Ready() })
	}
	leaders := 0
	for _, b := range list {
		var x admin.Cluster
		eventually(t, "all in service", func() bool {
			x = view(t, b)
			up := 0
			for _, n := range x.Nodes {
				if n.State == "running" && (n.Link == "up" || n.ID == x.NodeID) && n.Peer != "" && n.Address != "" && n.Epoch > 0 {
					up++
				}
			}
			return up == 3 && x.Controller > 0
		})
		want := "broker_active_controller 0"
		if x.Active {
			leaders++
			want = "broker_active_controller 1"
		}
		for _, line := range []string{want, "broker_fenced_brokers 0", "broker_lost_links 0", "broker_leaderless_partitions 0", "broker_under_replicated_partitions 0"} {
			eventually(t, "metrics with "+line, func() bool { return strings.Contains(read(t, b, "/metrics"), "\n"+line+"\n") })
		}
		if found := read(t, b, "/api/v1/doctor"); strings.Contains(found, "node-out") || strings.Contains(found, "link-down") {
			t.Error(found)
		}
	}
	if leaders != 1 {
		t.Errorf("%d controllers act", leaders)
	}
	begin := time.Now()
	stop(t, list[0])
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("an orderly end took %s", took)
	}
	if id := identity(t, first); id.CleanEpoch <= 0 {
		t.Error("no mark of a clean shutdown")
	}
	for _, b := range list[1:] {
		eventually(t, "one is missed", func() bool {
			return view(t, b).FencedBrokers == 1 && strings.Contains(read(t, b, "/api/v1/doctor"), "node-out")
		})
	}
}

func TestTimingAndUpkeep(t *testing.T) {
	if got := timing(nil); got != controller.DefaultTiming {
		t.Errorf("%+v", got)
	}
	// What people are shown as the default is what is used.
	shown := map[string]string{}
	for _, key := range []string{"broker.session.timeout.ms", "broker.heartbeat.interval.ms"} {
		shown[key] = meta.BrokerConfigDef(key).Default
	}
	if got := timing(shown); got != controller.DefaultTiming {
		t.Errorf("%+v", got)
	}
	got := timing(map[string]string{"broker.session.timeout.ms": "9000", "broker.heartbeat.interval.ms": "2000"})
	if got.Session != 9*time.Second || got.Beat != 2*time.Second || got.Suspect != controller.DefaultTiming.Suspect {
		t.Errorf("%+v", got)
	}
	if got := upkeep(map[string]string{"auto.leader.rebalance.enable": "false", "leader.imbalance.check.interval.seconds": "7"}); !got.NoBalance || got.Check != 7*time.Second {
		t.Errorf("%+v", got)
	}
	if got := upkeep(nil); got != (controller.Upkeep{}) {
		t.Errorf("%+v", got)
	}
}
