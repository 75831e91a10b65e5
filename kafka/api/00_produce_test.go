package api

import (
	"bytes"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// producing is a world whose partitions take appends.
type producing struct {
	*world
	refs   map[uint32]*kit.Ref
	taken  []string // "topic-partition first byte of the last value", in the order of arrival
	next   int64    // base offset that is given
	answer code.Code
	hold   bool
	held   []*writer.Item
	writes []writer.Write // if the partitions write
}

func newProducing(t *testing.T) *producing {
	p := &producing{world: newWorld(t, 2, nil), next: 40, refs: map[uint32]*kit.Ref{}}
	p.topic("a", []int32{1, 2}, []int32{1, 2}, []int32{2, 1})
	p.topic("b", []int32{1})
	p.topic("compact", []int32{1})
	for topic := range p.img.Topics() {
		for i := range topic.Partitions {
			part := &topic.Partitions[i]
			if part.Leader == testNode {
				p.refs[part.ID] = p.ref("partition", func(m any) { p.receive(topic, m) })
			}
		}
	}
	p.env.Published.Set(node.ViewWith(p.img, 1, p.refs))
	return p
}

func (p *producing) receive(topic *meta.Topic, m any) {
	switch m := m.(type) {
	case partition.Append:
		b := m.Frame.Slab.Batch(m.At)
		if m.TopicID != topic.ID || m.LeaderEpoch != -1 || !record.Batch(b).Intact() || m.Info.Size != len(b) {
			p.t.Errorf("item %+v", m.Item)
		}
		p.taken = append(p.taken, topic.Name+string(rune('0'+m.Index))+" "+string(b[len(b)-2]))
		m.Code, m.Base, m.LogStart = p.answer, p.next, 7
		if p.answer != code.OK {
			m.Base, m.LogStart = -1, -1
		}
		p.next += 10
		if p.env.Writer != nil {
			m.Written, m.Owner, m.Alive = true, p.ref("owner", func(any) {}), &atomic.Bool{}
		}
		m.Settled()
		if p.hold {
			p.held = append(p.held, m.Item)
			return
		}
		m.Answered()
	case *partition.Locate:
		r := partition.Located{Locate: m, Code: p.answer, Offset: 7}
		m.Reply(r)
	default:
		p.t.Errorf("a partition got %T", m)
	}
}

// toProduce does what the reader of a connection does, the simple way.
func toProduce(t *testing.T, req *kmsg.ProduceRequest, find func(name string, id [16]byte) (known, needKeys bool)) *ProduceRequest {
	out := &ProduceRequest{TransactionalID: req.TransactionID, Acks: req.Acks, TimeoutMs: req.TimeoutMillis}
	for _, rt := range req.Topics {
		pt := ProduceTopic{Name: rt.Topic, ID: rt.TopicID}
		known, needKeys := find(rt.Topic, rt.TopicID)
		for _, rp := range rt.Partitions {
			pp := ProducePartition{Index: rp.Partition, Bytes: len(rp.Records), Slab: -1, KeysChecked: needKeys}
			pp.Transactional = len(rp.Records) > 23 && rp.Records[22]&0x10 != 0
			if len(rp.Records) > 16 && rp.Records[16] > 2 {
				_, pp.Err = record.Check(rp.Records[:17], record.Opts{})
				pp.Garbled = true
			}
			b := bytes.Clone(rp.Records)
			if known && !pp.Garbled {
				pp.Info, pp.Err = record.Check(b, record.Opts{NeedKeys: needKeys, NoZstd: req.Version < 7})
			}
			if known && pp.Err == nil {
				if len(out.Slabs) == 0 || !addBatch(out, &pp, b) {
					out.Slabs = append(out.Slabs, storage.NewSlab(len(b)+storage.SlabOverhead+500))
					addBatch(out, &pp, b)
				}
			}
			pt.Partitions = append(pt.Partitions, pp)
		}
		out.Topics = append(out.Topics, pt)
	}
	return out
}

func addBatch(out *ProduceRequest, pp *ProducePartition, b []byte) bool {
	s := out.Slabs[len(out.Slabs)-1]
	at, ok := s.Add(len(b))
	if ok {
		pp.Slab, pp.At = len(out.Slabs)-1, at
		copy(s.Batch(at), b)
	}
	return ok
}

// produced is one call and how it ended.
type produced struct {
	c     *Call
	end   string // "", "answer", "silent", "closed"
	resp  *kmsg.ProduceResponse
	frame []byte // the answer as it goes out
	given int    // how often the charge was given back
}

func (p *produced) Silent()           { p.end = "silent" }
func (p *produced) Disconnect(string) { p.end = "closed" }
func (p *produced) Rest()             {}
func (p *produced) Detach() func()    { return func() { p.given++ } }
func (p *produced) Respond(r Response) {
	p.end = "answer"
	flexible := p.c.Version >= 9
	frame, _, _ := AppendFrame(nil, 0, flexible, p.c.CorrelationID, r)
	p.frame = frame
	body := frame[8:]
	if flexible {
		body = body[1:]
	}
	p.resp = kmsg.NewPtrProduceResponse()
	p.resp.SetVersion(p.c.Version)
	if err := p.resp.ReadFrom(body); err != nil {
		panic(err)
	}
	if again := p.resp.AppendTo(nil); !bytes.Equal(again, body) {
		panic("not what kmsg writes: " + string(again))
	}
}

func (p *producing) produce(version int16, req *kmsg.ProduceRequest) *produced {
	p.t.Helper()
	req.SetVersion(version)
	img := p.env.Published.Get().Image
	find := func(name string, id [16]byte) (bool, bool) {
		t := img.Topic(name)
		if version >= 13 {
			t = img.TopicByID(id)
		}
		return t != nil, t != nil && t.Name == "compact"
	}
	out := &produced{}
	self := p.ref("conn", func(m any) { out.c.Deliver(m) })
	out.c = &Call{Env: p.env, Sys: worldContext{p.world, self}, Conn: &Conn{Listener: "PLAINTEXT"}, View: p.env.Published.Get(), Table: Table,
		Version: version, Produce: toProduce(p.t.(*testing.T), req, find), Slot: 3}
	out.c.Start(Find(Table, 0), out)
	p.run()
	return out
}

type rec struct {
	topic string
	index int32
	b     []byte
}

// batches is a request of version 12 or less; neighbours of one topic stand together.
func batches(acks int16, list ...rec) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, 1000
	for _, r := range list {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != r.topic {
			t := kmsg.NewProduceRequestTopic()
			t.Topic = r.topic
			req.Topics = append(req.Topics, t)
		}
		t := &req.Topics[len(req.Topics)-1]
		pt := kmsg.NewProduceRequestTopicPartition()
		pt.Partition, pt.Records = r.index, r.b
		t.Partitions = append(t.Partitions, pt)
	}
	return req
}

func one(value string) []byte { return built(value, record.Plain()) }

func built(value string, o record.BuildOpts) []byte {
	b, err := record.Build(o, []record.Record{{Timestamp: 1000, Value: []byte(value)}})
	if err != nil {
		panic(err)
	}
	return b
}

// codes lists topic, partition and code of an answer.
func codes(r *kmsg.ProduceResponse) map[string][]int {
	out := map[string][]int{}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			out[t.Topic] = append(out[t.Topic], int(p.Partition), int(p.ErrorCode))
		}
	}
	return out
}

func (p *producing) want(got *produced, want map[string][]int) {
	p.t.Helper()
	if got.end != "answer" {
		p.t.Fatalf("ended with %q", got.end)
	}
	if c := codes(got.resp); !reflect.DeepEqual(c, want) {
		p.t.Errorf("answered %v, want %v", c, want)
	}
	p.noSlabs()
}

func (p *producing) noSlabs() {
	p.t.Helper()
	if n := storage.SlabsLive() - p.live; n != 0 {
		p.t.Errorf("%d slabs are still held", n)
	}
}

func TestProduce(t *testing.T) {
	p := newProducing(t)
	for v := int16(3); v <= 12; v++ {
		p.taken, p.next = nil, 40
		got := p.produce(v, batches(-1, rec{"a", 1, one("x")}, rec{"b", 0, one("y")}, rec{"a", 0, one("z")}))
		p.want(got, map[string][]int{"a": {1, 0, 0, 0}, "b": {0, 0}})
		if want := []string{"a1 x", "b0 y", "a0 z"}; len(p.taken) != 3 || p.taken[0] != want[0] && p.taken[0] != want[2] {
			t.Errorf("v%d: partitions took %v", v, p.taken)
		}
		first := got.resp.Topics[0].Partitions[0]
		if first.BaseOffset < 40 || first.LogAppendTime != -1 || v >= 5 && first.LogStartOffset != 7 {
			t.Errorf("v%d: %+v", v, first)
		}
	}
}

func TestProduceByID(t *testing.T) {
	p := newProducing(t)
	req := batches(1, rec{"a", 0, one("x")}, rec{"b", 9, one("y")}, rec{"c", 0, one("z")}, rec{"d", 0, one("z")})
	req.Topics[0].TopicID, req.Topics[1].TopicID, req.Topics[2].TopicID = p.img.Topic("a").ID, p.img.Topic("b").ID, [16]byte{99}
	for i := range req.Topics {
		req.Topics[i].Topic = ""
	}
	got := p.produce(13, req)
	if got.end != "answer" || len(got.resp.Topics) != 4 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []int16{0, 3, 100, 100} {
		if r := got.resp.Topics[i]; r.TopicID != req.Topics[i].TopicID || r.Partitions[0].ErrorCode != want {
			t.Errorf("%d: %+v, want %d", i, r, want)
		}
	}
	p.noSlabs()
}

func TestProduceErrors(t *testing.T) {
	p := newProducing(t)
	broken := one("x")
	broken[len(broken)-1] ^= 1
	tx := record.Plain()
	tx.Transactional, tx.ProducerID, tx.ProducerEpoch, tx.BaseSequence = true, 5, 0, 0
	zstd := record.Plain()
	zstd.Codec = record.Zstd
	control := record.Plain()
	control.Control = true
	offset := record.Plain()
	offset.BaseOffset = 4
	magic := one("x")
	magic[16] = 3
	for _, x := range []struct {
		name    string
		version int16
		req     *kmsg.ProduceRequest
		want    map[string][]int
	}{
		{"nothing", 9, batches(-1), map[string][]int{}},
		{"unknown topic", 9, batches(-1, rec{"nope", 0, one("x")}), map[string][]int{"nope": {0, 3}}},
		{"illegal name", 9, batches(-1, rec{"../a", 0, one("x")}), map[string][]int{"../a": {0, 3}}},
		{"unknown partition", 9, batches(-1, rec{"a", 9, one("x")}, rec{"a", -1, one("x")}), map[string][]int{"a": {9, 3, -1, 3}}},
		{"acks", 9, batches(2, rec{"a", 0, one("x")}, rec{"nope", 0, one("x")}), map[string][]int{"a": {0, 21}, "nope": {0, 3}}},
		{"acks and crc", 9, batches(2, rec{"a", 0, broken}, rec{"a", 1, built("x", control)}), map[string][]int{"a": {0, 21, 1, 21}}},
		{"acks and zstd too early", 6, batches(2, rec{"a", 0, built("x", zstd)}, rec{"a", 1, nil}), map[string][]int{"a": {0, 76, 1, 87}}},
		{"crc", 9, batches(-1, rec{"a", 0, broken}, rec{"a", 1, one("x")}), map[string][]int{"a": {0, 2, 1, 0}}},
		{"one that cannot be read refuses all", 9, batches(-1, rec{"a", 0, one("x")}, rec{"b", 0, magic}), map[string][]int{"a": {0, 2}, "b": {0, 2}}},
		{"of an unknown topic too", 9, batches(-1, rec{"a", 0, one("x")}, rec{"nope", 0, magic}), map[string][]int{"a": {0, 2}, "nope": {0, 2}}},
		{"null", 9, batches(-1, rec{"a", 0, nil}), map[string][]int{"a": {0, 87}}},
		{"transaction", 9, batches(-1, rec{"a", 0, built("x", tx)}, rec{"b", 0, one("y")}), map[string][]int{"a": {0, 53}, "b": {0, 53}}},
		{"zstd too early", 6, batches(-1, rec{"a", 0, built("x", zstd)}), map[string][]int{"a": {0, 76}}},
		{"zstd", 7, batches(-1, rec{"a", 0, built("x", zstd)}), map[string][]int{"a": {0, 0}}},
		{"control", 9, batches(-1, rec{"a", 0, built("x", control)}), map[string][]int{"a": {0, 87}}},
		{"base offset", 9, batches(-1, rec{"a", 0, built("x", offset)}), map[string][]int{"a": {0, 87}}},
		{"no key", 9, batches(-1, rec{"compact", 0, one("x")}), map[string][]int{"compact": {0, 87}}},
		{"other broker", 9, batches(-1, rec{"a", 2, one("x")}), map[string][]int{"a": {2, 6}}},
		{"two topics of one name", 9, batches(-1, rec{"a", 0, one("x")}, rec{"b", 0, one("x")}, rec{"a", 1, one("x")}), map[string][]int{"a": {0, 0, 1, 0}, "b": {0, 0}}},
	} {
		t.Run(x.name, func(t *testing.T) {
			p.t = t
			p.want(p.produce(x.version, x.req), x.want)
		})
	}
}

func TestProducePartitionTwice(t *testing.T) {
	p := newProducing(t)
	got := p.produce(9, batches(-1, rec{"a", 0, one("1")}, rec{"b", 0, one("2")}, rec{"a", 0, one("3")}, rec{"a", 0, one("4")}))
	p.want(got, map[string][]int{"a": {0, 0}, "b": {0, 0}})
	if len(p.taken) != 2 || p.taken[0] != "b0 2" && p.taken[1] != "b0 2" || p.taken[0] != "a0 4" && p.taken[1] != "a0 4" {
		t.Errorf("partitions took %v", p.taken)
	}
	var many []rec
	for range 3 {
		for i := range int32(40) {
			many = append(many, rec{"a", i, one("x")})
		}
	}
	got = p.produce(9, batches(-1, many...))
	if n := len(got.resp.Topics[0].Partitions); n != 40 {
		t.Errorf("%d results", n)
	}
}

func TestProduceInternalTopic(t *testing.T) {
	p := newProducing(t)
	p.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: "__consumer_offsets", ID: meta.TopicID{5}, Internal: true, Assignments: [][]int32{{1}}}}})
	p.want(p.produce(9, batches(-1, rec{"__consumer_offsets", 0, one("x")})), map[string][]int{"__consumer_offsets": {0, 17}})
}

func TestProduceWithoutAnswer(t *testing.T) {
	p := newProducing(t)
	if got := p.produce(9, batches(0, rec{"a", 0, one("x")})); got.end != "silent" {
		t.Errorf("ended with %q", got.end)
	}
	if got := p.produce(9, batches(0)); got.end != "silent" {
		t.Errorf("nothing: ended with %q", got.end)
	}
	if got := p.produce(9, batches(0, rec{"a", 0, one("x")}, rec{"nope", 0, one("x")})); got.end != "closed" {
		t.Errorf("with an error: ended with %q", got.end)
	}
	p.answer = code.KafkaStorageError
	if got := p.produce(9, batches(0, rec{"a", 0, one("x")})); got.end != "closed" {
		t.Errorf("with an error of the partition: ended with %q", got.end)
	}
	p.noSlabs()
}

// What a request is charged stays charged until the writer is through with it, though its producer has been answered, or waits for no answer.
func TestProduceIsChargedUntilWritten(t *testing.T) {
	p := newProducing(t)
	if got := p.produce(9, batches(1, rec{"a", 0, one("x")})); got.given != 1 {
		t.Errorf("refused by the partition: given back %d times", got.given)
	}
	p.env.Writer = p.ref("writer", func(m any) { p.writes = append(p.writes, m.(writer.Write)) })
	for _, acks := range []int16{0, 1, -1} {
		got := p.produce(9, batches(acks, rec{"a", 0, one("x")}, rec{"b", 0, one("y")}))
		if got.end == "" || got.given != 0 || len(p.writes) != 1 {
			t.Fatalf("acks %d: ended with %q, given back %d times, %d writes", acks, got.end, got.given, len(p.writes))
		}
		p.writes[0].Refuse() // the writer stops: it lets go
		if p.writes = nil; got.given != 1 {
			t.Fatalf("acks %d: given back %d times", acks, got.given)
		}
	}
	p.noSlabs()
}

// An error of the log's own checks shows the log start; one that is found before does not. Only the leader gives it.
func TestProduceLogStartOnErrors(t *testing.T) {
	p := newProducing(t)
	control := record.Plain()
	control.Control = true
	got := p.produce(9, batches(-1, rec{"a", 0, built("x", control)}, rec{"b", 0, nil}))
	a, b := got.resp.Topics[0].Partitions[0], got.resp.Topics[1].Partitions[0]
	if a.LogStartOffset != 7 || a.BaseOffset != -1 || b.LogStartOffset != -1 || a.ErrorMessage != nil {
		t.Errorf("%+v %+v", a, b)
	}
	got = p.produce(9, batches(-1, rec{"compact", 0, one("x")}))
	if r := got.resp.Topics[0].Partitions[0]; r.ErrorMessage == nil || len(r.ErrorRecords) != 1 || r.ErrorRecords[0].ErrorMessage == nil || r.LogStartOffset != 7 {
		t.Errorf("%+v", r)
	}
	p.answer = code.NotLeaderForPartition
	p.want(p.produce(9, batches(-1, rec{"a", 0, built("x", control)})), map[string][]int{"a": {0, 6}})
}

func TestProduceTellsTheLeader(t *testing.T) {
	p := newProducing(t)
	for v := int16(3); v <= 12; v++ {
		got := p.produce(v, batches(-1, rec{"a", 2, one("x")}, rec{"b", 0, one("x")}))
		r := got.resp.Topics[0].Partitions[0]
		if v < 10 {
			if len(got.resp.Brokers) != 0 {
				t.Errorf("v%d: %+v", v, got.resp.Brokers)
			}
			continue
		}
		if r.CurrentLeader.LeaderID != 2 || r.CurrentLeader.LeaderEpoch != p.img.Topic("a").Partitions[2].LeaderEpoch {
			t.Errorf("v%d: %+v", v, r.CurrentLeader)
		}
		if len(got.resp.Brokers) != 1 || got.resp.Brokers[0].Host != "h2" || got.resp.Brokers[0].Port != 9092 || *got.resp.Brokers[0].Rack != "r2" {
			t.Errorf("v%d: %+v", v, got.resp.Brokers)
		}
	}
}

// The answer waits for the last partition.
func TestProduceWaits(t *testing.T) {
	p := newProducing(t)
	p.hold = true
	got := p.produce(9, batches(-1, rec{"a", 0, one("x")}, rec{"b", 0, one("y")}))
	if got.end != "" || len(p.held) != 2 {
		t.Fatalf("ended with %q, %d held", got.end, len(p.held))
	}
	for _, i := range p.held {
		if got.end != "" {
			t.Error("answered too early")
		}
		i.Answered()
		p.run()
	}
	p.want(got, map[string][]int{"a": {0, 0}, "b": {0, 0}})
}
