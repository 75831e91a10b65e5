package api

import (
	"encoding/binary"
	"sync"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// metadataBody is the answer to a Metadata request, encoded from the image as it is written: that of a wide cluster has hundreds of kilobytes,
// kmsg's form of it several times as much, and a client that does not read would keep all of it. It keeps the image instead, which is shared.
type metadataBody struct {
	form
	version    int16
	ask        metadataAsk
	img        *meta.Image
	clusterID  string
	controller int32
	listener   string
	named      []metadataItem // what was asked for; nil: all topics
	topics     []*meta.Topic  // all topics, the image's own list

	at   metadataPlace
	size int       // 0: not measured yet
	code code.Code // the first in the answer
}

// metadataAsk is what the request wants said of operations.
type metadataAsk struct{ topicOperations, clusterOperations bool }

// metadataItem is one topic that was asked for, or why it is not told.
type metadataItem struct {
	topic *meta.Topic // nil: err says why
	name  *string
	id    meta.TopicID
	err   code.Code
}

// metadataPlace is how far the body has been encoded.
type metadataPlace struct {
	begun, ended bool
	topic        int
	inside       bool // the topic's head is out
	part         int
}

// noOperations is what stands where nothing is said of operations.
const noOperations = -1 << 31

// chunk is about how many bytes of a body are made at a time.
const chunk = 32 << 10

// scratch is where bodies are measured.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, chunk); return &b }}

// Size implements Streamed.
func (m *metadataBody) Size() int {
	if m.size == 0 {
		p := scratch.Get().(*[]byte)
		for !m.at.ended {
			*p = m.Next((*p)[:0])
			m.size += len(*p)
		}
		scratch.Put(p)
		m.at = metadataPlace{}
	}
	return m.size
}

// Held implements Streamed.
func (m *metadataBody) Held() int { return len(m.named) * 64 }

// AppendTo implements Response.
func (m *metadataBody) AppendTo(b []byte) ([]byte, [][]byte, func()) {
	for m.at = (metadataPlace{}); !m.at.ended; {
		b = m.Next(b)
	}
	return b, nil, nil
}

// Next implements Streamed.
func (m *metadataBody) Next(b []byte) []byte {
	if m.at.ended {
		return b
	}
	full := len(b) + chunk - maxElement
	if !m.at.begun {
		b = m.head(b)
		m.at.begun = true
	}
	for ; m.at.topic < m.count(); m.at.topic++ {
		if len(b) >= full {
			return b
		}
		x := m.item(m.at.topic)
		if !m.at.inside {
			b = m.topicHead(b, &x)
			m.at.inside, m.at.part = true, 0
		}
		if x.topic != nil {
			for ; m.at.part < len(x.topic.Partitions); m.at.part++ {
				if len(b) >= full {
					return b
				}
				b = m.partition(b, &x.topic.Partitions[m.at.part])
			}
		}
		b = m.topicTail(b, &x)
		m.at.inside = false
	}
	m.at.ended = true
	return m.tail(b)
}

// maxElement is about the most that a topic's head or a partition takes.
const maxElement = 512

func (m *metadataBody) count() int {
	if m.named != nil {
		return len(m.named)
	}
	return len(m.topics)
}

func (m *metadataBody) item(i int) metadataItem {
	if m.named != nil {
		return m.named[i]
	}
	return metadataItem{topic: m.topics[i]}
}

func (m *metadataBody) head(b []byte) []byte {
	if m.version >= 3 {
		b = binary.BigEndian.AppendUint32(b, 0) // throttled for
	}
	n := 0
	brokers := m.img.Brokers()
	for i := range brokers {
		if !brokers[i].Fenced {
			n++
		}
	}
	b = m.length(b, n)
	for i := range brokers {
		br := &brokers[i]
		if br.Fenced {
			continue
		}
		at := listenerOf(br, m.listener)
		b = appendInt32(b, br.ID)
		b = m.string(b, at.Host)
		b = appendInt32(b, int32(at.Port))
		if m.version >= 1 {
			b = m.nullable(b, rackOf(br))
		}
		b = m.tags(b)
	}
	if m.version >= 2 {
		b = m.nullable(b, text(m.clusterID))
	}
	if m.version >= 1 {
		b = appendInt32(b, m.controller)
	}
	return m.length(b, m.count())
}

func (m *metadataBody) topicHead(b []byte, x *metadataItem) []byte {
	name, id, internal, n := x.name, x.id, false, 0
	if t := x.topic; t != nil {
		name, id, internal, n = &t.Name, t.ID, t.Internal, len(t.Partitions)
	} else if name != nil {
		internal = isInternal(*name)
	}
	b = m.errorCode(b, x.err)
	switch {
	case m.version >= 12:
		b = m.nullable(b, name)
	case name == nil:
		b = m.string(b, "")
	default:
		b = m.string(b, *name)
	}
	if m.version >= 10 {
		b = append(b, id[:]...)
	}
	if m.version >= 1 {
		b = appendBool(b, internal)
	}
	return m.length(b, n)
}

func (m *metadataBody) topicTail(b []byte, x *metadataItem) []byte {
	if m.version >= 8 {
		ops := int32(noOperations)
		if m.ask.topicOperations && x.err != code.UnknownTopicId {
			ops = topicOperations
		}
		b = appendInt32(b, ops)
	}
	return m.tags(b)
}

func (m *metadataBody) partition(b []byte, p *meta.Partition) []byte {
	leader, e := leaderOf(m.img, p), code.OK
	if leader == meta.NoLeader {
		e = code.LeaderNotAvailable
	}
	replicas, isr := p.Replicas, p.ISR
	missing := offline(m.img, p.Replicas)
	if m.version == 0 && len(missing) > 0 { // v0 has no place for them: they are left out, and it says so
		replicas, isr = serving(m.img, p.Replicas), serving(m.img, p.ISR)
		if e == code.OK {
			e = code.ReplicaNotAvailable
		}
	}
	b = m.errorCode(b, e)
	b = appendInt32(b, p.Index)
	b = appendInt32(b, leader)
	if m.version >= 7 {
		b = appendInt32(b, p.LeaderEpoch)
	}
	b = m.ids(b, replicas)
	b = m.ids(b, isr)
	if m.version >= 5 {
		b = m.ids(b, missing)
	}
	return m.tags(b)
}

func (m *metadataBody) tail(b []byte) []byte {
	if m.version >= 8 && m.version <= 10 {
		ops := int32(noOperations)
		if m.ask.clusterOperations {
			ops = clusterOperations
		}
		b = appendInt32(b, ops)
	}
	if m.version >= 13 {
		b = binary.BigEndian.AppendUint16(b, 0)
	}
	return m.tags(b)
}

func (m *metadataBody) errorCode(b []byte, e code.Code) []byte {
	if m.code == code.OK {
		m.code = e
	}
	return binary.BigEndian.AppendUint16(b, uint16(e))
}
