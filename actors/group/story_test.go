package group

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// TestStories runs one shard with its groups on a real partition and writer. Requests and answers go by the name of the client; member
// ids are shown as <name>, those of a second process of a static member as <name'>.
//
//	join NAME [group=g] [v=9] [id=NAME] [instance=I] [protocols=range:x,rr:y] [type=t] [session=MS] [rebalance=MS] [reason=TEXT]
//	sync NAME [gen=N] [v=5] [as=NAME] [instance=I] [protocol=P] [assign=(a:x,b:y)]
//	heartbeat NAME [gen=N] [as=NAME] [instance=I]
//	leave NAME [v=5] [as=NAME] [instance=I] [anonymous]
//	commit NAME [v=9] [gen=N] [as=NAME] [topic=t] [offsets=(0:5,1:7)] [metadata=TEXT] [retention=MS]
//	fetch [group=g] [topic=t] [partitions=(0,1)]          without topic: all
//	describe, explain, list [states=] [types=], delete, delete-offsets topic=t partitions=(0), log
//	become [leader=no] [epoch=N] [max-size=N] [delay=MS] ...      settings in force
//	slow 2s                                               the disk takes that long
//	lease ends|noticed|held                               the broker's right to lead: over, the node has seen that, and again
//	full yes|nearly|no                                    the disk takes no more records, or none of clients
//	topic NAME [id=N] [gone]                              the view's topics
//	follower ...                                          another broker's shard of the same partition: see replica_test.go
//	restart                                               after a crash
func TestStories(t *testing.T) {
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &story{t: t, st: st, ids: map[string]string{}, names: map[string]string{}, gens: map[string]int32{}}
		s.w = emptyWorld(st.Sim)
		s.w.node = st.Node
		s.w.lease = partition.NewLease(st.Sys.Now)
		s.w.lease.Free()
		s.w.boot(st.Sys)
		_ = st.Settle(time.Second)
		return s.command
	})
}

// story is one run of commands.
type story struct {
	t     *testing.T
	st    *kitsim.Stage
	w     *world
	ids   map[string]string // by name
	names map[string]string // by id
	gens  map[string]int32  // the last generation that a name was told
	other *other            // the broker that follows; nil: none
}

// ear is where answers to one name come.
type ear struct {
	s    *story
	name string
}

func (e *ear) Post(m any) bool    { e.s.hear(e.name, m); return true }
func (e *ear) TryPost(m any) bool { return e.Post(m) }
func (e *ear) Depth() int         { return 0 }

func (s *story) command(d *datadriven.TestData) string {
	a := args{s, d}
	name := d.Cmd
	if len(d.CmdArgs) > 0 && len(d.CmdArgs[0].Vals) == 0 {
		name = d.CmdArgs[0].Key
	}
	ask := kit.Ask{ReplyTo: kit.NewRef(name, &ear{s, name})}
	tell := s.w.shard.Tell
	group := a.str("group", "g")
	switch d.Cmd {
	case "join":
		tell(&Join{Ask: ask, Client: Client{name, "/h"}, Req: a.join(name, group)})
	case "sync":
		tell(&Sync{Ask: ask, Req: a.sync(name, group)})
	case "heartbeat":
		tell(&Heartbeat{Ask: ask, Req: &kmsg.HeartbeatRequest{Version: 4, Group: group, Generation: a.gen(name), MemberID: a.id(name), InstanceID: a.ptr("instance")}})
	case "leave":
		tell(&Leave{Ask: ask, Client: Client{name, "/h"}, Req: a.leave(name, group)})
	case "commit":
		tell(&Commit{Ask: ask, Req: a.commit(name, group)})
	case "fetch":
		tell(&FetchOffsets{Ask: ask, Req: a.fetch(group)})
	case "describe":
		tell(&Describe{Ask: ask, Group: group, Version: int16(a.num("v", 6))})
	case "explain":
		tell(&Explain{Ask: ask, Group: group})
	case "list":
		tell(&List{Ask: ask, States: a.list("states"), Types: a.list("types")})
	case "delete":
		tell(&Delete{Ask: ask, Group: group})
	case "delete-offsets":
		tell(&DeleteOffsets{Ask: ask, Req: a.deleteOffsets(group)})
	default:
		return s.world(d, a, name)
	}
	return ""
}

// world changes what is around the coordinator.
func (s *story) world(d *datadriven.TestData, a args, name string) string {
	w := s.w
	switch d.Cmd {
	case "become":
		c := &w.cfg
		w.down = a.str("leader", "yes") == "no"
		w.epoch = int32(a.num("epoch", int64(w.epoch)))
		c.MaxSize, c.InitialDelayMs = int(a.num("max-size", int64(c.MaxSize))), a.num("delay", c.InitialDelayMs)
		c.RetentionMs, c.CheckMs = a.num("retention", c.RetentionMs), a.num("check", c.CheckMs)
		c.MaxMetadata, c.CommitTimeoutMs = int(a.num("max-metadata", int64(c.MaxMetadata))), a.num("timeout", c.CommitTimeoutMs)
		c.MaxBatch = int(a.num("max-batch", int64(c.MaxBatch)))
		w.become()
	case "lease":
		switch name {
		case "ends":
			w.lease.Revoke()
		case "noticed":
			w.part.Tell(partition.LeaseEnded{})
			w.become()
		default:
			w.lease.Free()
			w.become()
		}
	case "slow":
		s.st.Node.Slow, _ = time.ParseDuration(name)
	case "full":
		w.gate.Set(name != "no", name == "yes")
	case "topic":
		if !d.HasArg("gone") {
			w.topics[name] = meta.TopicID{byte(a.num("id", 1))}
			return ""
		}
		id := w.topics[name]
		delete(w.topics, name)
		w.shard.Tell(TopicsDeleted{[]TopicRef{{name, id}}})
	case "retire":
		w.shard.Tell(&Retire{kit.Ask{ReplyTo: kit.NewRef("node", &ear{s, "node"})}})
	case "follower":
		s.follower(d, a, name)
	case "log":
		return s.log()
	case "restart":
		w.data = w.data.Crash(s.st.Sim)
		s.st.Restart()
		w.node = s.st.Node
		w.boot(s.st.Sys)
	default:
		d.Fatalf(s.t, "unknown command %s", d.Cmd)
	}
	return ""
}

// log shows the records of the store.
func (s *story) log() string {
	var x chunk
	b, err := s.w.data.Read(simPartID, 0, 1<<60, 1<<30, true)
	if err != nil {
		return err.Error()
	}
	defer b.Release()
	var w strings.Builder
	for _, raw := range b.Data {
		x.take(raw, 0)
	}
	for _, r := range x.records {
		switch {
		case r.isGroup && r.group == nil:
			fmt.Fprintf(&w, "group %s: gone\n", r.id)
		case r.isGroup:
			fmt.Fprintf(&w, "group %s: v%d type=%q generation=%d protocol=%q leader=%s members=[", r.id, r.group.Version, r.group.ProtocolType,
				r.group.Generation, deref(r.group.Protocol), s.shown(deref(r.group.Leader)))
			for i, m := range r.group.Members {
				fmt.Fprintf(&w, "%s%s=%q", [2]string{"", " "}[min(i, 1)], s.shown(m.MemberID), m.Assignment)
			}
			w.WriteString("]\n")
		case r.offset == nil:
			fmt.Fprintf(&w, "offset %s %s-%d: gone\n", r.id, r.topic, r.partition)
		default:
			fmt.Fprintf(&w, "offset %s %s-%d: %d epoch=%d metadata=%q expire=%d topic=%d\n", r.id, r.topic, r.partition, r.offset.at, r.offset.epoch, r.offset.metadata, r.offset.expire, r.topicID[0])
		}
	}
	return w.String()
}

// shown is how a member id is printed.
func (s *story) shown(id string) string {
	if n := s.names[id]; n != "" {
		return "<" + n + ">"
	}
	return fmt.Sprintf("%q", uuid.ReplaceAllString(id, "-…"))
}

// learn gives a member id the name of its client.
func (s *story) learn(name, id string) {
	if id == "" || s.names[id] != "" {
		return
	}
	shown := name
	for s.ids[shown] != "" {
		shown += "'"
	}
	s.ids[shown], s.names[id] = id, shown
	s.ids[name] = id
}

// all replaces member ids in a text.
func (s *story) all(text string) string {
	for id, n := range s.names {
		text = strings.ReplaceAll(text, id, "<"+n+">")
	}
	return uuid.ReplaceAllString(text, "-…")
}

// uuid is the random part of a member id.
var uuid = regexp.MustCompile(`-[0-9a-f]{8}-[0-9a-f-]{27}`)

func (s *story) hear(name string, m any) {
	var t string
	switch m := m.(type) {
	case Joined:
		r := m.Resp
		if r.ErrorCode == 0 || r.ErrorCode == int16(code.MemberIdRequired) {
			s.learn(name, r.MemberID)
		}
		if t = fmt.Sprintf("joined %s id=%s", code.Code(r.ErrorCode), s.shown(r.MemberID)); r.ErrorCode == 0 {
			s.gens[name] = r.Generation
			t += fmt.Sprintf(" generation=%d protocol=%s/%s leader=%s", r.Generation, deref(r.ProtocolType), deref(r.Protocol), s.shown(r.LeaderID))
			for _, x := range r.Members {
				s.learn(deref(x.InstanceID), x.MemberID)
				t += fmt.Sprintf(" %s=%q", s.shown(x.MemberID), x.ProtocolMetadata)
			}
			if r.SkipAssignment {
				t += " skip assignment"
			}
		}
	case Synced:
		t = fmt.Sprintf("synced %s %q", code.Code(m.Resp.ErrorCode), m.Resp.MemberAssignment)
	case Heard:
		t = fmt.Sprintf("heard %s", code.Code(m.Resp.ErrorCode))
	case Left:
		t = fmt.Sprintf("left %s", code.Code(m.Resp.ErrorCode))
		for _, x := range m.Resp.Members {
			t += fmt.Sprintf(" %s:%s", s.shown(x.MemberID), code.Code(x.ErrorCode))
		}
	case Committed:
		t = "committed"
		for _, x := range m.Resp.Topics {
			for _, p := range x.Partitions {
				t += fmt.Sprintf(" %s-%d:%s", x.Topic, p.Partition, code.Code(p.ErrorCode))
			}
		}
	case FetchedOffsets:
		t = fmt.Sprintf("fetched %s", code.Code(m.Resp.ErrorCode))
		for _, x := range m.Resp.Topics {
			for _, p := range x.Partitions {
				t += fmt.Sprintf(" %s-%d:%d", x.Topic, p.Partition, p.Offset)
				if *p.Metadata != "" {
					t += fmt.Sprintf("(%s)", *p.Metadata)
				}
			}
		}
	default:
		t = s.told(m)
	}
	s.st.Say("%s: %s", name, t)
}

// told prints the answers to what administrators ask.
func (s *story) told(m any) (t string) {
	switch m := m.(type) {
	case Described:
		r := m.Resp
		t = fmt.Sprintf("described %s %s type=%q protocol=%q", code.Code(r.ErrorCode), r.State, r.ProtocolType, r.Protocol)
		for _, x := range r.Members {
			t += fmt.Sprintf("\n  %s client=%s host=%s metadata=%q assignment=%q", s.shown(x.MemberID), x.ClientID, x.ClientHost, x.ProtocolMetadata, x.MemberAssignment)
		}
	case Listed:
		t = fmt.Sprintf("listed %s", m.Code)
		for _, g := range m.Groups {
			t += fmt.Sprintf(" %s(%s,%s,%s)", g.Group, g.GroupState, g.ProtocolType, g.GroupType)
		}
	case Deleted:
		t = fmt.Sprintf("deleted %s", m.Code)
	case DeletedOffsets:
		t = fmt.Sprintf("deleted offsets %s", code.Code(m.Resp.ErrorCode))
		for _, x := range m.Resp.Topics {
			for _, p := range x.Partitions {
				t += fmt.Sprintf(" %s-%d:%s", x.Topic, p.Partition, code.Code(p.ErrorCode))
			}
		}
	case Explained:
		t = "explained " + m.Code.String() + s.all(explainText(&m.Explanation))
	case Retired:
		t = "retired"
	}
	return t
}

func explainText(x *Explanation) string {
	var w strings.Builder
	fmt.Fprintf(&w, " %s generation=%d protocol=%s/%s leader=%s offsets=%d", x.State, x.Generation, x.ProtocolType, x.Protocol, x.Leader, x.Offsets)
	if x.Awaiting != "" {
		fmt.Fprintf(&w, "\n  awaits %s", x.Awaiting)
	}
	for _, m := range x.Members {
		fmt.Fprintf(&w, "\n  member %s client=%s session=%s rebalance=%s heard %s ago awaits=%q", m.ID, m.ClientID, m.SessionTimeout, m.RebalanceTimeout, m.LastHeard, m.Awaits)
	}
	for _, r := range x.Rebalances {
		fmt.Fprintf(&w, "\n  rebalance at %s took %s to generation %d with %d members: %s", r.Began.UTC().Format("15:04:05.000"), r.Took, r.Generation, r.Members, r.Reason)
	}
	return w.String()
}
