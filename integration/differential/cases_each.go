package differential

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A span is the versions of a key that both brokers serve.
type span struct{ key, min, max int16 }

// spans are all keys that both serve, but for AddRaftVoter and RemoveRaftVoter: no case may change who votes.
var spans = []span{
	{0, 3, 13}, {1, 4, 18}, {2, 1, 11}, {3, 0, 13}, {8, 2, 10}, {9, 1, 10}, {10, 0, 6}, {11, 0, 9}, {12, 0, 4}, {13, 0, 5}, {14, 0, 5}, {15, 0, 6}, {16, 0, 5}, {17, 0, 1}, {18, 0, 4},
	{19, 2, 7}, {20, 1, 6}, {21, 0, 2}, {22, 0, 5}, {23, 2, 4}, {29, 1, 3}, {30, 1, 3}, {31, 1, 3}, {32, 1, 4}, {33, 0, 2}, {34, 1, 2}, {35, 1, 5}, {36, 0, 2}, {37, 0, 3}, {38, 1, 3},
	{39, 1, 2}, {40, 1, 2}, {41, 1, 3}, {42, 0, 2}, {43, 0, 2}, {44, 0, 1}, {45, 0, 1}, {46, 0, 0}, {47, 0, 0}, {55, 0, 2}, {57, 0, 2}, {60, 0, 2}, {61, 0, 0}, {64, 0, 0}, {74, 0, 1},
	{75, 0, 0},
}

// grouped are the keys that coordinators of groups serve.
var grouped = map[int16]bool{8: true, 9: true, 10: true, 11: true, 12: true, 13: true, 14: true, 15: true, 16: true, 42: true, 47: true}

// A fill says what every field of a request holds; arrays of structs have elems elements that are filled like it.
type fill struct {
	name   string
	elems  int
	number int64
	text   *string // nil: null where that is allowed, else empty; "name" is a name of the case
}

// fills are requests that no client sends: nothing, null, zeroes, negative and huge numbers, everything twice.
var fills = []fill{
	{"nothing", 0, 0, ptr("")},
	{"nulls", -1, 0, nil},
	{"zeroes", 1, 0, ptr("")},
	{"zeroes twice", 2, 0, ptr("")},
	{"null texts", 1, 0, nil},
	{"minus one", 1, -1, ptr("name")},
	{"least", 1, math.MinInt64, ptr("name")},
	{"largest", 1, math.MaxInt64, ptr("name")},
	{"largest twice", 2, math.MaxInt64, ptr("name")},
	{"sevens", 1, 77, ptr("a/b")},
}

// eachGroups are the groups of cases of all keys with all fills.
func eachGroups() (out []Group) {
	for _, x := range spans {
		g := Group{Name: "each/" + kmsg.NameForKey(x.key)}
		for _, f := range fills {
			g.Cases = append(g.Cases, Case{f.name, x.min, x.max, func(s *Side, v int16) {
				req := kmsg.RequestForKey(x.key)
				s.fill(reflect.ValueOf(req).Elem(), f)
				s.own = true
				for _, group := range []string{"", "a/b", s.Name("x")} {
					if grouped[x.key] {
						s.awaitCoordinator(group)
					}
				}
				s.Ask(v, tamed(v, req))
				s.Alive()
			}})
		}
		out = append(out, g)
	}
	return out
}

// tamed keeps a request from waiting long, from asking for all there is, and from what Kafka answers with an internal error everywhere.
func tamed(v int16, req kmsg.Request) kmsg.Request {
	switch r := req.(type) {
	case *kmsg.FetchRequest:
		r.MaxWaitMillis = min(r.MaxWaitMillis, 100)
		r.IsolationLevel &= 1
		r.SessionID = min(max(r.SessionID, -1), 77) // Kafka fails at ids that are none of its shards'
		if v < 15 {                                 // a tag before its time closes Kafka's connection
			r.ReplicaState = kmsg.NewFetchRequestReplicaState()
		}
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				if d := kmsg.NewFetchRequestTopicPartition(); v < 18 {
					p.HighWatermark, p.ReplicaDirectoryID = d.HighWatermark, d.ReplicaDirectoryID
				}
			}
		}
	case *kmsg.CreateTopicsRequest:
		if r.TimeoutMillis > 0 { // Kafka may need longer than the few ms of a fill
			r.TimeoutMillis = max(r.TimeoutMillis, 10_000)
		}
	case *kmsg.InitProducerIDRequest:
		r.TransactionalID = nil // transactions are not served yet
	case *kmsg.ListOffsetsRequest:
		r.IsolationLevel &= 1
	case *kmsg.JoinGroupRequest:
		r.RebalanceTimeoutMillis = min(r.RebalanceTimeoutMillis, 1000)
	case *kmsg.DescribeTopicPartitionsRequest:
		if len(r.Topics) == 0 {
			r.Topics = append(r.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: "a/b"})
		}
	}
	return req
}

func (s *Side) fill(v reflect.Value, f fill) {
	t := v.Type()
	for i := range t.NumField() {
		if name := t.Field(i).Name; name != "Version" && name != "UnknownTags" {
			s.fillField(v.Field(i), f)
		}
	}
}

func (s *Side) fillField(v reflect.Value, f fill) {
	text := ""
	if f.text != nil {
		text = *f.text
	}
	if text == "name" {
		text = s.Name("x")
	}
	switch v.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := v.Type().Bits()
		v.SetInt(min(max(f.number, -1<<(bits-1)), 1<<(bits-1)-1))
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(uint16(f.number)))
	case reflect.Bool:
		v.SetBool(f.number > 0)
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		s.fill(v, f)
	case reflect.Array: // an id
		if f.number != 0 {
			id := [16]byte{0xd1, 0xff, byte(f.number)}
			s.topicIDs[id] = "made up"
			v.Set(reflect.ValueOf(id))
		}
	case reflect.Pointer:
		if f.text == nil {
			v.SetZero()
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		s.fillField(v.Elem(), f)
	case reflect.Slice:
		s.fillSlice(v, f, text)
	default:
		panic(abandon{fmt.Sprint("a field of kind ", v.Kind())})
	}
}

func (s *Side) fillSlice(v reflect.Value, f fill, text string) {
	switch {
	case f.elems < 0:
		v.SetZero()
	case v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(slices.Clone([]byte(text)))
	default:
		v.Set(reflect.MakeSlice(v.Type(), f.elems, f.elems))
		for i := range f.elems {
			s.fillField(v.Index(i), f)
		}
	}
}
