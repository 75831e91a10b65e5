package differential

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// seeds are how many conversations by chance each version gets: SEEDS of the environment, or one; SEED is the first of them.
func seeds() (first, n int) {
	n = 1
	if x, err := strconv.Atoi(os.Getenv("SEEDS")); err == nil {
		n = x
	}
	first, _ = strconv.Atoi(os.Getenv("SEED"))
	return first, n
}

// unasked are keys whose requests are not left to chance: they wait for others, change what all share, or have no fields.
var unasked = map[int16]bool{11: true, 14: true, 17: true, 18: true, 22: true, 36: true, 55: true, 57: true, 64: true}

// randomGroups are the conversations by chance: several requests of one key and version, about a small world.
func randomGroups() (out []Group) {
	first, n := seeds()
	for _, x := range spans {
		if unasked[x.key] {
			continue
		}
		g := Group{Name: "random/" + kmsg.NameForKey(x.key)}
		for seed := first; seed < first+n; seed++ {
			g.Cases = append(g.Cases, Case{fmt.Sprint("seed ", seed), x.min, x.max, func(s *Side, v int16) { s.random(x.key, v, uint64(seed)) }})
		}
		out = append(out, g)
	}
	return out
}

// random asks a dozen times and shows what is left.
func (s *Side) random(key, v int16, seed uint64) {
	c := s.world(key, rand.New(rand.NewPCG(seed, uint64(key)<<16|uint64(v))))
	s.own = true
	for range 12 {
		c.ask(key, v)
	}
	s.remains(c)
}

// ask asks for something of a key by chance.
func (c *chooser) ask(key, v int16) {
	req := kmsg.RequestForKey(key)
	req.SetVersion(v)
	c.fill(reflect.ValueOf(req).Elem())
	asked := c.agreeing(v, tamed(v, req))
	c.s.after(asked, c.s.Ask(v, asked))
}

// world makes a topic of two partitions with records of all kinds, one that is compacted, and where groups are asked about, one that
// has a member and one that only has offsets.
func (s *Side) world(key int16, r *rand.Rand) *chooser {
	t, u := s.Topic("t", 2), s.Topic("u", 1, "cleanup.policy=compact", "message.timestamp.type=LogAppendTime")
	zipped, numbered := s.batchOf("c", "d", "e"), s.batchOf("f")
	zipped.attrs, zipped.firstStamp = gzipped, s.Stamp(50)
	numbered.pid, numbered.epoch, numbered.seq = madeUp+1, 0, 0
	s.Put(t, 0, s.batchOf("a", "b"), zipped, numbered)
	s.Put(t, 1, s.batchOf("g", "h", "i", "j"))
	s.Must(2, deleteRecords(cut{t, 1, 1}))
	s.Put(u, 0, s.batchOf("k"))
	c := &chooser{s: s, r: r, topics: []string{t, t, t, u, u, s.Name("none"), "a/b", ""}, members: []string{"", "", "stranger"}}
	g, h := s.Name("g"), s.Name("h")
	if grouped[key] {
		m := s.consumer("a", s.Coordinated("g"))
		m.session = 600_000
		m.settle()
		s.On("").committed(s.Coordinated("h"), commitAt{t, 0, 5}, commitAt{u, 0, 0})
		s.On("a").committedBy(m, commitAt{t, 0, 3}, commitAt{t, 1, 4})
		s.On("").awaitCoordinator(s.Name("none"))
		s.awaitCoordinator("")
		c.members = append(c.members, m.id, m.id)
	}
	c.groups = []string{g, g, h, h, s.Name("none")}
	c.kinds = []change{{configTopic, t, nil}, {configTopic, u, nil}, {configTopic, s.Name("none"), nil}, {configGroup, g, nil}, {configMetrics, s.Name("m"), nil}, {configTopic, "", nil}, {3, "x", nil}}
	if key == 32 {
		c.kinds = append(c.kinds, change{configBroker, "1", nil}, change{configBroker, "2", nil})
	}
	return c
}

// committedBy commits as a member, outside the transcript.
func (s *Side) committedBy(m *member, list ...commitAt) { s.Must(7, m.committing(list...)) }

// agreeing makes those fields of a request fit each other that mean nothing alone.
func (c *chooser) agreeing(v int16, req kmsg.Request) kmsg.Request {
	switch r := req.(type) {
	case *kmsg.MetadataRequest:
		r.AllowAutoTopicCreation = false
		for i := range r.Topics {
			t := &r.Topics[i]
			switch {
			case v < 4 && t.Topic != nil && *t.Topic == c.s.Name("none"):
				t.Topic = ptr("..")
			case t.Topic == nil && t.TopicID == ([16]byte{}), v < 10 && t.Topic == nil:
				t.Topic = &c.topics[0]
			}
		}
		if v > 10 {
			r.IncludeClusterAuthorizedOperations = false
		}
	case *kmsg.ProduceRequest:
		onceEach(v, r)
	case *kmsg.DeleteTopicsRequest:
		for i := range r.Topics {
			if r.Topics[i].Topic != nil {
				r.Topics[i].TopicID = [16]byte{}
			}
		}
	case *kmsg.CreateDelegationTokenRequest:
		r.OwnerPrincipalName, r.OwnerPrincipalType = nil, nil
	case *kmsg.CreateTopicsRequest:
		for i := range r.Topics {
			t := &r.Topics[i]
			t.Topic = pick(c.r, []string{c.s.Name("new"), c.s.Name("new"), c.s.Name("two"), t.Topic})
			if c.r.IntN(3) > 0 {
				t.ReplicaAssignment = nil
			}
			for j := range t.Configs {
				t.Configs[j].Name, t.Configs[j].Value = c.setting(t.Configs[j].Value)
			}
		}
	case *kmsg.DescribeTopicPartitionsRequest:
		for i := range r.Topics {
			if r.Topics[i].Topic == "" || r.Topics[i].Topic == "a/b" {
				r.Topics[i].Topic = c.s.Name("none")
			}
		}
	default:
		c.agreeingConfigs(req)
	}
	return req
}

// onceEach leaves one batch for each partition: of two Kafka may write one and tell the error of the other.
func onceEach(v int16, r *kmsg.ProduceRequest) {
	type place struct {
		name string
		id   [16]byte
		part int32
	}
	seen := map[place]bool{}
	for i := range r.Topics {
		t := &r.Topics[i]
		t.Partitions = slices.DeleteFunc(t.Partitions, func(p kmsg.ProduceRequestTopicPartition) bool {
			at := place{name: t.Topic, part: p.Partition}
			if v >= 13 {
				at.name, at.id = "", t.TopicID
			}
			was := seen[at]
			seen[at] = true
			return was
		})
	}
}

// agreeingConfigs gives resources and settings that are or may be.
func (c *chooser) agreeingConfigs(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.DescribeConfigsRequest:
		for i := range r.Resources {
			k := pick(c.r, c.kinds)
			r.Resources[i].ResourceType, r.Resources[i].ResourceName = k.kind, k.name
			if k.kind == configBroker {
				r.Resources[i].ConfigNames = []string{"log.retention.ms", "num.partitions"}
			}
		}
	case *kmsg.AlterConfigsRequest:
		r.Resources = r.Resources[:min(1, len(r.Resources))] // twice the same is never answered
		for i := range r.Resources {
			k := pick(c.r, c.kinds)
			r.Resources[i].ResourceType, r.Resources[i].ResourceName = k.kind, k.name
			for j := range r.Resources[i].Configs {
				r.Resources[i].Configs[j].Name, r.Resources[i].Configs[j].Value = c.setting(r.Resources[i].Configs[j].Value)
			}
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		for i := range r.Resources {
			k := pick(c.r, c.kinds)
			r.Resources[i].ResourceType, r.Resources[i].ResourceName = k.kind, k.name
			for j := range r.Resources[i].Configs {
				r.Resources[i].Configs[j].Name, r.Resources[i].Configs[j].Value = c.setting(r.Resources[i].Configs[j].Value)
			}
		}
	}
}

// setting gives a name and, unless there was none, a value for it.
func (c *chooser) setting(was *string) (string, *string) {
	x := pick(c.r, configsOf)
	if was == nil {
		return x[0], nil
	}
	return x[0], &x[1]
}

// after waits until what an answer says has been done shows.
func (s *Side) after(asked kmsg.Request, answered kmsg.Response) {
	switch r := answered.(type) {
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			if t.ErrorCode == 0 && !asked.(*kmsg.CreateTopicsRequest).ValidateOnly {
				s.former(t.Topic)
				s.settle(t.Topic)
			}
		}
	case *kmsg.DeleteTopicsResponse:
		for _, t := range r.Topics {
			if t.ErrorCode == 0 && t.Topic != nil {
				s.Missing(*t.Topic)
				s.cleared(*t.Topic)
				s.former(*t.Topic)
			}
		}
	case *kmsg.CreatePartitionsResponse:
		req := asked.(*kmsg.CreatePartitionsRequest)
		for i, t := range r.Topics {
			if t.ErrorCode == 0 && !req.ValidateOnly {
				for _, q := range req.Topics {
					if q.Topic == r.Topics[i].Topic {
						s.WaitTopic(t.Topic, int(q.Count))
					}
				}
			}
		}
	case *kmsg.AlterConfigsResponse, *kmsg.IncrementalAlterConfigsResponse:
		s.settled()
	}
}

// former gives the ids of a topic that has gone another name: the next topic of its name has its own.
func (s *Side) former(name string) {
	for id, known := range s.topicIDs {
		if known == name {
			s.topicIDs[id] = "former " + name
		}
	}
}

// remains shows what a conversation has left behind.
func (s *Side) remains(c *chooser) {
	s.Ask(12, byName(c.topics[0], c.topics[3], s.Name("new"), s.Name("two")))
	s.Ask(12, s.fetch(12, 0, at{topic: c.topics[0]}, at{topic: c.topics[0], partition: 1, offset: 1}, at{topic: c.topics[3]}))
	s.Ask(4, brief(described(configTopic, c.topics[0], "retention.ms", "cleanup.policy", "compression.type"), described(configTopic, s.Name("new"), "retention.ms", "cleanup.policy")))
	if len(c.members) > 3 {
		s.Ask(8, s.fetching(8, c.groups[0]))
		s.Ask(8, s.fetching(8, c.groups[2]))
		s.describe(5, c.groups[0], c.groups[2])
	}
}
