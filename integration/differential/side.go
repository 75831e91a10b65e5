package differential

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Side is one broker as one case sees it: a connection, the names of what cannot be compared, and the transcript.
type Side struct {
	addr     string
	nodes    []string  // of a cluster: the address of each, by node id
	prefix   string    // of the topics of this case
	epoch    time.Time // what timestamps in records are counted from; the same on both sides
	w        *wire
	steps    int
	settling int
	lines    []Line
	own      bool // show only topics of this case
	packed   bool // brokers pack batches themselves: sizes are shown unpacked
	texts    bool // show error messages word by word
	orders   bool // show the order of elements

	topicIDs  map[[16]byte]string
	producers map[int64]string
	sessions  map[int32]string

	conn    string // name of the present connection
	conns   map[string]*wire
	members map[string]string
}

// A Line is one fact of a transcript.
type Line struct{ Path, Value string }

// abandon ends a case on one side whose next step would make no sense.
type abandon struct{ why string }

func newSide(addr, prefix string, epoch time.Time) *Side {
	return &Side{
		addr: addr, prefix: prefix, epoch: epoch,
		topicIDs: map[[16]byte]string{}, producers: map[int64]string{}, sessions: map[int32]string{},
	}
}

// run plays the conversation; giving up is part of the transcript.
func (s *Side) run(c Case, v int16) {
	defer func() {
		s.hangUp()
		switch e := recover().(type) {
		case nil:
		case abandon:
			s.note("abandoned", e.why)
		default:
			s.note("abandoned", fmt.Sprint("panic: ", e))
		}
	}()
	c.Run(s, v)
}

func (s *Side) note(path, value string) { s.lines = append(s.lines, Line{path, value}) }

// step begins the next exchange of the transcript.
func (s *Side) step(what string) string {
	s.steps++
	return fmt.Sprintf("%03d %s", s.steps, what)
}

func (s *Side) wire() *wire {
	if s.w == nil {
		w, err := dial(s.addr)
		if err != nil {
			panic(abandon{"no connection"})
		}
		s.w = w
	}
	return s.w
}

// redial leaves the connection; the next exchange opens another one.
func (s *Side) redial() {
	if s.w != nil {
		s.w.close()
		s.w = nil
	}
}

// exchange sends the request and reads its answer; the connection is dropped when there is none.
func (s *Side) exchange(v int16, req kmsg.Request, limit time.Duration) (kmsg.Response, int, error) {
	req.SetVersion(v)
	w := s.wire()
	w.next++
	id := w.next
	if err := w.write(frame(encode(req, id))); err != nil {
		s.redial()
		return nil, 0, err
	}
	payload, err := w.read(limit)
	if err != nil {
		s.redial()
		return nil, 0, err
	}
	resp, got, rest, err := decode(req, payload)
	if err == nil && got != id {
		err = fmt.Errorf("correlation id %d for %d", got, id)
	}
	if err != nil {
		s.redial()
	}
	return resp, rest, err
}

// Ask sends a request and writes the answer into the transcript. It gives nil when there was none.
func (s *Side) Ask(v int16, req kmsg.Request) kmsg.Response { return s.AskWithin(v, req, answerTime) }

// AskWithin is Ask with a limit of its own.
func (s *Side) AskWithin(v int16, req kmsg.Request, limit time.Duration) kmsg.Response {
	at := s.step(fmt.Sprintf("%s v%d", strings.TrimSuffix(kmsg.NameForKey(req.Key()), "Request"), v))
	resp, rest, err := s.exchange(v, req, limit)
	if err != nil {
		s.note(at, err.Error())
		return nil
	}
	s.note(at, "answer")
	if rest != 0 {
		s.note(at+" bytes beyond the schema", fmt.Sprint(rest))
	}
	s.show(at, resp)
	return resp
}

// Must asks outside the transcript: what a case needs before it begins.
func (s *Side) Must(v int16, req kmsg.Request) kmsg.Response {
	resp, _, err := s.exchange(v, req, answerTime)
	if err != nil {
		panic(abandon{kmsg.NameForKey(req.Key()) + " while preparing: " + err.Error()})
	}
	return resp
}

// Raw sends bytes as they are, and notes the end of the connection, silence, or the answer's length and its first bytes
// (the correlation id, and what tells an error code in most answers).
func (s *Side) Raw(what string, b []byte) { s.RawWithin(what, b, answerTime) }

// RawWithin is Raw with a limit of its own.
func (s *Side) RawWithin(what string, b []byte, limit time.Duration) {
	at := s.step("raw " + what)
	w := s.wire()
	err := w.write(b)
	var payload []byte
	if err == nil {
		payload, err = w.read(limit)
	}
	if err != nil {
		s.note(at, err.Error())
		s.redial()
		return
	}
	s.note(at, "answer")
	s.note(at+" head", fmt.Sprintf("%x", payload[:min(6, len(payload))]))
}

// RawAnswer sends bytes and shows the answer as one to req.
func (s *Side) RawAnswer(what string, req kmsg.Request, b []byte) {
	at := s.step("raw " + what)
	w := s.wire()
	err := w.write(b)
	var payload []byte
	if err == nil {
		payload, err = w.read(answerTime)
	}
	if err != nil {
		s.note(at, err.Error())
		s.redial()
		return
	}
	resp, id, rest, err := decode(req, payload)
	if err != nil {
		s.note(at, "undecodable: "+err.Error())
		return
	}
	s.note(at, fmt.Sprintf("answer to %d, %d bytes beyond the schema", id, rest))
	s.show(at, resp)
}

// Alive shows that the connection still serves.
func (s *Side) Alive() {
	if s.w == nil {
		s.note(s.step("alive"), errClosed.Error())
		return
	}
	resp, _, err := s.exchange(0, kmsg.NewPtrApiVersionsRequest(), answerTime)
	if err != nil {
		s.note(s.step("alive"), err.Error())
		return
	}
	s.note(s.step("alive"), fmt.Sprint("ApiVersions error ", resp.(*kmsg.ApiVersionsResponse).ErrorCode))
}

// Name gives the topic's name in this case: the same on both sides, different in each case.
func (s *Side) Name(suffix string) string { return s.prefix + suffix }

// Topic makes a topic and waits until its leaders are known. Configs are KEY=VALUE.
func (s *Side) Topic(suffix string, partitions int32, configs ...string) string {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = s.Name(suffix), partitions, 1
	for _, kv := range configs {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		key, value, _ := strings.Cut(kv, "=")
		config.Name, config.Value = key, &value
		topic.Configs = append(topic.Configs, config)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10000
	req.Topics = append(req.Topics, topic)
	made := s.Must(7, req).(*kmsg.CreateTopicsResponse)
	if len(made.Topics) != 1 || made.Topics[0].ErrorCode != 0 {
		panic(abandon{fmt.Sprintf("topic %s could not be made: %+v", topic.Topic, made.Topics)})
	}
	s.WaitTopic(topic.Topic, int(partitions))
	return topic.Topic
}

// WaitTopic waits until metadata shows n partitions with leaders and these serve, and learns the topic's id.
func (s *Side) WaitTopic(name string, n int) {
	for range 200 {
		req := kmsg.NewPtrMetadataRequest()
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = &name
		req.Topics = append(req.Topics, asked)
		got := s.Must(12, req).(*kmsg.MetadataResponse)
		led := 0
		for _, t := range got.Topics {
			if t.TopicID != ([16]byte{}) {
				s.topicIDs[t.TopicID] = name
			}
			for _, p := range t.Partitions {
				if p.Leader >= 0 && p.ErrorCode == 0 {
					led++
				}
			}
		}
		if led == n && s.serves(name, n) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"topic " + name + " got no leaders"})
}

// serves tells whether the first n partitions answer: Kafka shows a leader a moment before it is one.
func (s *Side) serves(topic string, n int) bool {
	var whens []when
	for p := range int32(n) {
		whens = append(whens, when{topic: topic, partition: p, stamp: -1})
	}
	for _, t := range s.Must(5, listOffsets(whens...)).(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return false
			}
		}
	}
	return true
}

// ID gives the topic's id on this side.
func (s *Side) ID(name string) [16]byte {
	for id, known := range s.topicIDs {
		if known == name && id != ([16]byte{}) {
			return id
		}
	}
	panic(abandon{"no id of topic " + name})
}

// settled waits until changes of settings that were answered show: Kafka answers when they are decided, and acts by them a moment
// later, in their order. So it makes another one, of a group that nobody has, and waits for that.
func (s *Side) settled() {
	s.settling++
	name, want := "settled-"+s.prefix, fmt.Sprint(45000+s.settling)
	s.Must(1, altering(changed(configGroup, name, "consumer.session.timeout.ms="+want)))
	for range 200 {
		got := s.Must(4, brief(described(configGroup, name, "consumer.session.timeout.ms"))).(*kmsg.DescribeConfigsResponse)
		if c := got.Resources[0].Configs; len(c) == 1 && c[0].Value != nil && *c[0].Value == want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	panic(abandon{"a change of settings does not show"})
}

// Stamp is a timestamp that is the same on both sides, ms after the beginning of the run's own time.
func (s *Side) Stamp(ms int64) int64 { return s.epoch.UnixMilli() + ms }

// Producer gets a producer id.
func (s *Side) Producer() (id int64, epoch int16) {
	for range 100 {
		r := s.Must(4, kmsg.NewPtrInitProducerIDRequest()).(*kmsg.InitProducerIDResponse)
		if r.ErrorCode == 0 {
			s.producer(r.ProducerID)
			return r.ProducerID, r.ProducerEpoch
		}
		time.Sleep(50 * time.Millisecond)
	}
	panic(abandon{"no producer id"})
}

// shorten gives a payload's frame without its last n bytes, with the length either corrected or as it was claimed.
func shorten(payload []byte, n int, claim bool) []byte {
	b := frame(payload[:len(payload)-n])
	if claim {
		binary.BigEndian.PutUint32(b, uint32(len(payload)))
	}
	return b
}
