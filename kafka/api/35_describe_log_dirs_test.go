package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// logDirs asks for topics, each "name:partition,...", or with nothing for all, and writes the answer.
func (w *world) logDirs(version int16, topics ...string) string {
	w.t.Helper()
	req := kmsg.NewPtrDescribeLogDirsRequest()
	for _, t := range topics {
		name, list, _ := strings.Cut(t, ":")
		x := kmsg.DescribeLogDirsRequestTopic{Topic: name}
		for _, n := range strings.Split(list, ",") {
			var id int32
			fmt.Sscan(n, &id)
			x.Partitions = append(x.Partitions, id)
		}
		req.Topics = append(req.Topics, x)
	}
	resp := w.ask(version, req).(*kmsg.DescribeLogDirsResponse)
	d := resp.Dirs[0]
	out := fmt.Sprintf("%s %s", d.Dir, code.Code(d.ErrorCode))
	for _, t := range d.Topics {
		for _, p := range t.Partitions {
			out += fmt.Sprintf(" %s-%d=%d", t.Topic, p.Partition, p.Size)
			if p.OffsetLag != 0 {
				out += fmt.Sprintf(" behind by %d", p.OffsetLag)
			}
			if p.IsFuture {
				w.t.Errorf("%+v", p)
			}
		}
	}
	if len(resp.Dirs) != 1 || resp.ErrorCode != 0 || d.TotalBytes != -1 || d.UsableBytes != -1 || d.IsCordoned != (version >= 5 && w.img.Cordoned(1)) {
		w.t.Errorf("%+v", resp)
	}
	return out
}

func TestDescribeLogDirs(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{2}, []int32{1})
	w.topic("b", []int32{1})
	w.part("a", 0).add(1, 10, 1, false)
	one := w.logDirs(1, "a:0")
	if one == "/data NONE a-0=0" || !strings.HasPrefix(one, "/data NONE a-0=") {
		t.Error(one)
	}
	size := strings.TrimPrefix(one, "/data NONE a-0=")
	for v := int16(1); v <= 5; v++ {
		expect(t, "all: what is elsewhere is left out", w.logDirs(v), "/data NONE a-0="+size+" a-2=0 b-0=0")
		expect(t, "named twice", w.logDirs(v, "b:0", "a:2,0,0", "b:0"), "/data NONE b-0=0 a-0="+size+" a-2=0")
		expect(t, "unknown", w.logDirs(v, "a:9,-1,1", "nope:0"), "/data NONE")
	}
}

// Followers say how far behind they are; and whether the broker takes new replicas is said to those who can read it.
func TestDescribeLogDirsOfFollowers(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1, 2}, []int32{2, 1}, []int32{2, 1})
	w.part("a", 0).lag, w.part("a", 1).lag = 9, 7 // the first leads: it is not asked
	expect(t, "followers", w.logDirs(4), "/data NONE a-0=0 a-1=0 behind by 7 a-2=0")
	expect(t, "one", w.logDirs(4, "a:1"), "/data NONE a-1=0 behind by 7")
	r := w.apply(meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{{Type: meta.BrokerResource, Name: "1", Ops: []meta.AlterOp{{Key: "cordoned.log.dirs", Value: "*"}}}}})
	if r.Code != code.OK || !w.img.Cordoned(1) {
		t.Fatal(r)
	}
	for v := int16(1); v <= 5; v++ {
		w.logDirs(v, "a:0")
	}
}

func TestDescribeLogDirsOfManyPartitions(t *testing.T) {
	w := newWorld(t, 1, nil)
	lists := make([][]int32, 2*sizesAtOnce+1)
	for i := range lists {
		lists[i] = []int32{1}
	}
	w.topic("many", lists...)
	if n := strings.Count(w.logDirs(4), "many-"); n != len(lists) {
		t.Errorf("%d partitions", n)
	}
}

func TestDescribeLogDirsOfABrokenDisk(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("a", []int32{1})
	w.data.Close()
	expect(t, "the folder has the error, not the whole", w.logDirs(3), "/data KAFKA_STORAGE_ERROR")
}

func TestAlterReplicaLogDirs(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{2})
	f := func(want string, moves ...string) {
		t.Helper()
		for v := int16(1); v <= 2; v++ {
			req := kmsg.NewPtrAlterReplicaLogDirsRequest()
			for _, m := range moves {
				var n int32
				var topic, dir string
				fmt.Sscan(m, &topic, &n, &dir)
				d := kmsg.NewAlterReplicaLogDirsRequestDir()
				d.Dir, d.Topics = dir, []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: topic, Partitions: []int32{n}}}
				req.Dirs = append(req.Dirs, d)
			}
			var got []string
			for _, x := range w.ask(v, req).(*kmsg.AlterReplicaLogDirsResponse).Topics {
				for _, p := range x.Partitions {
					got = append(got, fmt.Sprintf("%s-%d %d", x.Topic, p.Partition, p.ErrorCode))
				}
			}
			expect(t, fmt.Sprint(moves), strings.Join(got, ", "), want)
		}
	}
	f("")
	f("a-0 0", "a 0 /data")
	f("a-0 57", "a 0 /elsewhere")
	f("a-0 57", "a 0 /data", "a 0 /elsewhere")
	f("a-0 0", "a 0 /elsewhere", "a 0 /data")
	f("a-1 9, nope-0 3", "a 1 /data", "nope 0 /data")
	f("a-2 3, a--1 3", "a 2 /data", "a -1 /data")
}
