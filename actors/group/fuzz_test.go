package group

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

// FuzzRecord: any key and value of __consumer_offsets is a record, or something that is passed over or refused; what is read can be made
// part of a group, and takes memory in proportion to its bytes.
func FuzzRecord(f *testing.F) {
	c := newCore("g", Config{}, moment{})
	f.Add(offsetKey("g", "t", 3), (&offset{at: 5, epoch: 1, metadata: "m", committed: 7, expire: -1}).record(meta.TopicID{1}))
	f.Add(offsetKey("g", "t", 3), (&offset{at: 5, expire: 9}).record(meta.TopicID{}))
	empty := c.emptyRecord()
	f.Add(empty.key, empty.value)
	v := kmsg.NewGroupMetadataValue()
	v.Version, v.ProtocolType, v.Generation = groupVersion, consumerType, 4
	v.Members = append(v.Members, kmsg.GroupMetadataValueMember{MemberID: "m", ClientID: "c", ClientHost: "/h", Subscription: []byte{0, 1, 0, 0, 0, 0}, Assignment: []byte{1}})
	f.Add(groupKey("g"), v.AppendTo(nil))
	f.Add([]byte{0, 3, 0, 1, 'x'}, []byte(nil))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, ok, err := decodeRecord(key, value)
		if ok && err != nil {
			t.Fatalf("a record and an error: %v", err)
		}
		if ok {
			newCore(r.id, Config{}, moment{}).replay(&r)
		}
		runtime.ReadMemStats(&after)
		if a, most := after.TotalAlloc-before.TotalAlloc, uint64(256*(len(key)+len(value))+256<<10); a > most {
			t.Errorf("%d bytes allocate %d", len(key)+len(value), a)
		}
	})
}

// FuzzSubscription: what a consumer says of itself is read as kmsg reads it, or refused; what kmsg reads is not refused, but for what is
// cut behind the topics.
func FuzzSubscription(f *testing.F) {
	for version := range int16(4) {
		m := kmsg.NewConsumerMemberMetadata()
		m.Version, m.Topics, m.UserData = version, []string{"a", "bc", ""}, []byte("user")
		f.Add(m.AppendTo(nil))
	}
	f.Add(binary.BigEndian.AppendUint32([]byte{0, 1}, 1<<31-1))
	f.Fuzz(func(t *testing.T, b []byte) {
		topics, ok := subscriptionTopics(bytes.Clone(b))
		m := kmsg.NewConsumerMemberMetadata()
		err := m.ReadFrom(bytes.Clone(b))
		if err == nil && !ok && m.Version >= 0 && len(m.Topics) > 0 {
			t.Fatalf("refused, and kmsg reads %q", m.Topics)
		}
		if err != nil || !ok || m.Version < 0 {
			return
		}
		if len(topics) != len(m.Topics) {
			t.Fatalf("%q, kmsg reads %q", topics, m.Topics)
		}
		for i := range topics {
			if topics[i] != m.Topics[i] {
				t.Fatalf("topic %d is %q, kmsg reads %q", i, topics[i], m.Topics[i])
			}
		}
	})
}
