package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// cluster is an image that commands move on.
type cluster struct {
	t   *testing.T
	img *meta.Image
}

// newCluster founds a cluster of nodes 1 to n, with all brokers registered and in service.
func newCluster(t *testing.T, n int32) *cluster {
	x := &cluster{t, meta.NewImage()}
	var founders []meta.Node
	for id := int32(1); id <= n; id++ {
		founders = append(founders, meta.Node{ID: id, RaftID: meta.RaftIDOf(1, id), StoreID: [16]byte{byte(id)}})
	}
	x.apply(meta.InitCluster{ClusterID: "clusterclusterclusterA", FeatureLevel: 1, Founders: founders})
	for id := int32(1); id <= n; id++ {
		x.register(id)
		x.apply(meta.UnfenceBroker{BrokerID: id, BrokerEpoch: x.epoch(id)})
	}
	return x
}

func (x *cluster) apply(cmd meta.Command) meta.Result {
	x.t.Helper()
	img, _, r := meta.Apply(x.img, x.img.Index()+1, meta.Envelope{Cmd: cmd})
	if r.Code != code.OK {
		x.t.Fatalf("%T: %v %s", cmd, r.Code, r.Message)
	}
	x.img = img
	return r
}

// register begins another run of a broker.
func (x *cluster) register(id int32) {
	run := byte(x.img.Index())
	x.apply(meta.RegisterBroker{BrokerID: id, StoreID: [16]byte{byte(id)}, Incarnation: [16]byte{run, 1}, PrevBrokerEpoch: -1})
}

func (x *cluster) epoch(id int32) int64 { return x.img.Broker(id).Epoch }

// lead is the controller's state on node 1, which leads with all nodes as voters and links with all of them.
func (x *cluster) lead(term uint64) *core {
	k := newCore(1, DefaultTiming, Upkeep{})
	k.update(x.update(term))
	for _, n := range x.img.Nodes() {
		if n.ID != 1 {
			k.up(n.ID, 100+uint64(n.ID))
		}
	}
	return k
}

func (x *cluster) update(term uint64) Update {
	u := Update{Image: x.img, Leads: true, Term: term}
	for _, n := range x.img.Nodes() {
		u.Voters = append(u.Voters, n.ID)
	}
	return u
}

func (x *cluster) beat(id int32) Beat {
	return Beat{BrokerID: id, BrokerEpoch: x.epoch(id), Applied: x.img.Index(), DiskOK: true}
}

// pass lets time go on in ticks, and gives what was decided.
func pass(k *core, d time.Duration) (out []meta.Command) {
	for range ticks(d) {
		out = append(out, k.watch()...)
	}
	return out
}

func show(cmds ...meta.Command) string {
	var list []string
	for _, c := range cmds {
		switch c := c.(type) {
		case nil:
		case meta.FenceBroker:
			list = append(list, fmt.Sprintf("fence %d: %s", c.BrokerID, c.Reason))
		case meta.UnfenceBroker:
			list = append(list, fmt.Sprintf("unfence %d", c.BrokerID))
		case meta.BeginControlledShutdown:
			list = append(list, fmt.Sprintf("shut down %d", c.BrokerID))
		default:
			list = append(list, fmt.Sprintf("%T", c))
		}
	}
	return strings.Join(list, "; ")
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// A broker that is silent for a session is fenced, once; one that speaks is not, and the controller's own never is.
func TestSilence(t *testing.T) {
	x := newCluster(t, 3)
	k := x.lead(1)
	for range 9 {
		k.beat(x.beat(2))
		want(t, show(pass(k, 200*time.Millisecond)...), "")
	}
	want(t, show(pass(k, 200*time.Millisecond)...), "fence 3: no heartbeat for 2s")
	k.beat(x.beat(2))
	want(t, show(pass(k, time.Second)...), "")
	k.proposed(k.era, k.term, meta.FenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)}, false) // it was not applied: again
	want(t, show(pass(k, tickEvery)...), "fence 3: no heartbeat for 3.05s")
}

// A heartbeat of an earlier run, or of one that the cluster has forgotten, is refused and keeps nobody alive.
func TestStaleHeartbeat(t *testing.T) {
	x := newCluster(t, 3)
	old := x.beat(3)
	x.register(3)
	x.apply(meta.UnfenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)})
	k := x.lead(1)
	for range 8 {
		v, cmd := k.beat(old)
		if v != (Verdict{Code: code.StaleBrokerEpoch}) || cmd != nil {
			t.Fatalf("%+v %v", v, cmd)
		}
		k.beat(x.beat(2))
		want(t, show(pass(k, 200*time.Millisecond)...), "")
	}
	want(t, show(pass(k, 400*time.Millisecond)...), "fence 3: no heartbeat for 2s")
	forgotten := x.beat(2)
	x.apply(meta.UnregisterBroker{BrokerID: 2})
	k.update(x.update(1))
	if v, _ := k.beat(forgotten); v.Code != code.BrokerIdNotRegistered {
		t.Fatalf("%+v", v)
	}
}

// A registration that is not applied here yet is not called stale.
func TestHeartbeatFromAheadOfUs(t *testing.T) {
	x := newCluster(t, 3)
	k := x.lead(1)
	b := x.beat(3)
	b.BrokerEpoch = int64(x.img.Index()) + 1
	if v, cmd := k.beat(b); v.Code != code.CoordinatorNotAvailable || cmd != nil {
		t.Fatalf("%+v %v", v, cmd)
	}
}

// A broker is unfenced when it knows of its registration, wants to serve and can; one command at a time.
func TestUnfencing(t *testing.T) {
	x := newCluster(t, 3)
	x.register(3)
	k := x.lead(1)
	for name, change := range map[string]func(*Beat){
		"not caught up": func(b *Beat) { b.Applied = uint64(b.BrokerEpoch) - 1 },
		"wants a fence": func(b *Beat) { b.WantFence = true },
		"leaves":        func(b *Beat) { b.WantShutdown = true },
		"disk":          func(b *Beat) { b.DiskOK = false },
	} {
		b := x.beat(3)
		change(&b)
		if v, cmd := k.beat(b); v.Code != code.OK || !v.Fenced || cmd != nil {
			t.Fatalf("%s: %+v %v", name, v, cmd)
		}
	}
	v, cmd := k.beat(x.beat(3))
	if !v.Fenced || !v.CaughtUp {
		t.Fatalf("%+v", v)
	}
	want(t, show(cmd), "unfence 3")
	_, cmd = k.beat(x.beat(3))
	want(t, show(cmd), "")
	k.proposed(k.era, k.term, meta.UnfenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)}, true)
	_, cmd = k.beat(x.beat(3))
	want(t, show(cmd), "unfence 3")
}

// A broker whose disk does not answer gives way, if there is somebody to give way to.
func TestDiskDoesNotAnswer(t *testing.T) {
	x := newCluster(t, 2)
	k := x.lead(1)
	b := x.beat(2)
	b.DiskOK = false
	_, cmd := k.beat(b)
	want(t, show(cmd), "fence 2: its disk does not answer")
	x.apply(meta.FenceBroker{BrokerID: 1, BrokerEpoch: x.epoch(1)})
	k = x.lead(1)
	_, cmd = k.beat(b)
	want(t, show(cmd), "")
}

// Whoever begins to control gives everybody a full session, whatever it knew before: heartbeats went to others.
func TestNewController(t *testing.T) {
	for name, again := range map[string]func(*cluster, *core){
		"another node led": func(x *cluster, k *core) {
			u := x.update(2)
			u.Leads = false
			k.update(u)
			pass(k, 1500*time.Millisecond)
			k.update(x.update(3))
		},
		"another term": func(x *cluster, k *core) { k.update(x.update(2)) },
		"the voters were out of reach": func(x *cluster, k *core) {
			k.beat(x.beat(2))
			k.beat(x.beat(3))
			k.down(2, 102)
			k.down(3, 103)
			pass(k, 1500*time.Millisecond)
			if v, _ := k.beat(Beat{BrokerID: 1, BrokerEpoch: 2}); v.Code != code.NotController {
				t.Fatalf("it speaks without the voters: %+v", v)
			}
			k.up(2, 202)
			k.up(3, 203)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newCluster(t, 3)
			k := x.lead(1)
			want(t, show(pass(k, 1900*time.Millisecond)...), "")
			was := k.era
			again(x, k)
			want(t, show(pass(k, 1950*time.Millisecond)...), "")
			if k.era == was {
				t.Fatal("it is the same era")
			}
			want(t, show(pass(k, 100*time.Millisecond)...), "fence 2: no heartbeat for 2s; fence 3: no heartbeat for 2s")
		})
	}
}

// What an earlier era proposed does not count when its answer comes late.
func TestLateAnswer(t *testing.T) {
	x := newCluster(t, 2)
	k := x.lead(1)
	k.update(x.update(2))
	want(t, show(pass(k, 2*time.Second)...), "fence 2: no heartbeat for 2s")
	k.proposed(k.era-1, k.term-1, meta.FenceBroker{BrokerID: 2, BrokerEpoch: x.epoch(2)}, true)
	want(t, show(pass(k, time.Second)...), "")
}

// A broker is fenced before its session ends when its links are lost here and at one more broker that is heard.
func TestSuspects(t *testing.T) {
	x := newCluster(t, 3)
	lost2 := func() Beat { b := x.beat(3); b.Lost = []int32{2}; return b }
	k := x.lead(1)
	k.beat(x.beat(2))
	k.beat(lost2())
	k.down(2, 102)
	want(t, show(pass(k, 250*time.Millisecond)...), "")
	k.up(2, 202) // it is back in time
	want(t, show(pass(k, 250*time.Millisecond)...), "")
	k.down(2, 102) // late news of the former session
	k.down(2, 202)
	want(t, show(pass(k, 250*time.Millisecond)...), "")
	want(t, show(pass(k, tickEvery)...), "fence 2: nodes 1 and 3 have lost their links with it")
	if got := k.lost(); !slices.Equal(got, []int32{2}) {
		t.Fatalf("lost %v", got)
	}

	k = x.lead(1) // nobody else has lost it
	k.beat(x.beat(3))
	k.down(2, 102)
	want(t, show(pass(k, 1900*time.Millisecond)...), "")

	k = x.lead(1) // who has lost it is not to be believed any more: it speaks of long ago
	k.beat(lost2())
	pass(k, 1900*time.Millisecond)
	k.beat(x.beat(2))
	k.down(2, 102)
	want(t, show(pass(k, 300*time.Millisecond)...), "fence 3: no heartbeat for 2s")

	x.apply(meta.FenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)})
	k = x.lead(1) // nor is one that is fenced
	k.beat(lost2())
	k.down(2, 102)
	want(t, show(pass(k, time.Second)...), "")
}

// A controller that was stopped for a while has counted nothing meanwhile: time is its own ticks.
func TestTicksAreTime(t *testing.T) {
	if got := ticks(DefaultTiming.Session); got != 40 {
		t.Fatalf("a session is %d ticks", got)
	}
	if got := ticks(120 * time.Millisecond); got != 3 {
		t.Fatalf("120 ms are %d ticks", got)
	}
}

// A broker that wants to go is told to when its leaderships have moved and every other broker in service knows.
func TestControlledShutdown(t *testing.T) {
	x := newCluster(t, 3)
	k := x.lead(1)
	k.beat(x.beat(2))
	leave := func() (Verdict, string) {
		b := x.beat(3)
		b.WantShutdown = true
		v, cmd := k.beat(b)
		return v, show(cmd)
	}
	v, cmd := leave()
	want(t, cmd, "shut down 3")
	if v.ShouldShutDown {
		t.Fatal("it may go before anything has moved")
	}
	before := x.beat(2)
	x.apply(meta.BeginControlledShutdown{BrokerID: 3, BrokerEpoch: x.epoch(3)})
	k.proposed(k.era, k.term, meta.BeginControlledShutdown{BrokerID: 3, BrokerEpoch: x.epoch(3)}, true)
	k.update(x.update(1))
	k.beat(before)
	if v, cmd = leave(); v.ShouldShutDown || cmd != "" {
		t.Fatalf("broker 2 has not seen it: %+v %s", v, cmd)
	}
	k.beat(x.beat(2))
	if v, cmd = leave(); !v.ShouldShutDown || cmd != "" {
		t.Fatalf("%+v %s", v, cmd)
	}
	k.beat(before) // one that has died is not waited for
	for range 10 {
		leave()
		pass(k, 250*time.Millisecond)
	}
	if v, _ = leave(); !v.ShouldShutDown {
		t.Fatal("it waits for a broker that is gone")
	}
	x.apply(meta.FenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)})
	k.update(x.update(1))
	if v, cmd = leave(); !v.ShouldShutDown || cmd != "" {
		t.Fatalf("fenced: %+v %s", v, cmd)
	}
}

// A new controller does not know since when a broker is leaving: what it knows when it begins must have been seen by all.
func TestControlledShutdownAtNewController(t *testing.T) {
	x := newCluster(t, 3)
	x.apply(meta.BeginControlledShutdown{BrokerID: 3, BrokerEpoch: x.epoch(3)})
	k := x.lead(5)
	b := x.beat(3)
	b.WantShutdown = true
	if v, _ := k.beat(b); v.ShouldShutDown {
		t.Fatal("broker 2 has not spoken")
	}
	k.beat(x.beat(2))
	if v, _ := k.beat(b); !v.ShouldShutDown {
		t.Fatal("all have seen it")
	}
}

// Who does not control says so, and decides nothing.
func TestIdle(t *testing.T) {
	x := newCluster(t, 3)
	k := newCore(2, DefaultTiming, Upkeep{})
	u := x.update(1)
	u.Leads = false
	k.update(u)
	if v, cmd := k.beat(x.beat(3)); v != (Verdict{Code: code.NotController}) || cmd != nil {
		t.Fatalf("%+v %v", v, cmd)
	}
	want(t, show(pass(k, 10*time.Second)...), "")
	if got := k.lost(); !slices.Equal(got, []int32{1, 3}) {
		t.Fatalf("links that never came up are lost: %v", got)
	}
}
