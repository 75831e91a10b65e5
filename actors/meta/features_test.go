package meta

import (
	"fmt"
	"strings"
	"testing"

	"troupe/kafka/code"
)

// founded is a cluster of two brokers that support level 0 to 2 of x.version; the second one not the newest.
func founded(t *testing.T) *cluster {
	c := newCluster(t, 1)
	for id, most := range []int16{3, 2} {
		id := int32(id + 1)
		if id > 1 {
			c.ok(AddNode{StoreID: id16(byte(id)), RequestedID: -1})
		}
		c.ok(RegisterBroker{BrokerID: id, Incarnation: id16(byte(id)), StoreID: c.img.Node(id).StoreID, PrevBrokerEpoch: -1,
			Features: []Feature{{"metadata.version", 30, 30}, {"x.version", 0, most}}})
	}
	return c
}

func levels(m *Image) string {
	var out []string
	for _, f := range m.Features() {
		out = append(out, fmt.Sprintf("%s=%d", f.Name, f.Level))
	}
	return strings.Join(out, " ")
}

func TestUpdateFeatures(t *testing.T) {
	c := founded(t)
	initial := "eligible.leader.replicas.version=1 metadata.version=30"
	f := func(want, why string, updates ...FeatureUpdate) {
		t.Helper()
		before := levels(c.img)
		_, r := c.apply(UpdateFeatures{updates})
		if (why == "") != (r.Code == code.OK) || r.Code != code.OK && r.Code != code.InvalidUpdateVersion || !strings.HasSuffix(r.Message, why) {
			t.Errorf("%v: %s %q, want %q", updates, r.Code, r.Message, why)
		}
		if want == "" {
			want = before
		}
		if got := levels(c.img); got != want {
			t.Errorf("%v: %s, want %s", updates, got, want)
		}
		again, err := LoadSnapshot(c.img.Snapshot())
		if err != nil || levels(again) != want || again.Hash() != c.img.Hash() {
			t.Errorf("%v: the snapshot has %s (%v)", updates, levels(again), err)
		}
	}
	up := func(name string, level int16) FeatureUpdate { return FeatureUpdate{name, level, FeatureUpgrade} }
	down := func(name string, level int16) FeatureUpdate { return FeatureUpdate{name, level, FeatureSafeDowngrade} }
	f(initial, "")
	f("", "", up("metadata.version", 30))
	f("", "Broker 1 only supports versions 30-30", up("metadata.version", 31))
	f("", "Broker 1 only supports versions 30-30", down("metadata.version", 29))
	f("", "Broker 1 does not support this feature.", up("none", 1))
	f("", "Feature none not found.", down("none", 0))
	if why := CheckFeature(c.img, up("none", 1), 1); why != "Local controller 1 does not support this feature." {
		t.Error(why)
	}
	f("", "A feature version cannot be less than 0.", up("x.version", -1))
	f("", "The controller does not support the given upgrade type.", FeatureUpdate{"x.version", 1, 0})
	f("", "The controller does not support the given upgrade type.", FeatureUpdate{"x.version", 1, 4})
	f("", "Can't downgrade to a newer version.", down("x.version", 1))
	f("", "Broker 2 only supports versions 0-2", up("x.version", 3))
	f(initial+" x.version=1", "", up("x.version", 1))
	f("", "does not support this feature.", up("x.version", 2), up("none", 1)) // all or none
	f("", "either safe or unsafe downgrade.", up("x.version", 0))
	f(initial+" x.version=2", "", up("x.version", 2), up("metadata.version", 30))
	f(initial, "", down("x.version", 0))
	f(initial+" x.version=2", "", up("x.version", 1), up("x.version", 2))
	f(initial+" x.version=1", "", FeatureUpdate{"x.version", 1, FeatureUnsafeDowngrade})
}

// What a broker supports is what a new cluster begins with, and a broker that does not cannot be founded on it.
func TestSupportedFeatures(t *testing.T) {
	for level := uint32(1); level <= MaxFeatureLevel; level++ {
		last := ""
		for _, f := range initialFeatures[level] {
			if f.Name <= last || f.Level < 1 {
				t.Errorf("%+v of level %d", f, level)
			}
			last = f.Name
		}
	}
	supported := map[string]Feature{}
	for _, f := range SupportedFeatures() {
		supported[f.Name] = f
	}
	for _, f := range initialFeatures[MaxFeatureLevel] {
		if s := supported[f.Name]; f.Level < s.Min || f.Level > s.Max {
			t.Errorf("a new cluster has %+v, a broker %+v", f, s)
		}
	}
	if NewImage().Feature("metadata.version") != 0 || len(NewImage().Features()) != 0 {
		t.Error("a cluster that is not founded has no features")
	}
}
