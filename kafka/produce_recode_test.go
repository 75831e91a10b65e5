package kafka

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"troupe/storage"
	"troupe/storage/record"
)

// wants makes topics that store batches by one codec.
func wants(c record.Codec, level, most int) func(int16, string, [16]byte) topicFacts {
	return func(_ int16, name string, _ [16]byte) topicFacts {
		f := topicFacts{known: true}
		if name == "topic-a" || name == "topic-c" {
			f.target, f.maxBytes = &record.Target{Codec: c, Level: level}, most
		}
		return f
	}
}

// Every codec to every other, small batches in one slab and large ones in their own: the records stay, and what needs no change is as it was.
func TestRecodeOfProduce(t *testing.T) {
	for to := record.None; to <= record.Zstd; to++ {
		for _, size := range []int{10, 3000, 500_000} {
			t.Run(fmt.Sprint(to, " ", size), func(t *testing.T) {
				req := produceRequest(t, 9, 3, 8, size)
				sent := request(1, nil, req)
				a, err := stream(t, bytes.Clone(sent), 1<<20, wants(to, 3, 1<<30))
				if err != nil {
					t.Fatal(err)
				}
				plain, err := stream(t, sent, 1<<20, known)
				if err != nil {
					t.Fatal(err)
				}
				for i, topic := range a.call.Produce.Topics {
					for k, p := range topic.Partitions {
						q := plain.call.Produce.Topics[i].Partitions[k]
						if (p.Err == nil) != (q.Err == nil) || (p.Slab < 0) != (q.Slab < 0) {
							t.Fatalf("%d %d: %v, as it came %v", i, k, p.Err, q.Err)
						}
						if p.Slab < 0 {
							continue
						}
						b := record.Batch(a.call.Produce.Slabs[p.Slab].Batch(p.At))
						old := record.Batch(plain.call.Produce.Slabs[q.Slab].Batch(q.At))
						if i == 1 && !bytes.Equal(b, old) {
							t.Errorf("%d %d: changed", i, k)
						}
						if i != 1 && b.Codec() != to || p.Info.Codec != b.Codec() || p.Info.Size != len(b) || !b.Intact() {
							t.Errorf("%d %d: %s, %+v", i, k, b.Codec(), p.Info)
						}
						x, _ := record.Records(old)
						if y, err := record.Records(b); err != nil || !reflect.DeepEqual(x, y) {
							t.Errorf("%d %d: other records: %v", i, k, err)
						}
					}
				}
				release(t, a, plain)
			})
		}
	}
}

func release(t *testing.T, all ...*arrived) {
	t.Helper()
	live := storage.SlabsLive()
	n := 0
	for _, a := range all {
		n += len(a.call.Produce.Slabs)
		a.Refuse()
	}
	if got := live - storage.SlabsLive(); got != int64(n) {
		t.Errorf("%d of %d slabs were released", got, n)
	}
}

// A batch that is too large for its topic as it came is left alone; one that becomes too large is refused, the others of its slab are not.
func TestRecodeSizes(t *testing.T) {
	req := produceRequest(t, 9, 1, 4, 10)
	parts := req.Topics[0].Partitions
	parts[0].Records = batch(t, 10, 100, record.None)
	parts[1].Records = batch(t, 100, 100, record.Gzip)
	parts[2].Records = batch(t, 1, 10, record.LZ4)
	parts[3].Records = batch(t, 100, 100, record.None)
	a, err := stream(t, request(1, nil, req), 1<<20, wants(record.None, 0, 2000))
	if err != nil {
		t.Fatal(err)
	}
	got := a.call.Produce.Topics[0].Partitions
	if got[0].Err != nil || got[2].Err != nil || got[3].Err != nil || got[1].Err == nil || got[1].Err.Code != 10 || got[1].Slab != -1 {
		t.Errorf("%+v", got)
	}
	if got[3].Info.Size != len(parts[3].Records) {
		t.Errorf("too large as it came: %+v", got[3])
	}
	b := record.Batch(a.call.Produce.Slabs[got[2].Slab].Batch(got[2].At))
	if recs, err := record.Records(b); err != nil || b.Codec() != record.None || len(recs) != 1 {
		t.Errorf("%v %v", recs, err)
	}
	release(t, a)
}

// The batches of one request may not buy more time than the request is worth: together they inflate to a bound.
func TestInflatedTogether(t *testing.T) {
	o := record.Plain()
	o.Codec = record.Zstd
	bomb, err := record.Build(o, []record.Record{{Value: make([]byte, 90<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	req := produceRequest(t, 9, 1, 8, 10)
	for i := range req.Topics[0].Partitions {
		req.Topics[0].Partitions[i].Records = bytes.Clone(bomb)
	}
	a, err := stream(t, request(1, nil, req), 1<<20, known)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range a.call.Produce.Topics[0].Partitions {
		if bad := p.Err != nil && p.Err.Code == 87; bad != (i >= minInflate/(90<<20)) {
			t.Errorf("batch %d: %v", i, p.Err)
		}
	}
	release(t, a)
}
