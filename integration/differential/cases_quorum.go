package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// quorum asks for the state of partitions of the metadata log.
func quorum(named ...parts) *kmsg.DescribeQuorumRequest {
	req := kmsg.NewPtrDescribeQuorumRequest()
	for _, p := range named {
		t := kmsg.NewDescribeQuorumRequestTopic()
		t.Topic = p.topic
		for _, n := range p.partitions {
			t.Partitions = append(t.Partitions, kmsg.DescribeQuorumRequestTopicPartition{Partition: n})
		}
		req.Topics = append(req.Topics, t)
	}
	return req
}

const metadataLog = "__cluster_metadata"

var describeQuorumCases = []Case{
	{"the metadata log", 0, 2, func(s *Side, v int16) { s.Ask(v, quorum(of(metadataLog, 0))) }},
	{"other partitions", 0, 2, func(s *Side, v int16) {
		for _, n := range []int32{1, -1} {
			s.Ask(v, quorum(of(metadataLog, n)))
		}
		s.Ask(v, quorum(of(metadataLog)))
		s.Ask(v, quorum(of(metadataLog, 0, 0)))
		s.Ask(v, quorum(of(metadataLog, 0, 1)))
		s.Ask(v, quorum(of(metadataLog, 0), of(metadataLog, 0)))
	}},
	{"other topics", 0, 2, func(s *Side, v int16) {
		s.Ask(v, quorum(of(s.Topic("t", 1), 0)))
		s.Ask(v, quorum(of(s.Name("none"), 0)))
		s.Ask(v, quorum(of("", 0)))
		s.Ask(v, quorum(of(metadataLog, 0), of(s.Name("none"), 0)))
	}},
	{"nothing", 0, 2, func(s *Side, v int16) { s.Ask(v, quorum()) }},
}

// feature is one change of a feature's level.
func feature(name string, level int16, downgrade bool, kind int8) kmsg.UpdateFeaturesRequestFeatureUpdate {
	f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	f.Feature, f.MaxVersionLevel, f.AllowDowngrade, f.UpgradeType = name, level, downgrade, kind
	return f
}

func updateFeatures(updates ...kmsg.UpdateFeaturesRequestFeatureUpdate) *kmsg.UpdateFeaturesRequest {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.TimeoutMillis, req.FeatureUpdates = 5000, updates
	return req
}

// The kinds of changes of a level, from version 1 on.
const (
	upgrade         int8 = 1
	safeDowngrade   int8 = 2
	unsafeDowngrade int8 = 3
)

const metadataVersion = "metadata.version"

// finalized is the level of a feature on this side.
func (s *Side) finalized(name string) int16 {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "differential", "1"
	for _, f := range s.Must(3, req).(*kmsg.ApiVersionsResponse).FinalizedFeatures {
		if f.Name == name {
			return f.MaxVersionLevel
		}
	}
	panic(abandon{"feature " + name + " is not finalized"})
}

// Nothing here changes a level: both sides serve other cases at the same time.
var updateFeaturesCases = []Case{
	{"unknown feature", 0, 2, func(s *Side, v int16) {
		s.Ask(v, updateFeatures(feature("no.such.version", 1, false, upgrade)))
		s.Ask(v, updateFeatures(feature("no.such.version", 0, true, safeDowngrade)))
		s.Ask(v, updateFeatures(feature("", 1, false, upgrade)))
	}},
	{"the level that it has", 0, 2, func(s *Side, v int16) {
		s.Ask(v, updateFeatures(feature(metadataVersion, s.finalized(metadataVersion), false, upgrade)))
		s.Ask(v, updateFeatures(feature(metadataVersion, s.finalized(metadataVersion), true, safeDowngrade)))
	}},
	{"levels that nobody supports", 0, 2, func(s *Side, v int16) {
		for _, level := range []int16{99, 1, -1, 32767} {
			s.Ask(v, updateFeatures(feature(metadataVersion, level, false, upgrade)))
		}
		s.Ask(v, updateFeatures(feature(metadataVersion, 1, true, safeDowngrade)))
		s.Ask(v, updateFeatures(feature(metadataVersion, 0, true, unsafeDowngrade)))
	}},
	{"downgrade that is not allowed", 0, 2, func(s *Side, v int16) {
		s.Ask(v, updateFeatures(feature(metadataVersion, s.finalized(metadataVersion)-1, false, upgrade)))
	}},
	{"unknown kinds of changes", 1, 2, func(s *Side, v int16) {
		for _, kind := range []int8{0, 4, -1} {
			s.Ask(v, updateFeatures(feature(metadataVersion, s.finalized(metadataVersion), false, kind)))
		}
	}},
	{"several, one of them wrong", 0, 2, func(s *Side, v int16) {
		s.Ask(v, updateFeatures(feature(metadataVersion, s.finalized(metadataVersion), false, upgrade), feature("no.such.version", 1, false, upgrade)))
	}},
	{"twice", 0, 2, func(s *Side, v int16) {
		level := s.finalized(metadataVersion)
		s.Ask(v, updateFeatures(feature(metadataVersion, level, false, upgrade), feature(metadataVersion, level, false, upgrade)))
	}},
	{"only tried", 1, 2, func(s *Side, v int16) {
		for _, f := range []kmsg.UpdateFeaturesRequestFeatureUpdate{feature(metadataVersion, s.finalized(metadataVersion), false, upgrade),
			feature(metadataVersion, 99, false, upgrade), feature("no.such.version", 1, false, upgrade)} {
			req := updateFeatures(f)
			req.ValidateOnly = true
			s.Ask(v, req)
		}
	}},
	{"nothing", 0, 2, func(s *Side, v int16) { s.Ask(v, updateFeatures()) }},
	{"no time", 0, 2, func(s *Side, v int16) {
		req := updateFeatures(feature("no.such.version", 1, false, upgrade))
		req.TimeoutMillis = 0
		s.Ask(v, req)
	}},
}

func unregister(id int32) *kmsg.UnregisterBrokerRequest {
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = id
	return req
}

// A broker that serves is not unregistered here: the oracle would forget itself.
var unregisterBrokerCases = []Case{
	{"unknown brokers", 0, 0, func(s *Side, v int16) {
		for _, id := range []int32{2, 0, -1, 2147483647, -2147483648} {
			s.Ask(v, unregister(id))
		}
	}},
}
