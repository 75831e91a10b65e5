package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// goldenAdmin fills the sample requests of administration: one that is fine and one that is not, where there are such. It says
// whether it knows the key.
func goldenAdmin(w *world, req kmsg.Request) bool {
	switch req := req.(type) {
	case *kmsg.AlterReplicaLogDirsRequest:
		for i, dir := range []string{"/data", "/elsewhere"} {
			d := kmsg.NewAlterReplicaLogDirsRequestDir()
			d.Dir = dir
			d.Topics = []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "a", Partitions: []int32{int32(i), 9 - int32(i)}}}
			add(&req.Dirs, d)
		}
	case *kmsg.DescribeLogDirsRequest:
		req.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: "a", Partitions: []int32{0, 1, 9}}, {Topic: "nope", Partitions: []int32{0}}}
	case *kmsg.ElectLeadersRequest:
		req.TimeoutMillis = 1000
		req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "a", Partitions: []int32{0, 9}}, {Topic: "nope", Partitions: []int32{0}}}
	case *kmsg.AlterPartitionAssignmentsRequest:
		req.TimeoutMillis = 1000
		for i, replicas := range [][]int32{{1}, {7}, nil} {
			p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
			p.Partition, p.Replicas = int32(i), replicas
			add(&req.Topics, kmsg.AlterPartitionAssignmentsRequestTopic{Topic: "a", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{p}})
		}
	case *kmsg.ListPartitionReassignmentsRequest:
		w.apply(meta.AlterReassignments{Partitions: []meta.Reassignment{{PartitionRef: meta.PartitionRef{Topic: w.img.Topic("b").ID}, Target: []int32{2}}}})
		req.TimeoutMillis = 1000
		req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "a", Partitions: []int32{0}}, {Topic: "b", Partitions: []int32{0, 9}}}
	case *kmsg.DescribeQuorumRequest:
		req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	case *kmsg.DeleteRecordsRequest:
		req.TimeoutMillis = 1000
		for i, name := range []string{"a", "nope"} {
			req.Topics = append(req.Topics, kmsg.DeleteRecordsRequestTopic{Topic: name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{
				{Partition: 0, Offset: 1}, {Partition: int32(i) + 8, Offset: -1}}})
		}
	case *kmsg.DescribeProducersRequest:
		w.part("a", 0).producers = []partition.ActiveProducer{{ID: 7, Epoch: 1, LastSeq: 4, LastTime: 1000}}
		req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "a", Partitions: []int32{0, 9}}, {Topic: "nope", Partitions: []int32{0}}}
	case *kmsg.UpdateFeaturesRequest:
		f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		f.Feature, f.MaxVersionLevel, f.UpgradeType = "metadata.version", 30, 1
		req.TimeoutMillis, req.FeatureUpdates = 1000, []kmsg.UpdateFeaturesRequestFeatureUpdate{f}
	case *kmsg.AddRaftVoterRequest:
		w.votes(code.DuplicateVoter, "Node 2 is a voter already.")
		req.ClusterID, req.TimeoutMillis, req.VoterID, req.VoterDirectoryID = kmsg.StringPtr(w.img.ClusterID()), 1000, 2, [16]byte{2}
		req.Listeners = []kmsg.AddRaftVoterRequestListener{{Name: "CONTROLLER", Host: "h", Port: 9093}}
	case *kmsg.RemoveRaftVoterRequest:
		w.votes(code.OK, "")
		req.ClusterID, req.VoterID, req.VoterDirectoryID = kmsg.StringPtr(w.img.ClusterID()), 2, [16]byte{2}
	case *kmsg.UnregisterBrokerRequest:
		req.BrokerID = 7
	default:
		return goldenSecurity(req)
	}
	return true
}

func goldenSecurity(req kmsg.Request) bool {
	switch req := req.(type) {
	case *kmsg.DescribeACLsRequest:
		req.ResourceType, req.ResourcePatternType, req.Operation, req.PermissionType = 2, 3, 1, 1
		req.ResourceName = kmsg.StringPtr("a")
	case *kmsg.CreateACLsRequest:
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType, c.Principal, c.Host, c.Operation, c.PermissionType = 2, "a", 3, "User:me", "*", 3, 3
		add(&req.Creations, c)
	case *kmsg.DeleteACLsRequest:
		f := kmsg.NewDeleteACLsRequestFilter()
		f.ResourceType, f.ResourcePatternType, f.Operation, f.PermissionType = 1, 1, 1, 1
		add(&req.Filters, f)
	case *kmsg.CreateDelegationTokenRequest:
		req.Renewers = []kmsg.CreateDelegationTokenRequestRenewer{{PrincipalType: "User", PrincipalName: "me"}}
		req.OwnerPrincipalType, req.OwnerPrincipalName = kmsg.StringPtr("User"), kmsg.StringPtr("you")
		req.MaxLifetimeMillis = 1000
	case *kmsg.RenewDelegationTokenRequest:
		req.HMAC, req.RenewTimeMillis = []byte("secret"), 1000
	case *kmsg.ExpireDelegationTokenRequest:
		req.HMAC, req.ExpiryPeriodMillis = []byte("secret"), -1
	case *kmsg.DescribeDelegationTokenRequest:
		req.Owners = []kmsg.DescribeDelegationTokenRequestOwner{{PrincipalType: "User", PrincipalName: "me"}}
	default:
		return false
	}
	return true
}
