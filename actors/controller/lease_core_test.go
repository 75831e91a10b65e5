package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// A heartbeat that comes when its broker is about to be fenced gives no right to lead: the fence may be applied at any moment, and another broker
// lead while this one has not heard of it.
func TestNoLeaseWhileFencing(t *testing.T) {
	x := newCluster(t, 3)
	k := x.lead(1)
	pass(k, time.Second)
	k.beat(x.beat(2))
	fenced := func(b Beat, want bool) {
		t.Helper()
		if v, cmd := k.beat(b); v.Code != code.OK || v.Fenced != want {
			t.Fatalf("%+v %v", v, cmd)
		}
	}
	want(t, show(pass(k, time.Second)...), "fence 3: no heartbeat for 2s")
	fenced(x.beat(3), true)
	fenced(x.beat(2), false)
	k.proposed(k.era, k.term, meta.FenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)}, true) // refused
	fenced(x.beat(3), false)
	silent := x.beat(2)
	silent.DiskOK = false
	fenced(silent, true)
	fenced(x.beat(2), true)
}

// A fence whose time was over may be applied yet, also when the controller was in doubt meanwhile, and was sure again of the same leadership: until a later
// command is known to be decided, and that one with it, no heartbeat gives the right to lead. In another leadership it is decided from the beginning.
func TestFenceMayComeLate(t *testing.T) {
	fence := func(x *cluster) meta.Command { return meta.FenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)} }
	const again = "fence 3: nobody knows whether it will be by an earlier command"
	for name, c := range map[string]struct {
		meanwhile func(*cluster, *core)
		want      string // with the next tick
		fenced    bool   // says the next verdict
	}{
		"its time was over": {func(x *cluster, k *core) { k.proposed(k.era, k.term, fence(x), false) }, again, true},
		"in doubt": {func(x *cluster, k *core) {
			u := x.update(1)
			u.Leads = false
			k.update(u)
			k.update(x.update(1))
		}, "", true},
		"in doubt, and its time was over then": {func(x *cluster, k *core) {
			u, era := x.update(1), k.era
			u.Leads = false
			k.update(u)
			k.proposed(era, k.term, fence(x), false)
			k.update(x.update(1))
		}, again, true},
		"another leadership": {func(x *cluster, k *core) { k.update(x.update(2)) }, "", false},
		"refused":            {func(x *cluster, k *core) { k.proposed(k.era, k.term, fence(x), true) }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			x := newCluster(t, 3)
			k := x.lead(1)
			pass(k, time.Second)
			k.beat(x.beat(2))
			want(t, show(pass(k, time.Second)...), "fence 3: no heartbeat for 2s")
			c.meanwhile(x, k)
			if v, cmd := k.beat(x.beat(3)); v.Code != code.OK || v.Fenced != c.fenced || cmd != nil {
				t.Fatalf("%+v %v", v, cmd)
			}
			k.beat(x.beat(2))
			want(t, show(pass(k, tickEvery)...), c.want)
			if !c.fenced {
				return
			}
			k.proposed(k.era, k.term, fence(x), true)
			if v, _ := k.beat(x.beat(3)); v.Fenced {
				t.Fatalf("it is decided: %+v", v)
			}
		})
	}
}

// A broker that is heard, and lacks what was applied here long ago, does not get the right to lead: what it believes to lead may be led by others. If it
// leads something it gives way like one that is silent, and comes back when it has caught up. One that only lags a little goes on.
func TestBehind(t *testing.T) {
	x := newCluster(t, 3)
	k := x.lead(1)
	beats := func(d time.Duration, b3 *Beat) (out []string) { // d of heartbeats; what is decided, and whether the last one gives the right to lead
		fenced := false
		for range d / DefaultTiming.Beat {
			_, c2 := k.beat(x.beat(2))
			v, c3 := k.beat(*b3)
			fenced = v.Fenced
			if s := show(append(pass(k, DefaultTiming.Beat), c2, c3)...); s != "" {
				out = append(out, s)
			}
		}
		return append(out, fmt.Sprint(fenced))
	}
	expect := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	moves := func() { // the cluster moves on
		x.apply(meta.AllocateProducerIds{BrokerID: 2, BrokerEpoch: x.epoch(2), Count: 1})
		k.update(x.update(1))
	}
	for range 20 { // it is always a little behind
		late := x.beat(3)
		moves()
		expect(beats(time.Second, &late), "false")
	}
	old := x.beat(3)
	expect(beats(10*time.Second, &old), "false")
	moves()
	expect(beats(4*time.Second, &old), "false")
	expect(beats(10*time.Second, &old), "true")
	old = x.beat(3) // it has caught up
	expect(beats(time.Second, &old), "false")
	x.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: "a", ID: meta.TopicID{1}, Assignments: [][]int32{{3, 2}}}}})
	moves()
	expect(beats(4*time.Second, &old), "false")
	expect(beats(time.Second, &old), fmt.Sprintf("fence 3: it has applied metadata up to %d only, and lacks what is older than 4s", old.Applied), "true")
	cmd := meta.FenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)}
	x.apply(cmd)
	k.update(x.update(1))
	k.proposed(k.era, k.term, cmd, true)
	expect(beats(10*time.Second, &old), "true")
	now := x.beat(3)
	expect(beats(DefaultTiming.Beat, &now), "unfence 3", "true")
}

// Who alone is in service goes on: nobody else leads what it believes to lead.
func TestBehindAlone(t *testing.T) {
	x := newCluster(t, 2)
	x.apply(meta.FenceBroker{BrokerID: 1, BrokerEpoch: x.epoch(1)})
	k := x.lead(1)
	old := x.beat(2)
	old.Applied--
	for range 40 {
		if v, cmd := k.beat(old); v.Fenced || cmd != nil {
			t.Fatalf("%+v %v", v, cmd)
		}
		pass(k, DefaultTiming.Beat)
	}
}
