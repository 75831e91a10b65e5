package node

import (
	"regexp"
	"slices"
	"strings"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/controller"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/peer"
	"troupe/actors/writer"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/sim"
)

// entry is one command that the fake cluster has applied.
type entry struct {
	index uint64
	cmd   meta.Command
}

// fakeMetadata stands in for the metadata actor: proposals wait until the story grants or refuses them, and their answers wait
// for Seen, as with the real one.
type fakeMetadata struct {
	*kitsim.Probe
	seen    *kit.Ref // gets Seen: checks what is published, then passes it on
	node    *kit.Ref // nil before Subscribe
	img     *meta.Image
	shown   *meta.Image // last
	older   *meta.Image // shown before that
	log     []entry
	held    []*raftnode.Propose
	granted []raftnode.Proposed
	showing *metadata.Changed // the last one that is not Seen yet
}

// door is where the node's Seen goes: a mailbox whose check runs inside of the node's own step.
type door struct {
	*kitsim.Probe
	check func(m any)
}

// Post implements kit.Box.
func (d *door) Post(m any) bool {
	d.check(m)
	return d.Probe.Post(m)
}

func newFakeMetadata(st *kitsim.Stage, check func(m any)) *fakeMetadata {
	f := &fakeMetadata{Probe: st.Probe("metadata"), img: meta.NewImage()}
	f.seen = kit.NewRef("metadata", &door{f.Probe, check})
	f.On = func(m any) {
		switch m := m.(type) {
		case metadata.Subscribe:
			f.node = m.Node
			f.show(meta.Changes{Reset: true})
		case *raftnode.Propose:
			f.held = append(f.held, m)
			st.Say("  it is a %T", m.Cmd)
		case metadata.Seen:
			for _, p := range f.granted {
				p.Reply(p)
			}
			f.granted = nil
		}
	}
	return f
}

// show tells the node that the image moved.
func (f *fakeMetadata) show(ch meta.Changes) {
	if f.node == nil {
		return
	}
	f.older, f.shown = f.shown, f.img
	f.showing = &metadata.Changed{Ask: kit.Ask{ReplyTo: f.seen}, Image: f.img, Changes: ch}
	f.node.Tell(f.showing)
}

// apply makes a command part of the image, without telling the node.
func (f *fakeMetadata) apply(cmd meta.Command) (meta.Changes, meta.Result) {
	index := f.img.Index() + 1
	f.log = append(f.log, entry{index, cmd})
	next, ch, r := meta.Apply(f.img, index, meta.Envelope{Cmd: cmd})
	f.img = next
	return ch, r
}

// assign makes an image in which a topic has had other replicas from the beginning: what a reassignment leads to.
func (f *fakeMetadata) assign(name string, replicas [][]int32) meta.Changes {
	old, img := f.img, meta.NewImage()
	for i := range f.log {
		if c, ok := f.log[i].cmd.(meta.CreateTopics); ok && c.Topics[0].Name == name {
			t := c.Topics[0]
			t.Assignments = replicas
			f.log[i].cmd = meta.CreateTopics{Topics: []meta.NewTopic{t}}
		}
		img, _, _ = meta.Apply(img, f.log[i].index, meta.Envelope{Cmd: f.log[i].cmd})
	}
	f.img = img.WithIndex(old.Index() + 1)
	ch := meta.Compare(old, f.img)
	ch.Reset = false
	return ch
}

// grant applies the oldest proposal. Its answer follows Seen, or comes before the image does if early.
func (f *fakeMetadata) grant(early bool) string {
	if len(f.held) == 0 {
		return "nothing is proposed"
	}
	p := f.held[0]
	f.held = f.held[1:]
	ch, r := f.apply(p.Cmd)
	answer := raftnode.Proposed{Propose: p, Index: f.img.Index(), Result: r}
	if early {
		p.Reply(answer)
		return ""
	}
	f.granted = append(f.granted, answer)
	f.show(ch)
	return ""
}

func (f *fakeMetadata) refuse(r meta.Result) string {
	if len(f.held) == 0 {
		return "nothing is proposed"
	}
	p := f.held[0]
	f.held = f.held[1:]
	p.Reply(raftnode.Proposed{Propose: p, Result: r})
	return ""
}

// fakeWriter stands in for the writer: it makes changes durable, at once or when the story says so.
type fakeWriter struct {
	*kitsim.Probe
	data *sim.Data
	hold bool
	held []*writer.Change
}

func newFakeWriter(st *kitsim.Stage, data *sim.Data) *fakeWriter {
	w := &fakeWriter{Probe: st.Probe("writer"), data: data}
	w.On = func(m any) {
		if ch, ok := m.(*writer.Change); ok {
			w.held = append(w.held, ch)
			if !w.hold {
				w.release()
			}
		}
	}
	return w
}

func (w *fakeWriter) release() {
	list := w.held
	w.held = nil
	for _, m := range list {
		put(w.data, m.Ops...)
		m.Reply(writer.Changed{Change: m})
	}
}

// put makes operations durable.
func put(data *sim.Data, ops ...storage.Op) {
	s := &storage.Write{Ops: ops}
	if err := data.Apply(s); err != nil {
		panic(err)
	}
	if err := data.Wait(s); err != nil {
		panic(err)
	}
}

// witness reads the trace and says what coordinators are told to become, and what partition actors handle: Become (with the fields that stories change), LeaseEnded,
// Retain, and being stopped.
type witness struct {
	say func(format string, args ...any)
}

var coordinateFields = regexp.MustCompile(`\b(Leader|LeaderEpoch)=[^ }]+`)

var becomeFields = regexp.MustCompile(`\b(Topic|ID|Replicas|Leader|LeaderEpoch|RetentionMs|MinISR)=(\[[^]]*\]|[^ }]+)`)

// Write implements io.Writer, for Trace.Full: one call for each line.
func (w witness) Write(line []byte) (int, error) {
	if _, text, ok := strings.Cut(string(line), " group/"); ok {
		if name, what, is := strings.Cut(text, " <- group.Become"); is {
			w.say("group/%s: Become %s", name, strings.Join(coordinateFields.FindAllString(what, -1), " "))
		}
		return len(line), nil
	}
	_, text, ok := strings.Cut(string(line), " partition/")
	name, what, is := strings.Cut(strings.TrimSpace(text), " <- ")
	if !ok || !is {
		return len(line), nil
	}
	switch typ, _, _ := strings.Cut(what, " "); typ {
	case "partition.Become":
		w.say("partition/%s: Become %s", name, strings.Join(becomeFields.FindAllString(what, -1), " "))
	case "partition.LeaseEnded":
		w.say("partition/%s: LeaseEnded", name)
	case "partition.Retain":
		w.say("partition/%s: Retain", name)
	case "sim.poison":
		w.say("partition/%s: stops", name)
	}
	return len(line), nil
}

// replicaOf reports whether a node holds a replica.
func replicaOf(p *meta.Partition, node int32) bool { return slices.Contains(p.Replicas, node) }

// fakePeers stands in for the links to other nodes: heartbeats wait until the story answers them.
func (s *story) fakePeers() *kitsim.Probe {
	p := s.st.Probe("peers")
	var regs []*kit.Ref
	p.On = func(m any) {
		switch m := m.(type) {
		case peer.Register:
			regs = append(regs, m.To)
		case peer.Link:
			for _, to := range regs {
				to.Tell(peer.Up{Node: m.Node, Session: uint64(m.Node), Link: p.Ref()})
			}
		}
		a, ok := m.(*peer.Ask)
		if !ok {
			return
		}
		if s.asked != nil {
			s.asked.Refuse()
		}
		s.asked = a
		b, err := controller.DecodeBeat(a.Head)
		s.st.Say("  it is a heartbeat: epoch %d applied %d shutdown %v lost %v %v", b.BrokerEpoch, b.Applied, b.WantShutdown, b.Lost, err)
	}
	return p
}

// answer answers the newest heartbeat as the controller on another node would, or lets it be lost.
func (s *story) answer(d *datadriven.TestData) string {
	a := s.asked
	if a == nil {
		return "no heartbeat waits"
	}
	s.asked = nil
	if d.Cmd == "drop" {
		a.Refuse()
		return ""
	}
	v := controller.Verdict{Fenced: d.HasArg("fenced"), CaughtUp: d.HasArg("caughtup"), ShouldShutDown: d.HasArg("go")}
	if len(d.CmdArgs) > 0 {
		v.Code = codes[d.CmdArgs[0].Key]
	}
	a.Reply(peer.Answered{Ask: a, Head: controller.EncodeVerdict(v)})
	return ""
}

// threeVoters is Raft in a group of three.
type threeVoters struct{}

func (threeVoters) Status() raftnode.Status {
	return raftnode.Status{Term: 7, Certain: true, Voters: []uint64{1, 2, 3}}
}
