package stories

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/controller"
	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/record"
)

// ask runs the commands in which the client asks something. Each insists on the code of the answer: want=CODE, else NONE; want=waits: there is
// none yet, and a later answer command takes it. Who is asked is named by at=n1; else it is the leader.
func (c *cluster) ask(d *datadriven.TestData) bool {
	switch d.Cmd {
	case "answer":
		c.want(d, c.last)
	case "topic", "delete", "reassign", "elect", "unregister", "remove", "alter":
		c.want(d, c.propose(c.at(d), c.command(d)))
	case "auto":
		c.auto(d)
	case "produce":
		a := c.produce(d)
		c.want(d, a)
		if x, ok := a.value.(writer.Done); ok && a.code == code.OK && x.Items[0].Base != num(d, "base", x.Items[0].Base) {
			c.fail("%s: the offset is %d", d.Pos, x.Items[0].Base)
		}
	case "fetch":
		c.fetch(d)
	case "watch":
		c.watch(d)
	case "commit", "committed":
		c.offsets(d)
	case "voter":
		a, ask := c.sent(c.at(d))
		c.nodes[a.to-1].b.Raft.Tell(&raftnode.ChangeVoters{Ask: ask, Node: ids(arg(d, 0))[0], Vote: arg(d, 1) == "yes"})
		c.want(d, a)
	case "beat": // of an earlier run of the broker, counted from its first
		m := c.members(d)[0]
		a, ask := c.sent(c.at(d))
		c.nodes[a.to-1].b.Life.Lookup("controller").Tell(&controller.Heartbeat{Ask: ask,
			Beat: controller.Beat{BrokerID: m.id, BrokerEpoch: m.epochs[num(d, "run", 1)-1], Applied: 1 << 40, DiskOK: true}})
		c.want(d, a)
	default:
		return false
	}
	return true
}

// command is the change of the cluster that a command asks for.
func (c *cluster) command(d *datadriven.TestData) meta.Command {
	switch first := arg(d, 0); d.Cmd {
	case "topic":
		return meta.CreateTopics{Topics: []meta.NewTopic{c.newTopic(d)}}
	case "delete":
		return meta.DeleteTopics{IDs: []meta.TopicID{newTopic(first, 0).ID}}
	case "reassign":
		return meta.AlterReassignments{Partitions: []meta.Reassignment{{PartitionRef: ref(first), Target: ids(opt(d, "to", ""))}}}
	case "elect":
		e := meta.Election{PartitionRef: ref(first), Candidate: meta.NoLeader}
		return meta.ElectLeaders{Unclean: arg(d, 1) == "unclean", Partitions: []meta.Election{e}}
	case "unregister":
		return meta.UnregisterBroker{BrokerID: ids(first)[0]}
	case "alter":
		return c.alterPartition(d)
	default:
		return meta.RemoveNode{NodeID: ids(first)[0]}
	}
}

// newTopic is a topic with replicas=1,2,3 for each of its partitions, and min= as its min.insync.replicas; with factor=auto the cluster settles
// both. Further settings follow as key=value. With again=1 it is another topic than the one that had the name before.
func (c *cluster) newTopic(d *datadriven.TestData) meta.NewTopic {
	t := newTopic(arg(d, 0), 0)
	t.ID[15] = byte(num(d, "again", 0))
	t.Configs = map[string]string{"min.insync.replicas": opt(d, "min", "2")}
	if t.RFAuto = opt(d, "factor", "") == "auto"; t.RFAuto {
		t.MinISRAuto, t.Configs = true, nil
	}
	for range num(d, "partitions", 1) {
		t.Assignments = append(t.Assignments, ids(opt(d, "replicas", "1,2,3")))
	}
	for _, a := range d.CmdArgs {
		if strings.Contains(a.Key, ".") {
			t.Configs[a.Key] = a.Vals[0]
		}
	}
	return t
}

// ref names a partition of a topic that a story has made.
func ref(partition string) meta.PartitionRef {
	topic, n, _ := strings.Cut(partition, "-")
	i, _ := strconv.Atoi(n)
	return meta.PartitionRef{Topic: newTopic(topic, 0).ID, Index: int32(i)}
}

// alterPartition is what a leader would have said that knew the partition as it was: by=1 under the epochs leader=, partition=.
func (c *cluster) alterPartition(d *datadriven.TestData) meta.Command {
	by := c.nodes[ids(opt(d, "by", ""))[0]-1]
	x := meta.NewISR{PartitionRef: ref(arg(d, 0)), LeaderEpoch: int32(num(d, "leader", 0)), PartitionEpoch: int32(num(d, "partition", 0))}
	for _, id := range ids(opt(d, "isr", "")) {
		x.ISR = append(x.ISR, meta.ISRMember{BrokerID: id, BrokerEpoch: c.nodes[id-1].epochs[len(c.nodes[id-1].epochs)-1]})
	}
	return meta.AlterPartition{BrokerID: by.id, BrokerEpoch: by.epochs[num(d, "run", int64(len(by.epochs)))-1], Partitions: []meta.NewISR{x}}
}

// auto asks brokers, all at the same moment, for a topic that does not exist, as a Metadata request does.
func (c *cluster) auto(d *datadriven.TestData) {
	var list []*asked
	for _, id := range ids(opt(d, "at", "")) {
		a, ask := c.sent(c.nodes[id-1])
		c.nodes[id-1].b.Shared.TopicMaker.Tell(&api.EnsureTopics{Ask: ask, Names: []string{arg(d, 0)}, Timeout: patience})
		list = append(list, a)
	}
	for _, a := range list {
		c.want(d, a)
	}
}

// find is the partition that <topic>-<n> names; nil: the image has none.
func find(img *meta.Image, partition string) (*meta.Topic, *meta.Partition) {
	at := strings.LastIndex(partition, "-")
	if at < 0 {
		return nil, nil
	}
	i, err := strconv.Atoi(partition[at+1:])
	t := img.Topic(partition[:at])
	if t == nil || err != nil || i >= len(t.Partitions) {
		return nil, nil
	}
	return t, &t.Partitions[i]
}

// leader is where a client goes for a partition: the broker that at= names, else the leader, as the newest image says.
func (c *cluster) leader(d *datadriven.TestData, partition string) *member {
	if opt(d, "at", "") == "" {
		if _, p := find(c.newest(), partition); p != nil && p.Leader != meta.NoLeader {
			return c.nodes[p.Leader-1]
		}
	}
	return c.at(d)
}

// replica is the actor of a partition on a broker; nil: there is none.
func (m *member) replica(partition string) (*kit.Ref, *meta.Partition) {
	_, p := find(m.image(), partition)
	if p == nil {
		return nil, nil
	}
	return m.b.Published.Get().Partition(p.ID), p
}

// produce sends one batch of the values behind the partition.
func (c *cluster) produce(d *datadriven.TestData) *asked {
	m := c.leader(d, arg(d, 0))
	a, ask := c.sent(m)
	to, p := m.replica(arg(d, 0))
	if to == nil {
		a.done, a.code = true, code.NotLeaderForPartition
		return a
	}
	o := record.Plain()
	if pid := num(d, "pid", -1); pid >= 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = pid, int16(num(d, "epoch", 0)), int32(num(d, "seq", 0))
	}
	var recs []record.Record
	for i := 1; arg(d, i) != ""; i++ {
		recs = append(recs, record.Record{Timestamp: m.b.Life.Now().UnixMilli(), Value: []byte(arg(d, i))})
	}
	b, err := record.Build(o, recs)
	c.check(err)
	f := &writer.Frame{Slab: storage.NewSlab(len(b) + storage.SlabOverhead), ReplyTo: ask.ReplyTo, Slot: ask.Slot, Writer: m.b.Writer}
	at, _ := f.Slab.Add(len(b))
	copy(f.Slab.Batch(at), b)
	info, bad := record.Check(f.Slab.Batch(at), record.Opts{})
	if bad != nil {
		d.Fatalf(c.t, "%s", bad.Message)
	}
	f.Items = []writer.Item{{Frame: f, At: at, Index: p.Index, LeaderEpoch: -1, Acks: int16(num(d, "acks", -1)), TimeoutMs: int32(num(d, "timeout", 30_000)),
		Info: info, Base: -1, LogStart: -1, AppendTime: -1}}
	f.Begin()
	to.Tell(partition.Append{Item: &f.Items[0]})
	return a
}

// fetch reads a partition from its start, and insists on the values that follow its name.
func (c *cluster) fetch(d *datadriven.TestData) {
	m := c.leader(d, arg(d, 0))
	a, ask := c.sent(m)
	to, _ := m.replica(arg(d, 0))
	if to == nil {
		a.done, a.code = true, code.NotLeaderForPartition
		c.want(d, a)
		return
	}
	to.Tell(&partition.Read{Ask: ask, LeaderEpoch: -1, LastEpoch: -1})
	c.want(d, a)
	r, ok := a.value.(partition.Readable)
	if !ok || r.Code != code.OK {
		return
	}
	b, err := m.b.Data.Read(r.PartID, 0, r.Limit, 1<<20, true)
	c.check(err)
	defer b.Release()
	var want []string
	for i := 1; arg(d, i) != ""; i++ {
		want = append(want, fmt.Sprintf("%d=%s", i-1, arg(d, i)))
	}
	got := strings.Fields(values(b))
	if c.say("  from %s, high watermark %d: %s", name(m.id), r.High, strings.Join(got, " ")); !slices.Equal(got, want) {
		c.fail("%s: it reads %v, not %v", d.Pos, got, want)
	}
}

// watch waits for records past an offset, as a long poll does.
func (c *cluster) watch(d *datadriven.TestData) {
	m := c.leader(d, arg(d, 0))
	a, ask := c.sent(m)
	to, _ := m.replica(arg(d, 0))
	to.Tell(&partition.Watch{Ask: ask, Offset: num(d, "from", 0)})
	c.want(d, a)
}

// offsets commits an offset of a group, or asks for it: commit GROUP orders-0 5, committed GROUP orders-0 5. Who is asked is the leader of the
// one partition of the topic of offsets.
func (c *cluster) offsets(d *datadriven.TestData) {
	m := c.leader(d, group.Topic+"-0")
	a, ask := c.sent(m)
	shard := m.b.Life.Lookup(group.ShardName(0))
	if shard == nil {
		a.done, a.code = true, code.NotCoordinator
		c.want(d, a)
		return
	}
	topic, index, _ := strings.Cut(arg(d, 1), "-")
	i, _ := strconv.Atoi(index)
	offset, err := strconv.ParseInt(arg(d, 2), 10, 64)
	c.check(err)
	if d.Cmd == "commit" {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = int32(i), offset
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.Partitions = topic, append(t.Partitions, p)
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Version, req.Group, req.Generation, req.Topics = 8, arg(d, 0), -1, append(req.Topics, t)
		shard.Tell(&group.Commit{Ask: ask, Req: req})
		c.want(d, a)
		return
	}
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.Partitions = topic, []int32{int32(i)}
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group, req.Topics = arg(d, 0), append(req.Topics, t)
	shard.Tell(&group.FetchOffsets{Ask: ask, Req: &req})
	c.want(d, a)
	if got, _ := a.value.(int64); a.code == code.OK && got != offset {
		c.fail("%s: the committed offset is %d, not %d", d.Pos, got, offset)
	}
}

// answered takes an answer to the client.
func (c *cluster) answered(m any) {
	if x, ok := m.(writer.Done); ok {
		defer x.Frame.Slab.Release()
	}
	a := c.asks[slotOf(m)]
	if a.done {
		c.fail("%s answers a second time: %+v", name(a.to), m)
	}
	a.done, a.code, a.value = true, codeOf(m), m
	switch m := m.(type) {
	case raftnode.Proposed:
		a.value = m.Result.Value
	case group.FetchedOffsets:
		a.value = int64(-1)
		if len(m.Resp.Topics) > 0 {
			a.value = m.Resp.Topics[0].Partitions[0].Offset
		}
	}
}

// slotOf is the slot of the client's question that an answer is for.
func slotOf(m any) uint64 {
	switch m := m.(type) {
	case writer.Done:
		return m.Slot
	case interface{ AskSlot() uint64 }:
		return m.AskSlot()
	}
	return 0
}

// codeOf is the code of an answer to the client: that of the one thing that it is about.
func codeOf(m any) code.Code {
	switch m := m.(type) {
	case writer.Done:
		return m.Items[0].Code
	case partition.Readable:
		return m.Code
	case controller.Heard:
		return m.Code
	case raftnode.VotersChanged:
		return m.Code
	case group.Committed:
		return code.Code(m.Resp.Topics[0].Partitions[0].ErrorCode)
	case group.FetchedOffsets:
		if m.Resp.ErrorCode != 0 {
			return code.Code(m.Resp.ErrorCode)
		}
		return code.Code(m.Resp.Topics[0].Partitions[0].ErrorCode)
	case raftnode.Proposed:
		switch list := m.Result.Value.(type) {
		case []meta.TopicResult:
			return list[0].Code
		case []meta.PartitionResult:
			return list[0].Code
		case []meta.ConfigResult:
			return list[0].Code
		}
		return m.Result.Code
	}
	return code.OK
}

// spell is an answer in short.
func spell(m any) string {
	switch m := m.(type) {
	case writer.Done:
		if it := &m.Items[0]; it.Code == code.OK {
			return fmt.Sprintf("writer.Done: offset %d", it.Base)
		}
		return "writer.Done: " + codeOf(m).String()
	case partition.Grown:
		return "partition.Grown"
	case partition.Readable:
		return "partition.Readable: " + m.Code.String()
	case group.FetchedOffsets:
		if codeOf(m) == code.OK {
			return fmt.Sprintf("group.FetchedOffsets: %d", m.Resp.Topics[0].Partitions[0].Offset)
		}
	case raftnode.Proposed:
		why := m.Result.Message
		if list, ok := m.Result.Value.([]meta.PartitionResult); ok {
			why = list[0].Message
		}
		return strings.TrimSpace("raftnode.Proposed: " + codeOf(m).String() + " " + why)
	}
	return kit.TypeName(m) + ": " + codeOf(m).String()
}
