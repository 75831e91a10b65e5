package api

import (
	"strings"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// A check judges one aspect of a request: OK and "", or why it is refused. A handler lists its checks in the order in which
// Kafka makes them, because a client that made several mistakes hears of the first.
type check func() (code.Code, string)

// firstRefusal is the answer of the first check that refuses.
func firstRefusal(checks ...check) (code.Code, string) {
	for _, f := range checks {
		if c, why := f(); c != code.OK {
			return c, why
		}
	}
	return code.OK, ""
}

// checkTimeout refuses what has no time at all: Kafka gives up on it before it begins, without a text.
func checkTimeout(ms int32) check {
	return func() (code.Code, string) {
		if ms <= 0 {
			return code.RequestTimedOut, ""
		}
		return code.OK, ""
	}
}

// checkIsolation refuses isolation levels that do not exist. Kafka answers -1 there, an internal error.
func checkIsolation(level int8) check {
	return func() (code.Code, string) {
		if level != readUncommitted && level != readCommitted {
			return code.InvalidRequest, ""
		}
		return code.OK, ""
	}
}

// The isolation levels of Fetch and ListOffsets.
const (
	readUncommitted int8 = 0
	readCommitted   int8 = 1
)

// checkTopicName refuses names that no topic can have.
func checkTopicName(name string) check {
	return func() (code.Code, string) {
		if why := meta.ValidateTopicName(name); why != "" {
			return code.InvalidTopicException, why
		}
		return code.OK, ""
	}
}

// checkNewTopicName refuses names that are taken or collide, by the image and by what the request has planned before.
func checkNewTopicName(img *meta.Image, name string, planned map[string]string) check {
	return func() (code.Code, string) {
		if img.Topic(name) != nil {
			return code.TopicAlreadyExists, "Topic '" + name + "' already exists."
		}
		if other, ok := planned[folded(name)]; ok {
			return code.InvalidTopicException, "Topic '" + name + "' collides with existing topic: " + other
		}
		return code.OK, ""
	}
}

// folded is a topic name as metrics would show it: names that fold to the same collide.
func folded(name string) string { return strings.ReplaceAll(name, ".", "_") }

// checkEndpointType refuses DescribeCluster for controllers, which have no endpoints of their own here.
func checkEndpointType(t int8) check {
	return func() (code.Code, string) {
		switch t {
		case endpointBrokers:
			return code.OK, ""
		case endpointControllers:
			return code.MismatchedEndpointType, "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
		}
		return code.UnsupportedEndpointType, "Unsupported endpoint type " + itoa(int64(t))
	}
}

// repeated says which of the keys occur more than once.
func repeated[K comparable](keys []K) map[K]bool {
	seen := make(map[K]bool, len(keys))
	for _, k := range keys {
		_, again := seen[k]
		seen[k] = again
	}
	return seen
}

// newTopicID makes a random id. Ids that would begin with a dash are left out, so that command lines do not take one for
// an option.
func newTopicID(sys kit.System) meta.TopicID {
	for {
		var id meta.TopicID
		putUint64(id[:8], sys.Rand())
		putUint64(id[8:], sys.Rand())
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
		if id.String()[0] != '-' {
			return id
		}
	}
}
