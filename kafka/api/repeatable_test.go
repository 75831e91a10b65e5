package api

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
)

// large answers for groups that have much to tell: one member with size bytes twice, or offsets with metadata.
type large struct {
	w     *world
	size  int
	asked int
}

func (w *world) largeGroups(size int) *large {
	w.topic(group.Topic, []int32{testNode})
	l := &large{w: w, size: size}
	w.shards[group.ShardName(0)] = w.ref(group.ShardName(0), l.receive)
	return l
}

func (l *large) receive(m any) {
	l.asked++
	switch m := m.(type) {
	case *group.Describe:
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group, g.State, g.Protocol = m.Group, "Stable", "range"
		for i := range 3 {
			x := kmsg.NewDescribeGroupsResponseGroupMember()
			x.MemberID, x.ClientID, x.ClientHost = fmt.Sprint("m-", i), "c", "/h"
			x.ProtocolMetadata, x.MemberAssignment = make([]byte, l.size), make([]byte, l.size/2+1)
			for k := range x.ProtocolMetadata {
				x.ProtocolMetadata[k] = byte(k >> 4)
			}
			g.Members = append(g.Members, x)
		}
		m.Reply(group.Described{Describe: m, Resp: g})
	case *group.FetchOffsets:
		g := kmsg.NewOffsetFetchResponseGroup()
		g.Group = m.Req.Group
		topics := m.Req.Topics
		if topics == nil {
			topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "a"}}
			for i := range int32(l.size / 1000) {
				topics[0].Partitions = append(topics[0].Partitions, i)
			}
		}
		text := string(make([]byte, 1000))
		for _, t := range topics {
			x := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic, TopicID: t.TopicID}
			for _, p := range t.Partitions {
				x.Partitions = append(x.Partitions, kmsg.OffsetFetchResponseGroupTopicPartition{Partition: p, Offset: 7, LeaderEpoch: -1, Metadata: &text})
			}
			g.Topics = append(g.Topics, x)
		}
		m.Reply(group.FetchedOffsets{FetchOffsets: m, Resp: g})
	}
}

func describeTimes(id string, n int) *kmsg.DescribeGroupsRequest {
	return &kmsg.DescribeGroupsRequest{Groups: slices.Repeat([]string{id}, n)}
}

func offsetsTimes(id string, n int) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	for range n {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = id
		req.Groups = append(req.Groups, g)
	}
	return req
}

// One request that names a large group a hundred times has an answer of as many times its size, which takes no more memory than the group once.
func TestAGroupNamedManyTimes(t *testing.T) {
	const times, size = 100, 1 << 20
	w := newWorld(t, 1, nil)
	w.topic("a", []int32{1})
	l := w.largeGroups(size)
	f := func(what string, version int16, req kmsg.Request) {
		t.Helper()
		l.asked = 0
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := w.begin(version, req).resp
		n := 0
		body, ok := r.(Streamed)
		if !ok {
			head, _, _ := r.AppendTo(nil)
			n = len(head)
		} else {
			b := make([]byte, 0, 2*chunk)
			for {
				if b = body.Next(b[:0]); len(b) == 0 {
					break
				}
				if n += len(b); len(b) > 2*chunk {
					t.Fatalf("%s: a piece of %d bytes", what, len(b))
				}
			}
			if n != body.Size() {
				t.Errorf("%s: %d bytes, said to be %d", what, n, body.Size())
			}
			if h := body.Held(); h > size {
				t.Errorf("%s: holds %d bytes", what, h)
			}
		}
		runtime.ReadMemStats(&after)
		took := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d bytes of answer took %d bytes of memory, and %d asks", what, n, took, l.asked)
		if n < times*size*9/10 {
			t.Errorf("%s: the answer has %d bytes", what, n)
		}
		if took > 8*size || l.asked != 1 {
			t.Errorf("%s: took %d bytes of memory and %d asks", what, took, l.asked)
		}
	}
	f("DescribeGroups", 5, describeTimes("g", times))
	f("OffsetFetch", 8, offsetsTimes("g", times))
}

// What is told in pieces is what kmsg writes, in every version, however the pieces are cut.
func TestGroupsAreToldInPieces(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("a", []int32{1})
	w.largeGroups(50_000)
	f := func(version int16, req kmsg.Request, groups int) {
		t.Helper()
		body := w.begin(version, req).resp.(Streamed)
		var pieces []byte
		for {
			p := body.Next(nil)
			if len(p) == 0 {
				break
			}
			pieces = append(pieces, p...)
		}
		whole, _, _ := body.AppendTo(nil)
		if string(whole) != string(pieces) || len(whole) != body.Size() {
			t.Fatalf("key %d v%d: %d bytes in pieces, %d in one, said to be %d", req.Key(), version, len(pieces), len(whole), body.Size())
		}
		resp := req.ResponseKind()
		resp.SetVersion(version)
		if err := resp.ReadFrom(whole); err != nil {
			t.Fatal(err)
		}
		if again := resp.AppendTo(nil); string(again) != string(whole) {
			t.Errorf("key %d v%d: not what kmsg writes", req.Key(), version)
		}
		n := 0
		switch r := resp.(type) {
		case *kmsg.DescribeGroupsResponse:
			n = len(r.Groups)
		case *kmsg.OffsetFetchResponse:
			n = len(r.Groups)
		}
		if n != groups {
			t.Errorf("key %d v%d: %d groups", req.Key(), version, n)
		}
	}
	for v := range int16(7) {
		req := &kmsg.DescribeGroupsRequest{Groups: []string{"g", "h", "g"}}
		f(v, req, 3)
	}
	for v := int16(1); v <= 10; v++ {
		if v < 8 {
			req := kmsg.NewPtrOffsetFetchRequest()
			req.Group = "g"
			f(v, req, 0)
			continue
		}
		req := offsetsTimes("g", 3)
		req.Groups[1].Group = "h"
		f(v, req, 3)
	}
}

// An answer that no frame can hold is none: the connection is closed, and nothing of it is made.
func TestAnAnswerThatIsTooLong(t *testing.T) {
	w := newWorld(t, 1, nil)
	l := w.largeGroups(1 << 20)
	f := w.begin(5, describeTimes("g", 100_000))
	if !f.cut || f.resp != nil || l.asked != 1 {
		t.Errorf("cut: %v, an answer: %v, %d asks", f.cut, f.resp != nil, l.asked)
	}
}

// A list of many groups is what kmsg writes, in every version, and is made in pieces.
func TestManyGroupsAreListedInPieces(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic(group.Topic, []int32{testNode})
	w.shards[group.ShardName(0)] = w.ref(group.ShardName(0), func(m any) {
		a := group.Listed{List: m.(*group.List)}
		for i := range 5000 {
			g := kmsg.NewListGroupsResponseGroup()
			g.Group, g.ProtocolType, g.GroupState, g.GroupType = fmt.Sprintf("g-%05d", i), "consumer", "Stable", "classic"
			a.Groups = append(a.Groups, g)
		}
		a.Reply(a)
	})
	for v := range int16(6) {
		f := w.begin(v, kmsg.NewPtrListGroupsRequest())
		body, size := f.resp.(Streamed), 0
		for {
			p := body.Next(nil)
			if len(p) == 0 {
				break
			}
			if size += len(p); len(p) > 2*chunk {
				t.Errorf("v%d: a piece of %d bytes", v, len(p))
			}
		}
		l := f.answer().(*kmsg.ListGroupsResponse)
		if size != body.Size() || len(l.Groups) != 5000 || l.Groups[7].Group != "g-00007" {
			t.Errorf("v%d: %d bytes, said to be %d, %d groups", v, size, body.Size(), len(l.Groups))
		}
	}
}

// Nobody puts a list together for a client that has gone.
func TestListOfGroupsForNobody(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic(group.Topic, []int32{testNode})
	var asked *group.List
	w.shards[group.ShardName(0)] = w.ref(group.ShardName(0), func(m any) { asked = m.(*group.List) })
	f := w.begin(4, kmsg.NewPtrListGroupsRequest())
	if f.resp != nil || asked == nil {
		t.Fatal("answered without the shard")
	}
	f.c.OnClose(f.c)
	if e := f.answer().(*kmsg.ListGroupsResponse).ErrorCode; e != 15 {
		t.Errorf("error %d", e)
	}
	asked.Reply(group.Listed{List: asked, Groups: make([]kmsg.ListGroupsResponseGroup, 1)})
	w.run()
}
