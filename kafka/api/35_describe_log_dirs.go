package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// sizesAtOnce is how many sizes one piece of blocking work looks up.
const sizesAtOnce = 500

// DescribeLogDirs (key 35, versions 1-5): what of which partition lies where on this broker, and how much room is left (KIP-113).
//
//	v2 flexible; v3 an error of the whole; v4 the room of the volume (KIP-827); v5 whether a folder takes no new replicas (KIP-1066).
//
// A size is what the records take that can still be read: the store counts it while it writes, within a few MB in a large partition.
// Kafka counts whole files, and so tells more than that after records were deleted.
// Here a replica that leads lags behind nobody, one that follows lags behind the leader's high watermark as far as it has heard of it, and no
// replica is on its way to another folder. The one folder is cordoned when the broker is.
func describeLogDirs(c *Call) {
	req := c.Req.(*kmsg.DescribeLogDirsRequest)
	k := &logDirsCall{c: c}
	k.collect(req)
	c.Next = k.next
	if k.askFollowers(); k.asked == 0 {
		k.measure()
	}
}

// logDirsCall is one DescribeLogDirs under way.
type logDirsCall struct {
	c      *Call
	topics []kmsg.DescribeLogDirsResponseDirTopic
	places []sizePlace
	asked  int // followers that have not said how far behind they are
	done   int // places whose size is known
	code   code.Code
}

// sizePlace is a replica, and where in topics its size goes.
type sizePlace struct {
	partID       uint32
	topic, index int
	follows      bool
}

// measured are the sizes of the next places. The room is that of the disk, looked at with the last of them.
//
// From: kit's pool.
type measured struct {
	sizes       []int64
	err         error
	total, free uint64
}

// collect lists the local replicas that are asked for, each once; what is not here is left out.
func (k *logDirsCall) collect(req *kmsg.DescribeLogDirsRequest) {
	img := k.c.View.Image
	if req.Topics == nil {
		for t := range img.Topics() {
			k.topic(t, nil)
		}
		return
	}
	wanted, order := map[string][]int32{}, []string{}
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if _, again := wanted[name]; !again {
			order = append(order, name)
		}
		wanted[name] = append(wanted[name], req.Topics[i].Partitions...)
	}
	for _, name := range order {
		if t := img.Topic(name); t != nil {
			list := wanted[name]
			slices.Sort(list)
			k.topic(t, slices.Compact(append([]int32{}, list...)))
		}
	}
}

// topic adds partitions of a topic that are here; nil adds all.
func (k *logDirsCall) topic(t *meta.Topic, only []int32) {
	x := kmsg.NewDescribeLogDirsResponseDirTopic()
	x.Topic = t.Name
	for i := range t.Partitions {
		p := &t.Partitions[i]
		if _, wanted := slices.BinarySearch(only, p.Index); only != nil && !wanted || k.c.View.Partition(p.ID) == nil {
			continue
		}
		k.places = append(k.places, sizePlace{p.ID, len(k.topics), len(x.Partitions), p.Leader != k.c.Env.NodeID})
		y := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		y.Partition = p.Index
		x.Partitions = append(x.Partitions, y)
	}
	if len(x.Partitions) > 0 {
		k.topics = append(k.topics, x)
	}
}

// askFollowers asks those replicas that follow how far behind they are.
func (k *logDirsCall) askFollowers() {
	for i := range k.places {
		if x := &k.places[i]; x.follows {
			k.asked++
			k.c.View.Partition(x.partID).Tell(&partition.Measure{Ask: k.c.Ask(), Index: i})
		}
	}
}

// measure looks up the next sizes, off the actor: the store may have to read.
func (k *logDirsCall) measure() {
	next := k.places[k.done:]
	next = next[:min(len(next), sizesAtOnce)]
	data := k.c.Env.Data
	k.c.Go(func() any {
		var m measured
		for i := range next {
			size, err := data.Size(next[i].partID)
			if err != nil {
				m.err = err
				break
			}
			m.sizes = append(m.sizes, size)
		}
		m.total = data.Capacity()
		m.free, _ = data.Free()
		return m
	})
}

func (k *logDirsCall) next(_ *Call, answer any) {
	if x, ok := answer.(partition.Measured); ok {
		at := &k.places[x.Index]
		k.topics[at.topic].Partitions[at.index].OffsetLag = x.Lag
		if k.asked--; k.asked == 0 {
			k.measure()
		}
		return
	}
	m, ok := answer.(measured)
	if !ok {
		return
	}
	for _, size := range m.sizes {
		at := &k.places[k.done]
		k.topics[at.topic].Partitions[at.index].Size = size
		k.done++
	}
	if m.err != nil {
		k.c.Sys.Log().Error("the size of a partition cannot be read", "partition", k.places[k.done].partID, "err", m.err)
		k.code, k.topics = storageCode(m.err), nil
	} else if k.done < len(k.places) {
		k.measure()
		return
	}
	k.respond(&m)
}

func (k *logDirsCall) respond(m *measured) {
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	d := kmsg.NewDescribeLogDirsResponseDir()
	d.ErrorCode, d.Dir, d.Topics = int16(k.code), k.c.Env.DataDir, k.topics
	d.TotalBytes, d.UsableBytes = roomOf(m.total), roomOf(m.free)
	d.IsCordoned = k.c.View.Image.Cordoned(k.c.Env.NodeID)
	resp.Dirs = append(resp.Dirs, d)
	k.c.Respond(resp)
}

// roomOf is a number of bytes as the answer tells it: -1 if nobody knows.
func roomOf(n uint64) int64 {
	if n == 0 || int64(n) < 0 {
		return -1
	}
	return int64(n)
}
