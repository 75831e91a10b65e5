package stories

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/integration/sim"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/record"
)

// stage is one story: a disk, and a broker that lives on it now and then.
type stage struct {
	*kitsim.Stage
	t      *testing.T
	disk   sim.Disk
	b      *sim.Broker
	rng    *rand.Rand
	client *kitsim.Probe
	slot   uint64
	slabs  int64 // held by the dead
}

func TestStories(t *testing.T) {
	kitsim.Stories(t, "testdata/broker", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &stage{Stage: st, t: t, disk: sim.NewModels(false, false), rng: rand.New(rand.NewPCG(1, 1)), slabs: storage.SlabsLive()}
		s.client = st.Probe("client")
		s.client.On = s.heard
		return s.handle
	})
}

// heard says what was decided about each topic, and gives back what an answer brought.
func (s *stage) heard(m any) {
	switch m := m.(type) {
	case writer.Done:
		m.Frame.Slab.Release()
	case raftnode.Proposed:
		list, _ := m.Result.Value.([]meta.TopicResult)
		for _, r := range list {
			s.Say("%s", "  "+strings.TrimSpace(fmt.Sprintf("topic %s: %s %s", r.Name, r.Code, r.Message)))
		}
	}
}

func (s *stage) handle(d *datadriven.TestData) string {
	switch d.Cmd {
	case "start":
		return s.start(d)
	case "kill":
		s.Node.Crash()
		s.disk.Crash(s.rng)
		s.slabs = storage.SlabsLive()
		return ""
	case "shutdown":
		return s.shutdown()
	case "steps":
		return s.steps()
	case "status":
		return s.status()
	case "doctor":
		return s.doctor()
	case "create":
		return s.create(d)
	case "delete":
		return s.delete(d)
	case "produce":
		return s.produce(d)
	case "fetch":
		return s.fetch(d)
	case "topics":
		return s.topics()
	case "actors":
		return strings.Join(slices.DeleteFunc(s.Node.Actors(), func(n string) bool { return !strings.HasPrefix(n, "partition/") }), "\n")
	case "stored":
		ids, err := s.b.Data.Partitions()
		return fmt.Sprintf("data of partitions %v %s", ids, orNothing(err))
	case "stray":
		return s.stray(d)
	case "disk":
		return s.setDisk(d)
	case "clock":
		by, err := time.ParseDuration(arg(d, 0))
		s.Node.JumpClock(by)
		return orNothing(err)
	default:
		d.Fatalf(s.t, "unknown command %s", d.Cmd)
		return ""
	}
}

func orNothing(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

func arg(d *datadriven.TestData, i int) string {
	n := 0
	for _, a := range d.CmdArgs {
		if len(a.Vals) == 0 {
			if n == i {
				return a.Key
			}
			n++
		}
	}
	return ""
}

// opt is the value of key=value, def if it is not there.
func opt(d *datadriven.TestData, key, def string) string {
	for _, a := range d.CmdArgs {
		if a.Key == key && len(a.Vals) == 1 {
			return a.Vals[0]
		}
	}
	return def
}

func num(d *datadriven.TestData, key string, def int64) int64 {
	n, err := strconv.ParseInt(opt(d, key, strconv.FormatInt(def, 10)), 10, 64)
	if err != nil {
		d.Fatalf(nil, "%s: %v", key, err)
	}
	return n
}

// start boots the broker. With create=NAME a topic is proposed at once, before there is a leader. With lose-write=N or lose-apply=N
// the responses from the Nth on are lost inside of the Raft group.
func (s *stage) start(d *datadriven.TestData) string {
	from := func(key string) func(int) bool {
		n := num(d, key, -1)
		if n < 0 {
			return nil
		}
		return func(i int) bool { return int64(i) >= n }
	}
	if s.b != nil {
		s.Restart()
	}
	var err error
	s.b, err = sim.Boot(s.Sys, s.disk, sim.BrokerOptions{TailBytes: 1 << 20,
		Faults: raftnode.Faults{DropAppendResponse: from("lose-write"), DropApplyResponse: from("lose-apply")}})
	if err != nil {
		return err.Error()
	}
	if name := opt(d, "create", ""); name != "" {
		s.propose(meta.CreateTopics{Topics: []meta.NewTopic{newTopic(name, 1)}}, 2*time.Second)
	}
	return ""
}

func (s *stage) shutdown() string {
	if err := s.b.Stop(s.Sim, func() {}); err != nil {
		return err.Error()
	}
	for line := range strings.Lines(s.Out()) {
		if !strings.HasPrefix(line, "ask ") { // what each step of the stop says to whoever waits for it
			s.Say("%s", strings.TrimSuffix(line, "\n"))
		}
	}
	left := s.Node.Actors()
	s.Node.Crash() // timers of nobody
	if err := s.disk.Close(); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("actors left: %v, slabs held: %d", left, storage.SlabsLive()-s.slabs)
}

func newTopic(name string, partitions int64) meta.NewTopic {
	t := meta.NewTopic{Name: name}
	copy(t.ID[:], name)
	for range partitions {
		t.Assignments = append(t.Assignments, []int32{1})
	}
	return t
}

func (s *stage) propose(cmd meta.Command, timeout time.Duration) {
	s.slot++
	s.b.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: s.client.Ref(), Slot: s.slot}, Cmd: cmd, Timeout: timeout})
}

func (s *stage) create(d *datadriven.TestData) string {
	s.propose(meta.CreateTopics{Topics: []meta.NewTopic{newTopic(arg(d, 0), num(d, "partitions", 1))}}, time.Duration(num(d, "timeout", 30))*time.Second)
	return ""
}

func (s *stage) delete(d *datadriven.TestData) string {
	s.propose(meta.DeleteTopics{IDs: []meta.TopicID{newTopic(arg(d, 0), 0).ID}}, 30*time.Second)
	return ""
}

// find is the partition that <topic>-<n> names.
func (s *stage) find(name string) (partID uint32, ref *kit.Ref, index int32, problem string) {
	topic, n, _ := strings.Cut(name, "-")
	i, err := strconv.Atoi(n)
	if err != nil {
		return 0, nil, 0, "no partition in " + name
	}
	v := s.b.Published.Get()
	t := v.Image.Topic(topic)
	if t == nil || i >= len(t.Partitions) {
		return 0, nil, 0, "UNKNOWN_TOPIC_OR_PARTITION"
	}
	id := t.Partitions[i].ID
	if ref := v.Partition(id); ref != nil {
		return id, ref, int32(i), ""
	}
	return 0, nil, 0, "NOT_LEADER_OR_FOLLOWER"
}

// produce appends one batch of the values behind the partition.
func (s *stage) produce(d *datadriven.TestData) string {
	_, ref, index, problem := s.find(arg(d, 0))
	if problem != "" {
		return problem
	}
	o := record.Plain()
	if pid := num(d, "pid", -1); pid >= 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = pid, int16(num(d, "epoch", 0)), int32(num(d, "seq", 0))
	}
	var recs []record.Record
	for i := 1; arg(d, i) != ""; i++ {
		recs = append(recs, record.Record{Timestamp: s.Sys.Now().UnixMilli(), Value: []byte(arg(d, i))})
	}
	b, err := record.Build(o, recs)
	if err != nil {
		return err.Error()
	}
	s.slot++
	f := &writer.Frame{Slab: storage.NewSlab(len(b) + storage.SlabOverhead), ReplyTo: s.client.Ref(), Slot: s.slot, Writer: s.b.Writer}
	at, _ := f.Slab.Add(len(b))
	copy(f.Slab.Batch(at), b)
	info, bad := record.Check(f.Slab.Batch(at), record.Opts{})
	if bad != nil {
		return bad.Message
	}
	f.Items = []writer.Item{{Frame: f, At: at, Index: index, LeaderEpoch: -1, Acks: int16(num(d, "acks", -1)), TimeoutMs: int32(num(d, "timeout", 1000)), Info: info,
		Base: -1, LogStart: -1, AppendTime: -1}}
	f.Begin()
	ref.Tell(partition.Append{Item: &f.Items[0]})
	return ""
}

// fetch reads from an offset to the high watermark, from the tail and from the store, which must agree.
func (s *stage) fetch(d *datadriven.TestData) string {
	id, ref, _, problem := s.find(arg(d, 0))
	if problem != "" {
		return problem
	}
	at := num(d, "from", 0)
	r, ok := kitsim.Ask[partition.Readable](s.Sim, time.Minute, func(to *kit.Ref) {
		ref.Tell(&partition.Read{Ask: kit.Ask{ReplyTo: to}, Offset: at, LeaderEpoch: -1, LastEpoch: -1})
	})
	s.Out()
	if !ok || r.Code != 0 {
		return fmt.Sprintf("answered: %v, %s", ok, r.Code)
	}
	stored, err := s.b.Data.Read(id, at, r.Limit, 1<<20, true)
	if err != nil {
		return err.Error()
	}
	defer stored.Release()
	out := fmt.Sprintf("log [%d, %d), high watermark %d:%s", r.Start, r.Limit, r.High, values(stored))
	if tail, ok := s.b.Tail.Read(id, at, r.Limit, 1<<20, true); ok {
		defer tail.Release()
		if values(tail) != values(stored) {
			return out + "\nand in the tail:" + values(tail)
		}
	}
	return out
}

func values(b storage.Batches) string {
	var w strings.Builder
	for _, raw := range b.Data {
		recs, bad := record.Records(record.Batch(raw))
		if bad != nil {
			return bad.Message
		}
		for _, r := range recs {
			fmt.Fprintf(&w, " %d=%s", r.Offset, r.Value)
		}
	}
	return w.String()
}

// stray puts records of a partition that nobody knows into the store, as a crash between two stores of a worse design would.
func (s *stage) stray(d *datadriven.TestData) string {
	b, err := record.Build(record.Plain(), []record.Record{{Timestamp: 1, Value: []byte("x")}})
	if err != nil {
		return err.Error()
	}
	slab := storage.NewSlab(len(b) + storage.SlabOverhead)
	defer slab.Release()
	at, _ := slab.Add(len(b))
	copy(slab.Batch(at), b)
	w := &storage.Write{Records: []storage.Append{{PartID: uint32(num(d, "part", 99)), Slab: slab, At: at, MaxTime: 1}}}
	if err := s.b.Data.Apply(w); err != nil {
		return err.Error()
	}
	return orNothing(s.b.Data.Wait(w))
}

func (s *stage) setDisk(d *datadriven.TestData) string {
	switch arg(d, 0) {
	case "full":
		s.disk.SetFull(true)
	case "fails":
		s.disk.Fail(sim.WriteError)
	case "slow":
		s.Node.Slow = time.Minute
	default:
		s.disk.SetFull(false)
		s.Node.Slow = 0
	}
	return ""
}
