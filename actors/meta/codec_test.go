package meta

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"troupe/kafka/code"

	"github.com/cockroachdb/datadriven"
)

// examples is one command of each kind with every field set.
var examples = []Command{
	InitCluster{ClusterID: "troupeTestCluster00001", CreatedMs: 1700000000000, FeatureLevel: 1,
		Founders: []Node{{ID: 1, RaftID: 1, StoreID: id16(1), Endpoints: []Endpoint{{"PEER", "10.0.0.1", 9093}}, Version: "1.0"}},
		Configs:  map[string]string{"min.insync.replicas": "2", "log.retention.ms": "5"}},
	AddNode{StoreID: id16(2), RequestedID: -1, Endpoints: []Endpoint{{"PEER", "10.0.0.2", 9093}}, Version: "1.0"},
	RegisterBroker{BrokerID: 2, Incarnation: id16(3), StoreID: id16(2), PrevBrokerEpoch: -1, PrevFenced: true,
		Listeners: []Endpoint{{"PLAINTEXT", "10.0.0.2", 9092}, {"SSL", "::1", 65535}}, Rack: "a",
		Features: []Feature{{"metadata.version", 1, 29}, {"x", -1, 0}}, LogDirs: [][16]byte{id16(4)}},
	FenceBroker{BrokerID: 2, BrokerEpoch: 17, Reason: "no heartbeat"},
	UnfenceBroker{BrokerID: 2, BrokerEpoch: 1 << 40},
	CreateTopics{[]NewTopic{
		{Name: "orders", ID: id16(5), Assignments: [][]int32{{1, 2, 3}, {2, 3, 1}}, Configs: map[string]string{"retention.ms": "-1"}, RFAuto: true},
		{Name: "__consumer_offsets", ID: id16(6), Assignments: [][]int32{{1}}, MinISRAuto: true, Internal: true}}},
	DeleteTopics{[]TopicID{id16(5), id16(6)}},
	CreatePartitions{[]MorePartitions{{ID: id16(5), Expected: 2, Count: 4, Assignments: [][]int32{{1}, {2}}}}},
	IncrementalAlterConfigs{[]AlterResource{
		{TopicResource, "orders", []AlterOp{{ConfigSet, "retention.ms", "5"}, {ConfigAppend, "cleanup.policy", "compact"}}},
		{BrokerResource, "", []AlterOp{{ConfigDelete, "log.retention.ms", ""}}}}},
	AllocateProducerIds{BrokerID: 2, BrokerEpoch: 17, Count: 1000},
	UpdateFeatures{[]FeatureUpdate{{"group.version", 1, FeatureUpgrade}, {"", -1, -1}}},
	AlterPartition{BrokerID: 2, BrokerEpoch: 17, Partitions: []NewISR{{PartitionRef: PartitionRef{id16(5), 3}, LeaderEpoch: 4, PartitionEpoch: 9,
		ISR: []ISRMember{{2, 17}, {3, 12}}, Recovered: true}}},
	ResignLeadership{BrokerID: 2, BrokerEpoch: 17, Partitions: []Resignation{{PartitionRef{id16(5), 3}, 4, []int32{2, 3}}}},
	ElectLeaders{Unclean: true, Partitions: []Election{{PartitionRef{id16(5), 0}, NoLeader}, {PartitionRef{id16(6), 1}, 3}}},
	AlterReassignments{[]Reassignment{{PartitionRef{id16(5), 0}, []int32{3, 1}}, {PartitionRef{id16(6), 1}, []int32{2}}}},
	BeginControlledShutdown{BrokerID: 2, BrokerEpoch: 17},
	UnregisterBroker{BrokerID: 3},
	RemoveNode{NodeID: 3},
}

func exampleEnvelope(c Command) Envelope {
	return Envelope{ID: RequestID{Node: 2, Incarnation: 1 << 50, Seq: 300}, TimeMs: 1700000000001, Cmd: c}
}

// TestGolden keeps the bytes of every command: logs of older versions hold them.
func TestGolden(t *testing.T) {
	named := map[string]Command{}
	for _, c := range examples {
		named[c.Kind().String()] = c
	}
	seen := 0
	datadriven.RunTest(t, "testdata/codec.txt", func(t *testing.T, d *datadriven.TestData) string {
		c := named[strings.TrimSpace(d.Input)]
		if c == nil {
			t.Fatalf("%s: there is no command %q", d.Pos, d.Input)
		}
		seen++
		env := exampleEnvelope(c)
		return hex.EncodeToString(Encode(env)) + "\n" + env.String() + "\n"
	})
	if seen != len(examples) || seen != len(kindNames)-1 {
		t.Errorf("%d of %d commands are kept", seen, len(kindNames)-1)
	}
}

// TestEveryFieldIsEncoded changes each field of each example, one at a time, and wants other bytes.
func TestEveryFieldIsEncoded(t *testing.T) {
	fields := 0
	for _, c := range examples {
		original := Encode(exampleEnvelope(c))
		v := reflect.New(reflect.TypeOf(c)).Elem()
		v.Set(reflect.ValueOf(c))
		eachField(v, c.Kind().String(), func(path string) {
			fields++
			if slices.Equal(Encode(exampleEnvelope(v.Interface().(Command))), original) {
				t.Errorf("%s is not encoded", path)
			}
		})
	}
	if fields < 70 {
		t.Errorf("only %d fields were changed", fields)
	}
}

// eachField changes every leaf under v, calls f, and puts it back.
func eachField(v reflect.Value, path string, f func(path string)) {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachField(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
		return
	case reflect.Slice:
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		for i := range v.Len() {
			eachField(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
		v.Set(v.Slice(0, v.Len()/2))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"other": "x"}))
	case reflect.Array:
		v.Index(7).SetUint(9)
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + 1)
	default:
		v.SetUint(v.Uint() - 1)
	}
	f(path)
	v.Set(old)
}

func TestDecodeRefuses(t *testing.T) {
	good := Encode(exampleEnvelope(examples[5]))
	if _, err := Decode(append(slices.Clone(good), 0)); err == nil {
		t.Error("a stray byte is accepted")
	}
	for n := range good {
		if _, err := Decode(good[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(good))
		}
	}
	for _, b := range [][]byte{{0, 1}, {byte(lastKind) + 1, 1}, {0xff, 0x7f, 1}, {1, 2}} {
		if _, err := Decode(b); !errors.Is(err, ErrUnknownCommand) {
			t.Errorf("%x: %v", b, err)
		}
	}
	// A count that the bytes cannot hold allocates nothing.
	huge := append(Encode(Envelope{Cmd: DeleteTopics{}})[:6], 0xff, 0xff, 0xff, 0xff, 0x7f)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := Decode(huge); err == nil {
			t.Fatal("a count of four thousand million is accepted")
		}
	}); n > 3 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecodeResultRefuses(t *testing.T) {
	r := Result{Code: code.OK, Value: []TopicResult{{Name: "a", ID: id16(1)}, {Code: code.InvalidConfig, Message: "m"}}}
	b := EncodeResult(r)
	if got, err := DecodeResult(b); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range b {
		if _, err := DecodeResult(b[:n]); err == nil {
			t.Errorf("the first %d bytes are accepted", n)
		}
	}
	if _, err := DecodeResult([]byte{0, 0, 99}); err == nil {
		t.Error("an unknown kind of value is accepted")
	}
}
