package differential

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// parts names partitions of one topic.
type parts struct {
	topic      string
	partitions []int32
}

func of(topic string, partitions ...int32) parts { return parts{topic, partitions} }

// logDirs asks where partitions are; nothing asks for none, and everyLogDir for all.
func logDirs(named ...parts) *kmsg.DescribeLogDirsRequest {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Topics = []kmsg.DescribeLogDirsRequestTopic{}
	for _, p := range named {
		req.Topics = append(req.Topics, kmsg.DescribeLogDirsRequestTopic{Topic: p.topic, Partitions: p.partitions})
	}
	return req
}

// dir is the one folder of this side's broker.
func (s *Side) dir() string {
	got := s.Must(4, logDirs()).(*kmsg.DescribeLogDirsResponse)
	if len(got.Dirs) != 1 {
		panic(abandon{"not one log dir"})
	}
	return got.Dirs[0].Dir
}

// moved asks to move partitions to a folder.
func moved(dir string, named ...parts) kmsg.AlterReplicaLogDirsRequestDir {
	d := kmsg.NewAlterReplicaLogDirsRequestDir()
	d.Dir = dir
	for _, p := range named {
		d.Topics = append(d.Topics, kmsg.AlterReplicaLogDirsRequestDirTopic{Topic: p.topic, Partitions: p.partitions})
	}
	return d
}

func alterLogDirs(dirs ...kmsg.AlterReplicaLogDirsRequestDir) *kmsg.AlterReplicaLogDirsRequest {
	req := kmsg.NewPtrAlterReplicaLogDirsRequest()
	req.Dirs = dirs
	return req
}

var describeLogDirsCases = []Case{
	{"empty partitions", 1, 5, func(s *Side, v int16) {
		s.Ask(v, logDirs(of(s.Topic("t", 3), 0, 1, 2)))
	}},
	{"records", 1, 5, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Put(t, 0, s.batchOf("a", "b", "c"), s.batchOf(strings.Repeat("x", 1000)))
		s.Ask(v, logDirs(of(t, 0, 1)))
		s.Put(t, 1, s.batchOf("d"))
		s.Ask(v, logDirs(of(t, 1)))
	}},
	{"all", 1, 5, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Topic("u", 1)
		s.Put(t, 0, s.batchOf("a"))
		s.own = true
		req := logDirs()
		req.Topics = nil
		s.Ask(v, req)
	}},
	{"nothing", 1, 5, func(s *Side, v int16) { s.Ask(v, logDirs()) }},
	{"unknown topics and partitions", 1, 5, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, logDirs(of(t, 0, 1, -1), of(s.Name("none"), 0), of("", 0), of("a/b", 0)))
		s.Ask(v, logDirs(of(t, 7)))
		s.Ask(v, logDirs(of(s.Name("none"), 0)))
	}},
	{"twice", 1, 5, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, logDirs(of(t, 0, 0, 1), of(t, 1)))
	}},
	{"after records were deleted", 5, 5, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Put(t, 0, s.batchOf("a"), s.batchOf("b"))
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.TimeoutMillis = 5000
		req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: t, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: 1}}}}
		s.Ask(2, req)
		s.Ask(v, logDirs(of(t, 0)))
	}},
	{"topic without partitions", 1, 5, func(s *Side, v int16) { s.Ask(v, logDirs(of(s.Topic("t", 1)))) }},
}

var alterReplicaLogDirsCases = []Case{
	{"where it is", 1, 2, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, alterLogDirs(moved(s.dir(), of(t, 0, 1))))
		s.Ask(4, logDirs(of(t, 0, 1)))
	}},
	{"unknown folder", 1, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, dir := range []string{"/nowhere", "relative", "", "/" + strings.Repeat("x", 300)} {
			s.Ask(v, alterLogDirs(moved(dir, of(t, 0), of(s.Name("none"), 0))))
		}
	}},
	{"unknown topics and partitions", 1, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, alterLogDirs(moved(s.dir(), of(t, 1, -1, 0), of(s.Name("none"), 0), of("", 0), of("a/b", 3))))
	}},
	{"twice", 1, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, alterLogDirs(moved(s.dir(), of(t, 0, 0), of(t, 0))))
		s.Ask(v, alterLogDirs(moved(s.dir(), of(t, 0)), moved("/nowhere", of(t, 0))))
		s.Ask(v, alterLogDirs(moved("/nowhere", of(t, 0)), moved(s.dir(), of(t, 0))))
		s.Ask(v, alterLogDirs(moved(s.dir(), of(t, 0)), moved(s.dir(), of(t, 0))))
	}},
	{"nothing", 1, 2, func(s *Side, v int16) {
		s.Ask(v, alterLogDirs())
		s.Ask(v, alterLogDirs(moved(s.dir())))
		s.Ask(v, alterLogDirs(moved(s.dir(), of(s.Topic("t", 1)))))
	}},
}
