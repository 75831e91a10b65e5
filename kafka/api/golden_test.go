package api

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/kafka/code"
	"troupe/storage/record"
)

// TestGolden holds, for every key and version that is served, the bytes of a request and of our answer to it, with what they
// say: testdata/NN_name/vV.txt. A small broker in this process answers; time and chance are fixed. `go test -rewrite` writes
// the files anew, and the diff is the review.
func TestGolden(t *testing.T) {
	for _, e := range Table {
		name := fmt.Sprintf("%02d_%s", e.Key, snake(kmsg.NameForKey(e.Key)))
		for v := max(e.Min, e.Served); v <= e.Max; v++ {
			t.Run(fmt.Sprintf("%s/v%d", name, v), func(t *testing.T) {
				path := filepath.Join("testdata", name, fmt.Sprintf("v%d.txt", v))
				if !exists(t, path) {
					t.Fatalf("%s is missing: every served version has its capture; go test ./kafka/api -run TestGolden -rewrite makes it", path)
				}
				request, response := capture(t, &e, v)
				datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
					switch d.Cmd {
					case "request":
						return request
					case "response":
						return response
					}
					return "unknown command " + d.Cmd
				})
			})
		}
	}
}

// exists makes an empty capture when the files are being written.
func exists(t *testing.T, path string) bool {
	if _, err := os.Stat(path); err == nil {
		return true
	}
	if f := flag.Lookup("rewrite"); f == nil || f.Value.String() != "true" {
		return false
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	return os.WriteFile(path, []byte("request\n----\n\nresponse\n----\n"), 0o644) == nil
}

// No capture is left of what is not served.
func TestGoldenHasNoStrangers(t *testing.T) {
	files, _ := filepath.Glob("testdata/[0-9]*_*/v*.txt")
	want := 0
	for _, e := range Table {
		want += int(e.Max-max(e.Min, e.Served)) + 1
	}
	if len(files) != want {
		t.Errorf("%d captures, %d versions are served", len(files), want)
	}
}

const goldenClient = "golden"

// capture sends the sample request of one version and describes both frames.
func capture(t *testing.T, e *Entry, version int16) (request, response string) {
	p := newProducing(t)
	p.part("a", 0).add(2, 3, 1000, false)
	req := goldenRequest(p.world, e.Key)
	req.SetVersion(version)
	head := header(req, e.Flexible(version))
	body := req.AppendTo(nil)
	again := kmsg.RequestForKey(e.Key)
	again.SetVersion(version)
	if err := again.ReadFrom(body); err != nil {
		t.Fatalf("the request cannot be read: %v", err)
	}
	if string(again.AppendTo(nil)) != string(body) {
		t.Fatal("the request changes when it is read and written")
	}
	if e.Key != 0 {
		if _, err := Walk(e.Key, version, body); err != nil {
			t.Fatal(err)
		}
	}
	request = describe(append(head, body...), again)

	frame := goldenAnswer(p, e, version, req)
	resp := kmsg.ResponseForKey(e.Key)
	resp.SetVersion(version)
	at := 8
	if e.Flexible(version) && e.Key != int16(kmsg.ApiVersions) {
		at++
	}
	if err := resp.ReadFrom(frame[at:]); err != nil {
		t.Fatalf("the answer cannot be read: %v", err)
	}
	if string(resp.AppendTo(nil)) != string(frame[at:]) {
		t.Fatal("the answer changes when it is read and written")
	}
	return request, describe(frame, resp)
}

func goldenAnswer(p *producing, e *Entry, version int16, req kmsg.Request) []byte {
	if r, ok := req.(*kmsg.ProduceRequest); ok {
		out := p.produce(version, r)
		return out.frame
	}
	p.env.Published.Set(node.ViewWith(p.img, 1, p.world.refs))
	f := p.begin(version, req)
	if f.resp == nil && !f.cut {
		p.pass(time.Minute)
	}
	if f.resp == nil {
		p.t.Fatalf("no answer (cut: %v)", f.cut)
	}
	head, rest, release := AppendFrame(nil, e.Key, e.Flexible(version), 7, f.resp)
	for _, r := range rest {
		head = append(head, r...)
	}
	if release != nil {
		release()
	}
	return head
}

// header is size, header v1 or v2; the size is filled in by describe.
func header(req kmsg.Request, flexible bool) []byte {
	w := wire{}
	w.i32(0)
	w.i16(req.Key())
	w.i16(req.GetVersion())
	w.i32(7)
	w.str(goldenClient)
	if flexible {
		w.b = append(w.b, 0)
	}
	return w.b
}

// goldenRequest is one request of each key that meets a success and an error.
func goldenRequest(w *world, key int16) kmsg.Request {
	a, b := w.img.Topic("a"), w.img.Topic("b")
	switch req := kmsg.RequestForKey(key).(type) {
	case *kmsg.ProduceRequest:
		return goldenProduce(a, b)
	case *kmsg.FetchRequest:
		return goldenFetch(a)
	case *kmsg.ListOffsetsRequest:
		req.ReplicaID = -1
		for i, ts := range []int64{-1, -2, 1001} {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = int32(i), ts
			add(&req.Topics, kmsg.ListOffsetsRequestTopic{Topic: []string{"a", "a2", "nope"}[i], Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}})
		}
		req.Topics[1].Topic, req.Topics[1].Partitions[0].Partition = "b", 0
		return req
	case *kmsg.MetadataRequest:
		req.AllowAutoTopicCreation = false
		for _, n := range []string{"a", "nope"} {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = kmsg.StringPtr(n)
			add(&req.Topics, t)
		}
		return req
	case *kmsg.SASLHandshakeRequest:
		req.Mechanism = "PLAIN"
		return req
	case *kmsg.ApiVersionsRequest:
		req.ClientSoftwareName, req.ClientSoftwareVersion, req.NodeID = "golden", "1.0", 1
		req.ClusterID = kmsg.StringPtr(w.img.ClusterID())
		return req
	case *kmsg.SASLAuthenticateRequest:
		req.SASLAuthBytes = []byte("\x00user\x00secret")
		return req
	case *kmsg.InitProducerIDRequest:
		req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = 60000, -1, -1
		return req
	case *kmsg.DescribeClusterRequest:
		req.EndpointType = 1
		return req
	case *kmsg.DescribeTopicPartitionsRequest:
		req.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "a"}, {Topic: "nope"}}
		req.ResponsePartitionLimit = 2
		return req
	case *kmsg.DescribeConfigsRequest:
		req.IncludeSynonyms, req.IncludeDocumentation = true, true
		req.Resources = []kmsg.DescribeConfigsRequestResource{
			{ResourceType: 2, ResourceName: "a", ConfigNames: []string{"min.insync.replicas", "retention.ms"}}, {ResourceType: 2, ResourceName: "nope"},
			{ResourceType: 4, ResourceName: "1", ConfigNames: []string{"log.retention.hours", "ssl.key.password"}}, {ResourceType: 4, ResourceName: "9"},
		}
		return req
	default:
		if goldenAdmin(w, req) || goldenGroups(w, req) {
			return req
		}
		return goldenTopics(req)
	}
}

func add[T any](list *[]T, x T) { *list = append(*list, x) }

func goldenProduce(a, b *meta.Topic) kmsg.Request {
	broken := one("broken")
	broken[len(broken)-1] ^= 1
	control := record.Plain()
	control.Control = true
	req := batches(-1, rec{"a", 0, one("good")}, rec{"a", 1, broken}, rec{"a", 2, one("elsewhere")}, rec{"a", 3, one("no partition")}, rec{"b", 0, built("control", control)})
	req.Topics[0].TopicID, req.Topics[1].TopicID = a.ID, b.ID
	return req
}

func goldenFetch(a *meta.Topic) kmsg.Request {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = -1, 100, 1, 1<<20, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = a.Name, a.ID
	for i := range int32(3) {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch, p.LogStartOffset = i, 1<<20, -1, -1, -1
		p.FetchOffset = int64(i) * 5
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func goldenTopics(req kmsg.Request) kmsg.Request {
	switch req := req.(type) {
	case *kmsg.CreateTopicsRequest:
		req.TimeoutMillis = 1000
		for _, n := range []string{"new", "bad/name", "a"} {
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = n, 2, 1
			add(&req.Topics, t)
		}
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = "retention.ms", kmsg.StringPtr("1000")
		add(&req.Topics[0].Configs, c)
	case *kmsg.DeleteTopicsRequest:
		req.TimeoutMillis, req.TopicNames = 1000, []string{"b", "nope"}
		for _, n := range req.TopicNames {
			t := kmsg.NewDeleteTopicsRequestTopic()
			t.Topic = kmsg.StringPtr(n)
			add(&req.Topics, t)
		}
	case *kmsg.CreatePartitionsRequest:
		req.TimeoutMillis = 1000
		for i, n := range []string{"b", "a", "nope"} {
			t := kmsg.NewCreatePartitionsRequestTopic()
			t.Topic, t.Count = n, int32(3-i)
			add(&req.Topics, t)
		}
	case *kmsg.IncrementalAlterConfigsRequest, *kmsg.AlterConfigsRequest, *kmsg.ListConfigResourcesRequest:
		return goldenConfigs(req)
	case *kmsg.OffsetForLeaderEpochRequest:
		req.ReplicaID = -1
		for i, n := range []string{"a", "nope"} {
			p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			p.Partition, p.CurrentLeaderEpoch = int32(i), -1
			add(&req.Topics, kmsg.OffsetForLeaderEpochRequestTopic{Topic: n, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}})
		}
	}
	return req
}

// describe shows a frame in hex, 32 bytes a line, and what it says, one field a line.
func describe(frame []byte, m any) string {
	n := len(frame) - 4
	copy(frame, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	var b strings.Builder
	for len(frame) > 0 {
		k := min(32, len(frame))
		fmt.Fprintln(&b, hex.EncodeToString(frame[:k]))
		frame = frame[k:]
	}
	show(&b, "", reflect.ValueOf(m).Elem())
	return b.String()
}

func show(b *strings.Builder, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "UnknownTags" {
				show(b, strings.TrimPrefix(name+"."+f.Name, "."), v.Field(i))
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			fmt.Fprintf(b, "%s: null\n", name)
			return
		}
		show(b, name, v.Elem())
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "%s: %x\n", name, v.Interface())
			return
		}
		if v.Len() == 0 {
			fmt.Fprintf(b, "%s: empty\n", name)
		}
		for i := range v.Len() {
			show(b, fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
	case reflect.String:
		fmt.Fprintf(b, "%s: %q\n", name, v.String())
	default:
		s := fmt.Sprint(v.Interface())
		if strings.HasSuffix(name, "ErrorCode") {
			s += " " + code.Code(v.Int()).String()
		}
		fmt.Fprintf(b, "%s: %s\n", name, s)
	}
}

// snake is a name of a key as a folder: DescribeTopicPartitions is describe_topic_partitions.
func snake(s string) string {
	var b strings.Builder
	upper := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= 'A' && s[i] <= 'Z' }
	for i := range s {
		if upper(i) && i > 0 && (!upper(i-1) || i+1 < len(s) && !upper(i+1)) {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(s[i : i+1]))
	}
	return b.String()
}
