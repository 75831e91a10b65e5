package kafka

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/api"
	"troupe/storage"
	"troupe/storage/record"
)

// pieces is a socket that delivers its bytes in pieces of at most n.
type pieces struct {
	net.Conn
	b []byte
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.b)
	p.b = p.b[n:]
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

// stream parses one framed request as a connection does.
func stream(t testing.TB, b []byte, piece int, find func(int16, string, [16]byte) topicFacts) (*arrived, error) {
	cfg := Config{}.withDefaults()
	r := newReader(newSource(&pieces{b: b, n: piece}, time.Second, time.Second), &cfg, newMemory(1<<30, 1<<30), find)
	live := storage.SlabsLive()
	m := r.next()
	if a, ok := m.(*arrived); ok {
		return a, nil
	}
	if n := storage.SlabsLive(); n != live {
		t.Fatalf("%d slabs leaked", n-live)
	}
	if n := r.mem.requests.inUse(); n != 0 {
		t.Fatalf("%d bytes stay charged", n)
	}
	return nil, m.(readEnded).reason
}

func known(int16, string, [16]byte) topicFacts { return topicFacts{known: true} }

func batch(t testing.TB, n, size int, codec record.Codec) []byte {
	recs := make([]record.Record, n)
	for i := range recs {
		recs[i] = record.Record{Timestamp: int64(1000 + i), Key: []byte{byte(i)}, Value: bytes.Repeat([]byte{byte(i)}, size)}
	}
	o := record.Plain()
	o.Codec = codec
	b, err := record.Build(o, recs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// produceRequest has topics of some partitions each; every third batch is broken, every fifth null.
func produceRequest(t testing.TB, version int16, topics, parts, size int) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(version)
	req.Acks, req.TimeoutMillis = -1, 1500
	for i := range topics {
		rt := kmsg.NewProduceRequestTopic()
		rt.Topic, rt.TopicID = "topic-"+string(rune('a'+i)), [16]byte{1, byte(i)}
		for j := range parts {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Partition = int32(j)
			p.Records = batch(t, 1+j%4, size, record.Codec(j%5))
			switch k := i*parts + j; {
			case k%5 == 4:
				p.Records = nil
			case k%3 == 2:
				p.Records[len(p.Records)-1] ^= 0x55
			}
			rt.Partitions = append(rt.Partitions, p)
		}
		req.Topics = append(req.Topics, rt)
	}
	return req
}

// sameProduce compares what was streamed with what kmsg decodes.
func sameProduce(t *testing.T, c *api.Call, want *kmsg.ProduceRequest) {
	t.Helper()
	got := c.Produce
	if got.Acks != want.Acks || got.TimeoutMs != want.TimeoutMillis || !reflect.DeepEqual(got.TransactionalID, want.TransactionID) || len(got.Topics) != len(want.Topics) {
		t.Fatalf("%+v, want %+v", got, want)
	}
	for i, wt := range want.Topics {
		gt := got.Topics[i]
		if gt.Name != wt.Topic || gt.ID != wt.TopicID || len(gt.Partitions) != len(wt.Partitions) {
			t.Fatalf("topic %d: %q %x with %d partitions, want %q %x with %d", i, gt.Name, gt.ID, len(gt.Partitions), wt.Topic, wt.TopicID, len(wt.Partitions))
		}
		for j, wp := range wt.Partitions {
			samePartition(t, got, &gt.Partitions[j], wp.Partition, wp.Records, c.Version)
		}
	}
}

func samePartition(t *testing.T, r *api.ProduceRequest, got *api.ProducePartition, index int32, records []byte, version int16) {
	t.Helper()
	size := len(records)
	if records == nil {
		size = -1
	}
	if got.Index != index || got.Bytes != size {
		t.Fatalf("partition %d of %d bytes, want %d of %d", got.Index, got.Bytes, index, size)
	}
	records = bytes.Clone(records)
	info, err := record.Check(records, record.Opts{NoZstd: version < 7})
	if !reflect.DeepEqual(got.Err, err) || err == nil && got.Info != info {
		t.Fatalf("partition %d: %+v %v, want %+v %v", index, got.Info, got.Err, info, err)
	}
	if err != nil {
		if got.Slab != -1 {
			t.Fatalf("partition %d was refused and is in slab %d", index, got.Slab)
		}
		return
	}
	if b := r.Slabs[got.Slab].Batch(got.At); !bytes.Equal(b, records[:info.Size]) {
		t.Fatalf("partition %d: other bytes", index)
	}
}

func TestProduceStream(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		for _, size := range []int{10, 3000, 200_000} {
			req := produceRequest(t, version, 2, 7, size)
			if version >= 5 {
				id := "tx"
				req.TransactionID = &id
			}
			b := request(3, nil, req)
			want := kmsg.NewPtrProduceRequest()
			want.SetVersion(version)
			if err := want.ReadFrom(req.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
			for _, piece := range []int{1 << 20, 1000, 7} {
				if piece == 7 && size > 10 {
					continue
				}
				a, err := stream(t, b, piece, known)
				if err != nil {
					t.Fatalf("v%d: %v", version, err)
				}
				sameProduce(t, a.call, want)
				a.Refuse()
			}
		}
	}
	if n := storage.SlabsLive(); n != 0 {
		t.Errorf("%d slabs are left", n)
	}
}

// Cut anywhere, a request is refused and leaves nothing behind.
func TestProduceStreamCut(t *testing.T) {
	for _, version := range []int16{3, 9, 13} {
		body := produceRequest(t, version, 2, 4, 20).AppendTo(nil)
		for n := range body {
			b := frameOf(0, version, version >= 9, body[:n])
			if a, err := stream(t, b, 1<<20, known); err == nil {
				t.Fatalf("v%d cut at %d of %d passed: %+v", version, n, len(body), a.call.Produce)
			}
		}
	}
}

// A single batch larger than a slab, from a client that has shown nothing yet, and many batches that fill several slabs.
func TestProduceStreamLarge(t *testing.T) {
	req := produceRequest(t, 9, 1, 1, 9<<20)
	a, err := stream(t, request(1, nil, req), 1<<20, known)
	if err != nil {
		t.Fatal(err)
	}
	if p := a.call.Produce; p.Topics[0].Partitions[0].Err != nil || len(p.Slabs) != 1 || !bytes.Equal(p.Slabs[0].Batch(0), req.Topics[0].Partitions[0].Records) {
		t.Error("a batch of 9 MiB did not arrive whole")
	}
	a.Refuse()
	req = produceRequest(t, 9, 3, 20, 100_000)
	if a, err = stream(t, request(1, nil, req), 1<<20, known); err != nil {
		t.Fatal(err)
	}
	for i, s := range a.call.Produce.Slabs {
		if s.Cap() > 2*slabMax {
			t.Errorf("slab %d takes %d bytes", i, s.Cap())
		}
	}
	if n := len(a.call.Produce.Slabs); n > 8 {
		t.Errorf("%d slabs", n)
	}
	a.Refuse()
}

func TestProduceStreamUnknownTopic(t *testing.T) {
	o := record.Plain()
	o.Transactional, o.ProducerID, o.ProducerEpoch, o.BaseSequence = true, 7, 0, 0
	tx, err := record.Build(o, []record.Record{{Value: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	req := produceRequest(t, 9, 2, 2, 100)
	req.Topics[0].Partitions[1].Records = tx
	a, err := stream(t, request(1, nil, req), 1000, func(_ int16, name string, _ [16]byte) topicFacts {
		return topicFacts{known: name == "topic-b", needKeys: true}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Refuse()
	p := a.call.Produce
	for i, part := range p.Topics[0].Partitions {
		if part.Slab != -1 || part.Err != nil || part.Transactional != (i == 1) {
			t.Errorf("unknown topic: %+v", part)
		}
	}
	if b := p.Topics[1].Partitions[1]; b.Slab != 0 || !b.KeysChecked || b.At != 0 {
		t.Errorf("known topic: %+v", b)
	}
}

func FuzzProduceStream(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for version := int16(3); version <= 13; version++ {
		f.Add(version, produceRequest(f, version, 1+r.IntN(2), 1+r.IntN(3), r.IntN(40)).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		e := api.Find(api.Table, 0)
		if !e.Serves(version) {
			return
		}
		a, err := stream(t, frameOf(0, version, version >= 9, body), 100, known)
		if err != nil && strings.Contains(err.Error(), "malformed") {
			return // stricter than kmsg on purpose, or what kmsg must not be asked
		}
		want := kmsg.NewPtrProduceRequest()
		want.SetVersion(version)
		if bad := want.ReadFrom(body); (bad == nil) != (err == nil) {
			t.Fatalf("streamed: %v, kmsg: %v", err, bad)
		}
		if err == nil {
			sameProduce(t, a.call, want)
			a.Refuse()
		}
	})
}

func BenchmarkProduceStream(b *testing.B) {
	req := produceRequest(b, 9, 1, 12, 0)
	for i := range req.Topics[0].Partitions {
		req.Topics[0].Partitions[i].Records = batch(b, 80, 1024, record.None)
	}
	bytes := request(1, nil, req)
	cfg := Config{}.withDefaults()
	p := &pieces{n: 256 << 10}
	r := newReader(newSource(p, time.Second, time.Second), &cfg, newMemory(1<<30, 1<<30), known)
	b.SetBytes(int64(binary.BigEndian.Uint32(bytes)))
	b.ReportAllocs()
	for b.Loop() {
		p.b = bytes
		r.next().(*arrived).Refuse()
	}
}

func TestProduceStreamGarbled(t *testing.T) {
	magic, short, crc, old := batch(t, 1, 10, record.None), batch(t, 1, 10, record.None), batch(t, 1, 10, record.None), batch(t, 1, 10, record.None)
	magic[16], old[16] = 3, 1
	copy(short[8:], []byte{0, 0, 0, 13})
	crc[len(crc)-1] ^= 1
	for _, isKnown := range []bool{true, false} {
		req := produceRequest(t, 9, 1, 5, 10)
		for i, b := range [][]byte{magic, short, crc, old, []byte("no batch")} {
			req.Topics[0].Partitions[i].Records = b
		}
		a, err := stream(t, request(1, nil, req), 100, func(int16, string, [16]byte) topicFacts { return topicFacts{known: isKnown} })
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range a.call.Produce.Topics[0].Partitions {
			if want := i < 2; p.Garbled != want || want && (p.Err == nil || p.Err.Code != 2) {
				t.Errorf("known %v, partition %d: %+v", isKnown, i, p)
			}
		}
		a.Refuse()
	}
}

// A topic that a client has heard of elsewhere may be news that is on its way here: its batches are read when it is known, and the wait is one
// for the whole request.
func TestProduceOfTopicThatIsNotHereYet(t *testing.T) {
	b := request(1, nil, produceRequest(t, 9, 3, 1, 10))
	for _, c := range []struct {
		behind bool
		known  int // at which look; 0: never
		most   int // looks
		slabs  int
	}{{true, 3, 5, 1}, {true, 0, 3 + int(api.BehindWait/api.LookEvery), 0}, {false, 0, 3, 0}} {
		looks := 0
		find := func(int16, string, [16]byte) topicFacts {
			looks++
			return topicFacts{known: c.known > 0 && looks >= c.known}
		}
		cfg := Config{}.withDefaults()
		r := newReader(newSource(&pieces{b: b, n: 1 << 20}, time.Second, time.Second), &cfg, newMemory(1<<30, 1<<30), find)
		r.behind = func() bool { return c.behind }
		a, ok := r.next().(*arrived)
		if !ok || looks != c.most || len(a.call.Produce.Slabs) != c.slabs {
			t.Errorf("%+v: %d looks, %v", c, looks, a)
		}
		if ok {
			a.call.Produce.Release()
		}
	}
}
