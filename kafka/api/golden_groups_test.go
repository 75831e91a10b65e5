package api

import "github.com/twmb/franz-go/pkg/kmsg"

// goldenGroups fills in a request about groups; false: it is about something else.
func goldenGroups(w *world, req kmsg.Request) bool {
	topics := []string{"a", "nope"}
	switch req := req.(type) {
	case *kmsg.FindCoordinatorRequest:
		req.CoordinatorKey, req.CoordinatorKeys = "group", []string{"group", "other"}
	case *kmsg.JoinGroupRequest:
		req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = "group", 10000, 60000, "consumer"
		req.InstanceID, req.Reason = kmsg.StringPtr("instance"), kmsg.StringPtr("because")
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 1}}, {Name: "roundrobin", Metadata: []byte{2}}}
	case *kmsg.SyncGroupRequest:
		req.Group, req.Generation, req.MemberID, req.InstanceID = "group", 1, "m-1", kmsg.StringPtr("instance")
		req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
		req.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: "m-1", MemberAssignment: []byte("yours")}}
	case *kmsg.HeartbeatRequest:
		req.Group, req.Generation, req.MemberID, req.InstanceID = "group", 1, "m-1", kmsg.StringPtr("instance")
	case *kmsg.LeaveGroupRequest:
		req.Group, req.MemberID = "group", "m-1"
		req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: "m-1", InstanceID: kmsg.StringPtr("instance"), Reason: kmsg.StringPtr("bye")}, {MemberID: "m-2"}}
	case *kmsg.DescribeGroupsRequest:
		req.Groups, req.IncludeAuthorizedOperations = []string{"group", "none"}, true
	case *kmsg.ListGroupsRequest:
		req.StatesFilter, req.TypesFilter = []string{"Empty"}, []string{"classic"}
	case *kmsg.DeleteGroupsRequest:
		req.Groups = []string{"group", "none"}
	case *kmsg.OffsetDeleteRequest:
		req.Group = "group"
		for _, n := range topics {
			req.Topics = append(req.Topics, kmsg.OffsetDeleteRequestTopic{Topic: n, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}})
		}
	case *kmsg.OffsetCommitRequest:
		*req = *commitOf("group", commitPart{"a", 0}, commitPart{"a", 9}, commitPart{"nope", 0})
		req.Generation, req.MemberID, req.InstanceID = 1, "m-1", kmsg.StringPtr("instance")
		req.Topics[0].TopicID, req.Topics[1].TopicID = w.img.Topic("a").ID, [16]byte{9}
		req.Topics[0].Partitions[0].LeaderEpoch, req.Topics[0].Partitions[0].Metadata = 3, kmsg.StringPtr("note")
	case *kmsg.OffsetFetchRequest:
		*req = *committedOf("group", topics...)
		req.Groups[0].Topics[0].TopicID, req.Groups[0].Topics[1].TopicID = w.img.Topic("a").ID, [16]byte{9}
		req.Groups[0].MemberID, req.Groups[0].MemberEpoch = kmsg.StringPtr("m-1"), 1
		req.Groups = append(req.Groups, committedOf("all").Groups[0])
	default:
		return false
	}
	w.groups(2)
	return true
}
