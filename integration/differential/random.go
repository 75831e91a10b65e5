package differential

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A chooser fills requests by chance with values that mean something: names that are there or not, offsets inside a log and beyond
// its ends, the specials of each field. Two of the same seed choose the same, whatever brokers answer.
type chooser struct {
	s       *Side
	r       *rand.Rand
	topics  []string // what there is, twice, so that it is likelier than what there is not
	groups  []string
	members []string
	kinds   []change // resources that may have settings
}

// numbersOf are what a field may hold; one that is not here holds one of a few small ones.
var numbersOf = map[string][]int64{
	"Partition": {0, 0, 0, 1, 1, 2, -1, 99}, "Partitions": {0, 0, 1, 1, 2, -1, math.MaxInt32}, "FetchOffset": {0, 0, 1, 2, 3, 5, 6, 7, -1, 99}, "Offset": {0, 1, 3, 4, 6, 7, -1, -2, 99},
	"CurrentLeaderEpoch": {-1, -1, -1, 0, 0, 1, -2}, "LeaderEpoch": {-1, 0, 0, 1, 7}, "LastFetchedEpoch": {-1, -1, 0, 0, 1}, "LogStartOffset": {-1, 0, 5}, "PartitionMaxBytes": {1 << 20, 1 << 20, 1},
	"MaxBytes": {1 << 20, 1 << 20, 0, 1, math.MaxInt32}, "MinBytes": {1, 0, -1, 100}, "MaxWaitMillis": {0, 20}, "SessionID": {0}, "SessionEpoch": {-1, -1, 0}, "TimeoutMillis": {5000}, "Acks": {-1, -1, 1, 2},
	"ReplicaID": {-1, -1, -1, -2, 7}, "IsolationLevel": {0, 1}, "Generation": {-1, -1, 0, 1, 2}, "MemberEpoch": {-1, 0, 1}, "RetentionTimeMillis": {-1, 0, 1000}, "CoordinatorType": {0},
	"NumPartitions": {1, 2, 3, -1, 0}, "ReplicationFactor": {1, 1, -1, 2, 0}, "Count": {1, 2, 3, 4, 5, 0, -1}, "Replicas": {1, 1, 1, 2, -1}, "ElectionType": {0, 1}, "ResponsePartitionLimit": {2000, 1, 2, 3, 0},
	"TransactionTimeoutMillis": {1000, 0}, "ProducerID": {-1, madeUp + 1}, "ProducerEpoch": {-1, 0, 3}, "Op": {0, 0, 1, 2, 3}, "CommitTimestamp": {-1}, "HighWatermark": {math.MaxInt64}, "EndpointType": {1},
}

var configsOf = [][2]string{
	{"retention.ms", "1000000"}, {"retention.ms", "x"}, {"retention.ms", "-1"}, {"cleanup.policy", "compact"}, {"cleanup.policy", "delete,compact"}, {"cleanup.policy", ""}, {"cleanup.policy", "none"},
	{"segment.bytes", "1048576"}, {"segment.bytes", "5"}, {"max.message.bytes", "1000"}, {"compression.type", "gzip"}, {"compression.type", "x"}, {"min.insync.replicas", "1"}, {"nonsense", "1"},
	{"min.compaction.lag.ms", "50"}, {"max.compaction.lag.ms", "40"}, {"preallocate", "TRUE"}, {"segment.ms", " 70000 "}, {"interval.ms", "1000"}, {"metrics", "a,b"}, {"match", "client_id=x"},
	{"consumer.session.timeout.ms", "50000"}, {"consumer.heartbeat.interval.ms", "7"}, {"share.auto.offset.reset", "earliest"}, {"message.timestamp.type", "LogAppendTime"}, {"unclean.leader.election.enable", "maybe"},
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (c *chooser) fill(v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch name {
		case "Version":
		case "UnknownTags":
			if c.r.IntN(8) == 0 {
				f.Addr().Interface().(*kmsg.Tags).Set(uint32(77+c.r.IntN(3)), []byte("tag"))
			}
		default:
			c.field(f, name, v.Type().Name())
		}
	}
}

func (c *chooser) field(v reflect.Value, name, of string) {
	switch v.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(c.number(name))
	case reflect.Bool:
		v.SetBool(c.r.IntN(2) == 0)
	case reflect.String:
		v.SetString(c.text(name, of))
	case reflect.Struct:
		c.fill(v)
	case reflect.Array:
		id := c.s.idOrMadeUp(pick(c.r, c.topics))
		if c.r.IntN(8) == 0 && !strings.HasPrefix(of, "Fetch") { // Kafka trips over a second partition of no id
			id = [16]byte{}
		}
		v.Set(reflect.ValueOf(id))
	case reflect.Pointer:
		v.SetZero()
		if c.r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			c.field(v.Elem(), name, of)
		}
	case reflect.Slice:
		c.slice(v, name, of)
	default:
		panic(abandon{fmt.Sprint("a field of kind ", v.Kind())})
	}
}

func (c *chooser) slice(v reflect.Value, name, of string) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(c.bytes(name))
		return
	}
	n := pick(c.r, []int{1, 1, 1, 2, 2, 3, 4, 0, -1})
	if n < 0 {
		v.SetZero()
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		c.field(v.Index(i), name, of)
	}
}

func (c *chooser) number(name string) int64 {
	switch list := numbersOf[name]; {
	case list != nil:
		return pick(c.r, list)
	case name == "Timestamp":
		return pick(c.r, []int64{-1, -2, -3, -4, -5, -6, -7, 0, c.s.Stamp(0), c.s.Stamp(1), c.s.Stamp(60), c.s.Stamp(5000), math.MaxInt64})
	}
	return pick(c.r, []int64{0, 1, -1, 2})
}

func (c *chooser) text(name, of string) string {
	switch {
	case strings.HasPrefix(name, "Topic"):
		return pick(c.r, c.topics)
	case strings.HasPrefix(name, "Group"), strings.HasPrefix(name, "CoordinatorKey"):
		return pick(c.r, c.groups)
	case name == "MemberID":
		return pick(c.r, c.members)
	case strings.HasPrefix(name, "Config"):
		return pick(c.r, configsOf)[0]
	case name == "Dir":
		return pick(c.r, []string{"", "/nowhere"})
	case name == "StatesFilter":
		return pick(c.r, []string{"Stable", "empty", "Dead", "x", ""})
	case name == "TypesFilter":
		return pick(c.r, []string{"classic", "Consumer", "x", ""})
	case name == "Name" && strings.Contains(of, "Config"):
		return pick(c.r, configsOf)[0]
	}
	return pick(c.r, []string{"", "x", c.s.Name("x"), "one"})
}

// bytes are records, or a few bytes of anything.
func (c *chooser) bytes(name string) []byte {
	if name != "Records" {
		return []byte(pick(c.r, []string{"", "x", "abc"}))
	}
	var values []string
	for range 1 + c.r.IntN(3) {
		values = append(values, strings.Repeat("v", c.r.IntN(40)))
	}
	b := c.s.batchOf(values...)
	b.attrs = int16(pick(c.r, []int{plain, plain, gzipped, snappied, lz4ed, zstded}))
	b.firstStamp += int64(c.r.IntN(1000))
	switch c.r.IntN(12) {
	case 0:
		b.crc = ptr(uint32(5))
	case 1:
		b.count = ptr(int32(9))
	case 2:
		b.pid, b.epoch, b.seq = madeUp+int64(c.r.IntN(2)), int16(c.r.IntN(2)), int32(c.r.IntN(4))
	case 3:
		b.records[0].key = nil
	case 4:
		b.firstStamp += (1 << 40)
	case 5:
		b.records[0].headers = []field{{"h", nil}, {"", []byte("x")}}
	}
	return b.bytes()
}
