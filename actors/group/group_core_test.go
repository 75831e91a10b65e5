package group

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

func at(ms int64) moment { return moment{ms, ms} }

func TestSelectProtocol(t *testing.T) {
	f := func(want string, votes ...string) {
		t.Helper()
		c := newCore("g", plainConfig(), at(0))
		for i, v := range votes {
			m := &member{id: fmt.Sprint(i)}
			for _, name := range v {
				m.protocols = append(m.protocols, protocol{name: string(name)})
			}
			c.add(m)
		}
		if got := c.selectProtocol(); got != want {
			t.Fatalf("%v: got %q, want %q", votes, got, want)
		}
	}
	f("a", "a")
	f("a", "ab", "ba")       // between equals the first named
	f("b", "ab", "ba", "ba") // most votes
	f("b", "ab", "b")        // only what all know
	f("c", "abc", "bc", "ca")
	f("a", "ab", "ba", "ba", "aab") // one that is named twice counts once
	f("b", "ab", "aab", "bab", "bba", "ba")
}

func TestListFilters(t *testing.T) {
	for filter, want := range map[string][2]bool{"Stable": {true, true}, "STABLE": {true, true}, " stable ": {true, false}, "": {false, false}, "Sta ble": {false, false}} {
		list := []string{"nonsense", filter}
		if got := [2]bool{wantsState(list, "Stable"), wantsType(list, "Stable")}; got != want {
			t.Errorf("%q: %v", filter, got)
		}
	}
	if !wantsState(nil, "Stable") || !wantsType(nil, "classic") {
		t.Error("an empty filter wants all")
	}
}

func TestSubscriptionTopics(t *testing.T) {
	f := func(b []byte, want string) {
		t.Helper()
		topics, ok := subscriptionTopics(b)
		if got := fmt.Sprint(topics, ok); got != want {
			t.Fatalf("%x: got %s, want %s", b, got, want)
		}
	}
	f(nil, "[] false")
	f([]byte{0, 0}, "[] false")
	f([]byte{0, 3, 0, 0, 0, 0}, "[] true")
	f([]byte{0xff, 0xff, 0, 0, 0, 0}, "[] false")
	f([]byte{0, 0, 0xff, 0xff, 0xff, 0xff}, "[] false")
	f([]byte{0, 0, 0x7f, 0xff, 0xff, 0xff}, "[] false")
	f([]byte{0, 0, 0, 0, 0, 1, 0, 2, 'a'}, "[] false")
	f([]byte{0, 0, 0, 0, 0, 1, 0xff, 0xff, 'a'}, "[] false")
	f([]byte{0, 1, 0, 0, 0, 2, 0, 1, 'a', 0, 2, 'b', 'c', 9, 9}, "[a bc] true")
}

// TestRetention is Kafka's ClassicGroup.offsetExpirationCondition.
func TestRetention(t *testing.T) {
	const now, retention = 1_000_000, 1000
	f := func(want string, s state, typ string, since int64, subscribed []string, o offset) {
		t.Helper()
		c := newCore("g", plainConfig(), at(0))
		c.cfg.RetentionMs = retention
		c.state, c.protocolType, c.since, c.saved = s, typ, since, true
		if subscribed != nil {
			c.subscribed = map[string]bool{}
			for _, topic := range subscribed {
				c.subscribed[topic] = true
			}
		}
		if s != empty && s != dead {
			c.add(&member{id: "m"})
		}
		c.putOffset("t", meta.TopicID{}, 0, o)
		gone, all := c.expired(at(now))
		if got := fmt.Sprint(len(gone), all); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	old, fresh := offset{committed: now - retention, expire: -1}, offset{committed: now - retention + 1, expire: -1}
	none := []string{}
	f("1 true", empty, "", 0, nil, old)
	f("0 false", empty, "", 0, nil, fresh)
	f("0 false", empty, "consumer", now-retention+1, none, old) // since the last member left
	f("1 true", empty, "consumer", now-retention, none, fresh)
	f("1 true", empty, "consumer", -1, none, old) // an old record does not say
	f("0 false", empty, "consumer", -1, none, fresh)
	f("1 true", empty, "connect", now-retention, nil, old)
	f("0 false", stable, "connect", 0, nil, old)
	f("0 false", stable, "consumer", 0, []string{"t"}, old)
	f("1 false", stable, "consumer", 0, []string{"u"}, old)
	f("0 false", stable, "consumer", 0, []string{"u"}, fresh)
	f("0 false", stable, "consumer", 0, nil, old) // nobody knows what they read
	f("0 false", preparing, "consumer", 0, []string{"u"}, old)
	f("0 false", dead, "", 0, nil, old)
	f("1 true", empty, "", 0, nil, offset{committed: now, expire: now})
	f("0 false", empty, "", 0, nil, offset{committed: 0, expire: now + 1})
}

// TestRecords: what is written is read back as it was, and by Kafka's names of the fields.
func TestRecords(t *testing.T) {
	c := newCore("g", plainConfig(), at(5))
	c.generation, c.protocolType, c.protocol, c.state = 7, "consumer", kmsg.StringPtr("range"), stable
	c.add(&member{id: "m1", instance: kmsg.StringPtr("i"), client: Client{"c", "/h"}, session: 10, rebalance: 20, assignment: []byte("x"),
		protocols: []protocol{{"range", subscribe("t")}, {"rr", subscribe("u")}}})
	c.add(&member{id: "m2", protocols: []protocol{{"range", subscribe("v")}}})
	r := c.metadataRecord(nil)
	rec, ok, err := decodeRecord(r.key, r.value)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	d := newCore("g", plainConfig(), at(0))
	d.replay(&rec)
	if got, want := fmt.Sprintf("%v %v %v %v %v", d.state, d.generation, d.leader, len(d.list), d.since), "Stable 7 m1 2 5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	once := d.bytes
	if d.replay(&rec); d.bytes != once || once == 0 {
		t.Errorf("a record that is read twice counts %d bytes, not %d", d.bytes, once)
	}
	m := d.members["m1"]
	if got, want := fmt.Sprintf("%v %v %v %v %s %v %v", *m.instance, m.client, m.session, m.rebalance, m.assignment, d.static["i"], d.subscribed), "i {c /h} 10 20 x m1 map[t:true v:true]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, o := range []offset{{at: 5, epoch: 3, committed: 9, expire: -1, metadata: "n"}, {at: 6, epoch: -1, committed: 9, expire: 12}} {
		rec, ok, err := decodeRecord(offsetKey("g", "t", 4), o.record(meta.TopicID{8}))
		if !ok || err != nil || *rec.offset != o {
			t.Errorf("%+v: got %+v, %v", o, rec.offset, err)
		}
		d.replay(&rec)
	}
	if got := d.offsets["t"]; got.id != (meta.TopicID{8}) || got.parts[4].at != 6 {
		t.Errorf("got %+v", got)
	}
	for _, key := range [][]byte{nil, {0}, {0, 3, 1, 2}, {0xff, 0xff}} { // other coordinators' records
		if _, ok, err := decodeRecord(key, []byte("x")); ok || err != nil {
			t.Errorf("%x: %v, %v", key, ok, err)
		}
	}
	if _, _, err := decodeRecord(groupKey("g"), []byte{0, 9}); err == nil {
		t.Error("a record that is cut was read")
	}
}

// TestFailedWrites: what is not durable did not happen, and whoever waits hears of it.
func TestFailedWrites(t *testing.T) {
	c := newCore("g", plainConfig(), at(0))
	c.cfg.InitialDelayMs = 0
	take := func() (answers []answer, writes []*entry) {
		answers, writes = c.out.answers, c.out.writes
		c.out = outbox{}
		return answers, writes
	}
	req := kmsg.JoinGroupRequest{Version: 3, Group: "g", SessionTimeoutMillis: 10_000, RebalanceTimeoutMillis: 30_000, ProtocolType: "x",
		Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "p"}}}
	c.join(&Join{Req: &req}, "m", at(1))
	c.tick(at(1))
	_, writes := take()
	c.written(writes[1], code.CoordinatorNotAvailable, at(2))
	answers, _ := take()
	if r := answers[0].(Joined).Resp; r.ErrorCode != int16(code.CoordinatorNotAvailable) || c.state != preparing {
		t.Fatalf("got %d in %s", r.ErrorCode, c.state)
	}
	again := req
	again.MemberID = "m"
	c.join(&Join{Req: &again}, "", at(3))
	_, writes = take()
	c.written(writes[0], code.OK, at(4))
	answers, _ = take()
	if r := answers[0].(Joined).Resp; r.ErrorCode != 0 || r.Generation != 2 {
		t.Fatalf("got %+v", r)
	}
	s := &Sync{Req: &kmsg.SyncGroupRequest{Group: "g", Generation: 2, MemberID: "m", GroupAssignment: []kmsg.SyncGroupRequestGroupAssignment{{MemberID: "m", MemberAssignment: []byte("a")}}}}
	c.syncGroup(s, at(5))
	_, writes = take()
	c.written(writes[0], code.NotCoordinator, at(6))
	answers, _ = take()
	if r := answers[0].(Synced).Resp; r.ErrorCode != int16(code.NotCoordinator) || len(r.MemberAssignment) != 0 || c.state != preparing {
		t.Fatalf("got %+v in %s", r, c.state)
	}
}

// TestStaticRevert: a static member whose new id cannot be written keeps the old one.
func TestStaticRevert(t *testing.T) {
	c := newCore("g", plainConfig(), at(0))
	c.state, c.protocolType, c.protocol, c.generation, c.saved = stable, "x", kmsg.StringPtr("p"), 4, true
	c.add(&member{id: "old", instance: kmsg.StringPtr("i"), protocols: []protocol{{"p", []byte("1")}}, assignment: []byte("a")})
	j := &Join{Req: &kmsg.JoinGroupRequest{Version: 9, Group: "g", ProtocolType: "x", InstanceID: kmsg.StringPtr("i"), Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "p", Metadata: []byte("2")}}}}
	c.join(j, "new", at(1))
	if c.static["i"] != "new" || c.leader != "new" || len(c.out.answers) != 0 {
		t.Fatalf("got %+v", c.static)
	}
	e := c.out.writes[0]
	c.out = outbox{}
	c.written(e, code.UnknownServerError, at(2))
	m := c.members["old"]
	if m == nil || c.static["i"] != "old" || c.leader != "old" || string(m.protocols[0].metadata) != "1" || c.supports["p"] != 1 || c.joining != 0 {
		t.Fatalf("got %+v", c.members)
	}
	if r := c.out.answers[0].(Joined).Resp; r.ErrorCode != int16(code.UnknownServerError) || r.MemberID != "" {
		t.Fatalf("got %+v", r)
	}
}

func TestActorNames(t *testing.T) {
	f := func(id, want string) {
		t.Helper()
		if got := actorName(3, id); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	f("app", "group/3/app")
	f("", "group/3/")
	f("a b\n\"", `group/3/a b\n\"`)
	long := actorName(3, string(make([]byte, 30_000)))
	if len(long) > 130 || long == actorName(3, string(make([]byte, 30_001))) {
		t.Fatal(long)
	}
	// A client may name its group as the actor of another one, and two actors of one name end the process.
	for _, id := range []string{string(make([]byte, 30_000)), strings.Repeat("a", 200), strings.Repeat("\\", 101), strings.Repeat("ä", 90)} {
		name := actorName(3, id)
		if copied := strings.TrimPrefix(name, "group/3/"); actorName(3, copied) == name {
			t.Errorf("groups %q and %q have one actor, %s", id, copied, name)
		}
	}
}

// TestForgetTopics: what was committed to a topic's successor stays, also when it is not durable yet.
func TestForgetTopics(t *testing.T) {
	f := func(want string, gone byte, stored, coming byte) {
		t.Helper()
		c := newCore("g", plainConfig(), at(1))
		if stored > 0 {
			c.putOffset("t", meta.TopicID{stored}, 0, offset{at: 5, expire: -1})
		}
		if coming > 0 {
			req := kmsg.NewPtrOffsetCommitRequest()
			req.Version, req.Generation = 9, -1
			req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1}}}}
			c.commit(&Commit{Req: req}, []meta.TopicID{{coming}}, at(1))
		}
		c.out = outbox{}
		c.forgetTopics([]TopicRef{{"t", meta.TopicID{gone}}}, at(2))
		got := "stays"
		if len(c.out.writes) > 0 {
			got = fmt.Sprint(c.out.writes[0].removed)
		}
		if got != want {
			t.Fatalf("topic %d gone, %d stored, %d coming: got %s, want %s", gone, stored, coming, got, want)
		}
	}
	f("[{t 0}]", 1, 1, 0)
	f("[{t 0}]", 1, 0, 1)
	f("[{t 0}]", 1, 1, 1)
	f("stays", 1, 2, 0)
	f("stays", 1, 0, 2)
	f("stays", 1, 1, 2)
}

// TestStaticMemberIsHeardOfAfterItsWrite: the session of a static member that came back begins with its answer, however long the write took.
func TestStaticMemberIsHeardOfAfterItsWrite(t *testing.T) {
	c := newCore("g", plainConfig(), at(0))
	c.cfg.CommitTimeoutMs = 60_000
	c.state, c.protocolType, c.protocol, c.generation, c.saved = stable, "x", kmsg.StringPtr("p"), 4, true
	c.add(&member{id: "old", instance: kmsg.StringPtr("i"), session: 6000, protocols: []protocol{{"p", []byte("1")}}, assignment: []byte("a")})
	c.join(&Join{Req: &kmsg.JoinGroupRequest{Version: 9, Group: "g", ProtocolType: "x", SessionTimeoutMillis: 6000, InstanceID: kmsg.StringPtr("i"),
		Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "p", Metadata: []byte("1")}}}}, "new", at(1))
	c.tick(at(7000)) // its session would have ended, but it waits
	c.written(c.out.writes[0], code.OK, at(8000))
	c.tick(at(15_000))
	if len(c.members) != 0 {
		t.Fatalf("a member that is silent lives for ever: its session ends at %d", c.members["new"].deadline)
	}
}
