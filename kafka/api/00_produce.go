package api

import (
	"sync/atomic"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
)

// Produce (key 0, versions 3-13; 0-2 are told and closed, see Entry.Served).
//
//	v3 batches in format v2; v4 KAFKA_STORAGE_ERROR; v5 log start offset; v7 zstd (KIP-110); v8 record errors (KIP-467);
//	v9 flexible; v10 current leader and its address (KIP-951); v11, v12 transactions (KIP-890); v13 topic ids (KIP-516).
//
// The reader of the connection has parsed and checked the batches (see ProduceRequest). Here each finds its partition; all
// batches of one slab travel as one frame, and the answer is complete when every frame is Done.
// acks=0 has no answer; an error closes the connection instead.
func produce(c *Call) {
	p := newProduceCall(c)
	p.about()
	if e, message := p.refusal(); e != code.OK {
		for i := range p.results {
			p.results[i].code, p.results[i].message = e, message
		}
	} else {
		p.judge()
	}
	p.askStarts()
	p.send()
	if p.waiting == 0 {
		p.finish()
		return
	}
	c.Next = p.next
}

type produceCall struct {
	c       *Call
	req     *ProduceRequest
	topics  []produceTopic
	results []produceResult
	waiting int // frames and look-ups without an answer
	starts  map[*partition.Locate]*produceResult
	charge  *frameCharge
}

// frameCharge keeps what a request is charged until nothing of its frames is on its way to the disk: the answer may come long before, and then
// producers could send faster than the disk takes it.
type frameCharge struct {
	frames atomic.Int32 // and one more, for the call itself
	give   func()
}

func (f *frameCharge) done() {
	if f.frames.Add(-1) == 0 {
		f.give()
	}
}

// produceTopic is one topic of the answer; its results are those of its list.
type produceTopic struct {
	name    string
	id      [16]byte
	topic   *meta.Topic // nil if there is none
	results []int       // indexes of results
}

// produceResult is the answer for one partition.
type produceResult struct {
	index int32
	topic *meta.Topic
	part  *meta.Partition
	src   *ProducePartition

	code       code.Code
	base       int64
	appendTime int64
	logStart   int64
	message    string
	records    []writer.RecordError
}

// newProduceCall lays out one result per partition. A partition that comes twice has one result and its last batch, as in
// Kafka, which puts them into a map.
func newProduceCall(c *Call) *produceCall {
	p := &produceCall{c: c, req: c.Produce}
	n := 0
	for i := range p.req.Topics {
		n += len(p.req.Topics[i].Partitions)
	}
	p.topics, p.results = make([]produceTopic, 0, len(p.req.Topics)), make([]produceResult, 0, n)
	var names places[topicKey]
	for i := range p.req.Topics {
		src := &p.req.Topics[i]
		if len(src.Partitions) == 0 {
			continue // Kafka answers per partition
		}
		at, fresh := names.add(topicKey{src.Name, src.ID})
		if fresh {
			p.topics = append(p.topics, produceTopic{name: src.Name, id: src.ID, topic: p.find(src)})
		}
		p.lay(&p.topics[at], src)
	}
	return p
}

type topicKey struct {
	name string
	id   [16]byte
}

func (p *produceCall) find(t *ProduceTopic) *meta.Topic {
	if p.c.Version >= 13 {
		return p.c.View.Image.TopicByID(t.ID)
	}
	return p.c.View.Image.Topic(t.Name)
}

func (p *produceCall) lay(t *produceTopic, src *ProduceTopic) {
	var seen places[int32]
	for _, i := range t.results {
		seen.add(p.results[i].index)
	}
	for i := range src.Partitions {
		sp := &src.Partitions[i]
		at, fresh := seen.add(sp.Index)
		if !fresh {
			p.results[t.results[at]].src = sp
			continue
		}
		r := produceResult{index: sp.Index, topic: t.topic, src: sp, base: -1, appendTime: -1, logStart: -1}
		if t.topic != nil && sp.Index >= 0 && int(sp.Index) < len(t.topic.Partitions) {
			r.part = &t.topic.Partitions[sp.Index]
		}
		t.results = append(t.results, len(p.results))
		p.results = append(p.results, r)
	}
}

// refusal finds what refuses the whole request, in Kafka a search for transactional batches that reads the frame of every
// first batch (RequestUtils.hasTransactionalRecords): one that cannot be read, or one of a transaction; those are not served,
// so nobody has the right to them.
func (p *produceCall) refusal() (code.Code, string) {
	for i := range p.req.Topics {
		for j := range p.req.Topics[i].Partitions {
			switch sp := &p.req.Topics[i].Partitions[j]; {
			case sp.Garbled:
				return code.CorruptMessage, sp.Err.Message
			case sp.Transactional:
				return code.TransactionalIdAuthorizationFailed, ""
			}
		}
	}
	return code.OK, ""
}

// judge gives the codes that need no partition actor, in Kafka's order (KafkaApis.handleProduceRequest, then
// ReplicaManager.appendRecords).
func (p *produceCall) judge() {
	for i := range p.results {
		r := &p.results[i]
		err := r.src.Err
		switch {
		case r.topic == nil && p.c.Version >= 13:
			r.code = code.UnknownTopicId
		case r.part == nil:
			r.code = code.UnknownTopicOrPartition
		case err != nil && err.Framing:
			r.refused()
		case p.req.Acks < -1 || p.req.Acks > 1:
			r.code = code.InvalidRequiredAcks
		case r.topic.Internal:
			r.code = code.InvalidTopicException
		case p.c.View.Partition(r.part.ID) == nil:
			r.code = code.NotLeaderForPartition
		case err != nil:
			r.refused()
		case r.src.Slab < 0:
			// The topic was not known yet when the batch was read; the client tries again.
			r.code = code.UnknownTopicOrPartition
		}
	}
}

// refused takes over what the check found.
func (r *produceResult) refused() {
	err := r.src.Err
	r.code = code.Code(err.Code)
	if !err.Custom {
		return
	}
	r.message = err.Message
	for _, e := range err.Records {
		r.records = append(r.records, writer.RecordError{Index: e.Index, Message: e.Message})
	}
}

// askStarts asks for the log start of those whose batch failed in the log's own checks: their answer shows it, and only the
// leader gives that error. Rare, so one look-up per batch.
func (p *produceCall) askStarts() {
	for i := range p.results {
		r := &p.results[i]
		if r.src.Err == nil || !r.src.Err.Validating || r.code != code.Code(r.src.Err.Code) || r.src.Garbled {
			continue
		}
		ask := &partition.Locate{Ask: p.c.Ask(), Timestamp: -2, LeaderEpoch: -1}
		if p.starts == nil {
			p.starts = map[*partition.Locate]*produceResult{}
		}
		p.starts[ask] = r
		p.waiting++
		p.c.View.Partition(r.part.ID).Tell(ask)
	}
}

// send makes a frame of each slab's good batches, and gives each batch to its partition.
func (p *produceCall) send() {
	count := make([]int, len(p.req.Slabs))
	for i := range p.results {
		if r := &p.results[i]; r.code == code.OK {
			count[r.src.Slab]++
		}
	}
	for s, n := range count {
		if n == 0 {
			continue
		}
		f := &writer.Frame{Slab: p.req.Slabs[s], Items: make([]writer.Item, 0, n), ReplyTo: p.c.Sys.Self(), Slot: p.c.Slot, Writer: p.c.Env.Writer, Op: p.c.Op}
		for i := range p.results {
			if r := &p.results[i]; r.code == code.OK && r.src.Slab == s {
				f.Items = append(f.Items, writer.Item{
					Frame: f, At: r.src.At, TopicID: r.topic.ID, Index: r.index, LeaderEpoch: -1, Acks: p.req.Acks, TimeoutMs: p.req.TimeoutMs,
					User: r, Info: r.src.Info, KeysChecked: r.src.KeysChecked, Base: -1, LogStart: -1, AppendTime: -1,
				})
			}
		}
		if p.charge == nil {
			p.charge = &frameCharge{give: p.c.done.Detach()}
			p.charge.frames.Store(1)
		}
		p.charge.frames.Add(1)
		f.LetGo = p.charge.done
		f.Begin()
		p.waiting++
		for i := range f.Items {
			item := &f.Items[i]
			p.c.View.Partition(item.User.(*produceResult).part.ID).Tell(partition.Append{Item: item})
		}
	}
}

// next takes the answers: Done of a frame, Located of a refused batch.
func (p *produceCall) next(_ *Call, answer any) {
	switch m := answer.(type) {
	case writer.Done:
		written := false
		for i := range m.Items {
			m.Items[i].User.(*produceResult).answered(&m.Items[i])
			written = written || m.Items[i].Written
		}
		if !written { // the writer never saw it
			p.charge.done()
		}
	case partition.Located:
		p.starts[m.Locate].located(m)
	}
	p.waiting--
	if p.waiting == 0 {
		p.finish()
	}
}

func (r *produceResult) answered(i *writer.Item) {
	r.code, r.message, r.records = i.Code, i.Message, i.RecordErrors
	r.base, r.logStart, r.appendTime = i.Base, i.LogStart, i.AppendTime
}

func (r *produceResult) located(m partition.Located) {
	if m.Code == code.OK {
		r.logStart = m.Offset
		return
	}
	r.code, r.message, r.records = m.Code, "", nil
}

func (p *produceCall) finish() {
	p.req.Release()
	if p.charge != nil {
		p.charge.done()
	}
	p.record()
	if p.req.Acks != 0 {
		p.c.Send(produceAnswer(p))
		return
	}
	for i := range p.results {
		if r := &p.results[i]; r.code != code.OK {
			p.c.Disconnect("produce with acks=0 failed: " + r.code.String())
			return
		}
	}
	p.c.Silent()
}

// places gives each key the place of its first appearance. Few keys are searched one by one, many by a map.
type places[K comparable] struct {
	list []K
	m    map[K]int
}

// placesMap is the number of keys from which on a map is quicker.
const placesMap = 16

func (p *places[K]) add(k K) (at int, fresh bool) {
	if p.m == nil {
		for i := range p.list {
			if p.list[i] == k {
				return i, false
			}
		}
	} else if i, ok := p.m[k]; ok {
		return i, false
	}
	at = len(p.list)
	p.list = append(p.list, k)
	switch {
	case p.m != nil:
		p.m[k] = at
	case len(p.list) > placesMap:
		p.m = make(map[K]int, 2*placesMap)
		for i, k := range p.list {
			p.m[k] = i
		}
	}
	return at, true
}
