package kafka

import (
	"strconv"
	"strings"

	"troupe/actors/meta"
	"troupe/kafka/api"
	"troupe/storage"
	"troupe/storage/record"
)

// Recompression (compression.type of a topic). It happens here, in the reader of the connection, where batches are checked:
// neither the connection's actor nor a partition's spends time on it, the order of the requests is kept because the reader has
// one frame at a time, and what is built is charged to the memory of requests before it is built. How many readers build at a
// time is bounded in package record.

// topicFacts is what the reader of a Produce request must know of a topic.
type topicFacts struct {
	known    bool
	name     string
	needKeys bool           // compacted: records without a key are refused
	ownTime  bool           // LogAppendTime
	target   *record.Target // nil: batches stay as their producer sent them
	maxBytes int            // max.message.bytes, only with target
}

// factsOf reads a topic's settings in force.
func factsOf(img *meta.Image, t *meta.Topic, d meta.Defaults) topicFacts {
	text := func(key string) string {
		v, _ := meta.Effective(img, t, d, key)
		return v
	}
	f := topicFacts{known: true, name: t.Name, needKeys: strings.Contains(text("cleanup.policy"), "compact"), ownTime: strings.TrimSpace(text("message.timestamp.type")) == "LogAppendTime"}
	if kind := text("compression.type"); kind != "producer" {
		f.recoded(strings.TrimSpace(kind), text)
	}
	return f
}

// recoded reads how a topic stores its batches.
func (f *topicFacts) recoded(kind string, text func(key string) string) {
	num := func(key string) int {
		n, _ := strconv.Atoi(strings.TrimSpace(text(key))) // validated when it was set
		return n
	}
	var t record.Target
	switch kind {
	case "uncompressed":
	case "snappy":
		t.Codec = record.Snappy
	case "gzip":
		t = record.Target{Codec: record.Gzip, Level: num("compression.gzip.level")}
	case "lz4":
		t = record.Target{Codec: record.LZ4, Level: num("compression.lz4.level")}
	case "zstd":
		t = record.Target{Codec: record.Zstd, Level: num("compression.zstd.level")}
	default:
		return
	}
	f.target, f.maxBytes = &t, num("max.message.bytes")
}

// rebuilds says whether a batch must be built anew. One that is too large as it came is left to its partition, which refuses it.
func (f *topicFacts) rebuilds(i record.Info) bool {
	return f.target != nil && f.target.Codec != i.Codec && i.Size <= f.maxBytes
}

// renumbers says whether a batch, if it is one, will be built anew and so may count its records as it likes.
func (f *topicFacts) renumbers(b []byte) bool {
	return f.target != nil && len(b) >= record.HeaderLen && record.Batch(b).Codec() != f.target.Codec
}

// rebuild is a batch that its topic wants in another form.
type rebuild struct {
	topic, part int // indexes in the request
	target      record.Target
	most        int // bytes that it may have then
}

func (p *produceParser) at(r *rebuild) *api.ProducePartition {
	return &p.req.Topics[r.topic].Partitions[r.part]
}

// recode builds batches anew and moves them, slab by slab, with those that shared the slab.
func (p *produceParser) recode() error {
	if len(p.rebuild) == 0 {
		return nil
	}
	shared := make([][]*api.ProducePartition, len(p.req.Slabs))
	for i := range p.req.Topics {
		parts := p.req.Topics[i].Partitions
		for k := range parts {
			if n := parts[k].Slab; n >= 0 {
				shared[n] = append(shared[n], &parts[k])
			}
		}
	}
	for len(p.rebuild) > 0 {
		slab := p.at(&p.rebuild[0]).Slab
		n := 0
		for n < len(p.rebuild) && p.at(&p.rebuild[n]).Slab == slab {
			n++
		}
		if err := p.recodeSlab(slab, p.rebuild[:n], shared[slab]); err != nil {
			return err
		}
		p.rebuild = p.rebuild[n:]
	}
	return nil
}

// recodeSlab builds some batches of a slab anew and puts another slab in its place. parts are all that are in it.
func (p *produceParser) recodeSlab(slab int, list []rebuild, parts []*api.ProducePartition) error {
	old := p.req.Slabs[slab]
	charged := old.Cap() + len(parts)*storage.SlabOverhead
	for i := range list {
		info := &p.at(&list[i]).Info
		charged += 2 * int(min(record.Bound(info.Inflated, info.Count), int64(list[i].most))) // once as built, once in the slab
	}
	if !p.acc.take(charged) {
		return errClosed
	}
	batches := make([][]byte, old.Len())
	for i := range batches {
		batches[i] = old.Batch(i)
	}
	for i := range list {
		part := p.at(&list[i])
		b, err := record.Recode(batches[part.At], list[i].target, list[i].most)
		if err != nil {
			part.Err, part.Slab = err, -1
			continue
		}
		batches[part.At] = b
		part.Info.Size, part.Info.Codec = len(b), list[i].target.Codec
	}
	next := pack(batches, parts)
	p.req.Slabs[slab] = next
	old.Release()
	p.acc.refund(charged - next.Cap())
	return nil
}

// pack makes a slab of the batches that parts have, and moves them there.
func pack(batches [][]byte, parts []*api.ProducePartition) *storage.Slab {
	size := 0
	for _, part := range parts {
		if part.Slab >= 0 {
			size += len(batches[part.At]) + storage.SlabOverhead
		}
	}
	s := storage.NewSlab(size)
	for _, part := range parts {
		if part.Slab < 0 {
			continue // refused when it was built
		}
		b := batches[part.At]
		part.At, _ = s.Add(len(b)) // there is room: it was made for these
		copy(s.Batch(part.At), b)
	}
	return s
}
