package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

func TestDescribeQuorum(t *testing.T) {
	w := newWorld(t, 1, nil)
	f := func(version int16, topic string, partition int32, want string) {
		t.Helper()
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: topic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: partition}}}}
		x := w.ask(version, req).(*kmsg.DescribeQuorumResponse)
		p := x.Topics[0].Partitions[0]
		got := fmt.Sprintf("%d leader %d/%d hw %d", p.ErrorCode, p.LeaderID, p.LeaderEpoch, p.HighWatermark)
		for _, r := range p.CurrentVoters {
			got += fmt.Sprintf(" voter %d/%x end %d fetched %d caught up %d", r.ReplicaID, r.ReplicaDirectoryID[:1], r.LogEndOffset, r.LastFetchTimestamp, r.LastCaughtUpTimestamp)
		}
		for _, r := range p.Observers {
			got += fmt.Sprintf(" observer %d end %d fetched %d caught up %d", r.ReplicaID, r.LogEndOffset, r.LastFetchTimestamp, r.LastCaughtUpTimestamp)
		}
		for _, n := range x.Nodes {
			got += fmt.Sprintf(" node %d %+v", n.NodeID, n.Listeners)
		}
		expect(t, fmt.Sprint("v", version), got, want)
	}
	f(0, metadataLog, 0, "0 leader 1/3 hw 9 voter 1/00 end 10 fetched -1 caught up -1")
	f(1, metadataLog, 0, "0 leader 1/3 hw 9 voter 1/00 end 10 fetched 1000000 caught up 1000000")
	f(2, metadataLog, 0, "0 leader 1/3 hw 9 voter 1/01 end 10 fetched 1000000 caught up 1000000 node 1 [{Name:CONTROLLER Host:peer Port:9093 UnknownTags:{keyvals:map[]}}]")
	for v := range int16(3) {
		f(v, metadataLog, 1, "3 leader 0/0 hw 0")
		f(v, "a", 0, "3 leader 0/0 hw 0")
	}
	w.quorum.Voters, w.quorum.Learners = []uint64{2, 1}, []uint64{3}
	f(1, metadataLog, 0, "0 leader 1/3 hw 9 voter 1/00 end 10 fetched 1000000 caught up 1000000 voter 2/00 end -1 fetched -1 caught up -1 observer 3 end -1 fetched -1 caught up -1")
	at := time.UnixMilli(999_000)
	w.quorum.Replicas = []raftnode.Replica{{ID: 1, Voter: true, Match: 9}, {ID: 2, Voter: true, Match: 7, LastContact: at, LastCaughtUp: at.Add(-time.Second)}, {ID: 3}}
	f(1, metadataLog, 0, "0 leader 1/3 hw 9 voter 1/00 end 10 fetched 1000000 caught up 1000000 voter 2/00 end 8 fetched 999000 caught up 998000 observer 3 end 1 fetched -1 caught up -1")
	w.apply(meta.AddNode{StoreID: [16]byte{2}, RequestedID: -1, Endpoints: []meta.Endpoint{{Name: "PLAINTEXT", Host: "no", Port: 1}, {Name: meta.PeerListener, Host: "two", Port: 9094}}})
	f(2, metadataLog, 0, "0 leader 1/3 hw 9 voter 1/01 end 10 fetched 1000000 caught up 1000000 voter 2/02 end 8 fetched 999000 caught up 998000 observer 3 end 1 fetched -1 caught up -1 "+
		"node 1 [{Name:CONTROLLER Host:peer Port:9093 UnknownTags:{keyvals:map[]}}] node 2 [{Name:CONTROLLER Host:two Port:9094 UnknownTags:{keyvals:map[]}}]")
	w.quorum.Leader = 2
	f(1, metadataLog, 0, "6 leader 2/3 hw 0")
	w.quorum = raftnode.Status{ID: 1}
	f(1, metadataLog, 0, "6 leader -1/0 hw 0")
}

func TestUnregisterBroker(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.topic("a", []int32{2, 3})
	for _, x := range []struct {
		id      int32
		code    int16
		message string
	}{{-1, 102, "Broker ID -1 is not currently registered"}, {4, 102, "Broker ID 4 is not currently registered"}, {2, 0, ""}, {2, 102, "Broker ID 2 is not currently registered"}} {
		req := kmsg.NewPtrUnregisterBrokerRequest()
		req.BrokerID = x.id
		if y := w.ask(0, req).(*kmsg.UnregisterBrokerResponse); y.ErrorCode != x.code || y.ErrorMessage == nil || *y.ErrorMessage != x.message {
			t.Errorf("broker %d: %+v", x.id, y)
		}
	}
	if p := &w.img.Topic("a").Partitions[0]; w.img.Broker(2) != nil || p.Leader != 3 || len(p.ISR) != 1 {
		t.Errorf("%+v", p)
	}
	w.down = true
	f := w.begin(0, &kmsg.UnregisterBrokerRequest{BrokerID: 3})
	w.refuseHeld(code.CoordinatorNotAvailable)
	if y := f.answer().(*kmsg.UnregisterBrokerResponse); y.ErrorCode != int16(code.NotController) {
		t.Errorf("%+v", y)
	}
}
