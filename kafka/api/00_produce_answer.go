package api

import (
	"encoding/binary"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// produceResponse encodes the answer to a Produce by hand: the hottest of all answers, and kmsg compares tagged fields by
// reflection.
type produceResponse struct {
	version int16
	topics  []produceTopic
	results []produceResult
	img     *meta.Image // the newest: leaders are told by it
	leaders []int32     // to be described at the end (v10+)
	name    string      // of the listener
}

func produceAnswer(p *produceCall) *produceResponse {
	return &produceResponse{version: p.c.Version, topics: p.topics, results: p.results, img: p.c.Env.Published.Get().Image, name: p.c.Conn.Listener}
}

// AppendTo implements Response.
func (r *produceResponse) AppendTo(b []byte) ([]byte, [][]byte, func()) {
	w := wire{b: b, flex: r.version >= 9}
	w.array(len(r.topics))
	for i := range r.topics {
		t := &r.topics[i]
		if r.version >= 13 {
			w.b = append(w.b, t.id[:]...)
		} else {
			w.str(t.name)
		}
		w.array(len(t.results))
		for _, k := range t.results {
			r.partition(&w, &r.results[k])
		}
		w.noTags()
	}
	w.i32(0) // throttle time
	r.endpoints(&w)
	return w.b, nil, nil
}

func (r *produceResponse) partition(w *wire, p *produceResult) {
	w.i32(p.index)
	w.i16(int16(p.code))
	w.i64(p.base)
	w.i64(p.appendTime)
	if r.version >= 5 {
		w.i64(p.logStart)
	}
	if r.version >= 8 {
		r.errors(w, p)
	}
	if r.version >= 10 && p.code == code.NotLeaderForPartition {
		if now := r.now(p); now != nil {
			w.b = append(w.b, 1, 0, 9) // one tag, number 0, nine bytes: CurrentLeader
			w.i32(now.Leader)
			w.i32(now.LeaderEpoch)
			w.noTags()
			r.leader(now.Leader)
			return
		}
	}
	w.noTags()
}

// now is the partition as it is by now; nil if it is gone.
func (r *produceResponse) now(p *produceResult) *meta.Partition {
	if p.topic == nil {
		return nil
	}
	t := r.img.TopicByID(p.topic.ID)
	if t == nil || p.index < 0 || int(p.index) >= len(t.Partitions) {
		return nil
	}
	return &t.Partitions[p.index]
}

func (r *produceResponse) errors(w *wire, p *produceResult) {
	w.array(len(p.records))
	for _, e := range p.records {
		w.i32(e.Index)
		w.nullable(e.Message, e.Message == "")
		w.noTags()
	}
	w.nullable(p.message, p.message == "")
}

func (r *produceResponse) leader(id int32) {
	for _, known := range r.leaders {
		if known == id {
			return
		}
	}
	if serves(r.img, id) {
		r.leaders = append(r.leaders, id)
	}
}

// endpoints says where the leaders are that the partitions named.
func (r *produceResponse) endpoints(w *wire) {
	if len(r.leaders) == 0 {
		w.noTags()
		return
	}
	in := wire{flex: true}
	in.array(len(r.leaders))
	for _, id := range r.leaders {
		b := r.img.Broker(id)
		at := listenerOf(b, r.name)
		in.i32(id)
		in.str(at.Host)
		in.i32(int32(at.Port))
		in.nullable(b.Rack, b.Rack == "")
		in.noTags()
	}
	w.b = append(w.b, 1, 0)
	w.b = binary.AppendUvarint(w.b, uint64(len(in.b)))
	w.b = append(w.b, in.b...)
	r.leaders = r.leaders[:0]
}

// listenerOf is the endpoint of a broker under the listener's name, else its first.
func listenerOf(b *meta.Broker, name string) meta.Endpoint {
	for _, l := range b.Listeners {
		if l.Name == name {
			return l
		}
	}
	if len(b.Listeners) > 0 {
		return b.Listeners[0]
	}
	return meta.Endpoint{}
}

// wire appends the protocol's primitive types, in their flexible form if flex.
type wire struct {
	b    []byte
	flex bool
}

func (w *wire) i16(v int16) { w.b = binary.BigEndian.AppendUint16(w.b, uint16(v)) }
func (w *wire) i32(v int32) { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)) }
func (w *wire) i64(v int64) { w.b = binary.BigEndian.AppendUint64(w.b, uint64(v)) }

func (w *wire) array(n int) {
	if w.flex {
		w.b = binary.AppendUvarint(w.b, uint64(n)+1)
		return
	}
	w.i32(int32(n))
}

func (w *wire) str(s string) {
	if w.flex {
		w.b = binary.AppendUvarint(w.b, uint64(len(s))+1)
	} else {
		w.i16(int16(len(s)))
	}
	w.b = append(w.b, s...)
}

func (w *wire) nullable(s string, null bool) {
	switch {
	case !null:
		w.str(s)
	case w.flex:
		w.b = append(w.b, 0)
	default:
		w.i16(-1)
	}
}

func (w *wire) noTags() {
	if w.flex {
		w.b = append(w.b, 0)
	}
}
