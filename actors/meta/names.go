package meta

import "fmt"

// MaxTopicName is the longest topic name, in bytes: the name, a dash and a partition number had to fit in a file name of Kafka.
const MaxTopicName = 249

// ClusterMetadataTopic is the name under which Kafka keeps its Raft log; nobody may make a topic of this name.
const ClusterMetadataTopic = "__cluster_metadata"

// ValidateTopicName says why a name cannot be a topic's, in the words of Kafka's Topic.validate; "" if it can.
func ValidateTopicName(name string) string {
	switch {
	case name == "":
		return "Topic name is invalid: the empty string is not allowed"
	case name == "." || name == "..":
		return "Topic name is invalid: '" + name + "' is not allowed"
	case len(name) > MaxTopicName:
		return fmt.Sprintf("Topic name is invalid: the length of '%.300s' is longer than the max allowed length %d", name, MaxTopicName)
	}
	for i := 0; i < len(name); i++ {
		if !topicNameByte(name[i]) {
			return fmt.Sprintf("Topic name is invalid: '%.300s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name)
		}
	}
	return ""
}

func topicNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

// Collides reports whether two names are the same once '.' and '_' are, so that their metrics could not be told apart.
func Collides(a, b string) bool { return cmpFold(a, b) == 0 }
