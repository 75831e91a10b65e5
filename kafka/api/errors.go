package api

import (
	"troupe/kafka/code"
)

// storageCode is what a client hears when the store cannot read: every such error means that this disk is of no use for
// the partition now. Writes never come here, because a failed write ends the process.
func storageCode(err error) code.Code {
	if err == nil {
		return code.OK
	}
	return code.KafkaStorageError
}

// proposalCode is what an admin client hears when its proposal as a whole came to nothing. Codes of what the command
// itself decided pass through; those of the way to it become retriable ones that clients of these keys know.
func proposalCode(c code.Code) code.Code {
	switch c {
	case code.CoordinatorNotAvailable, code.NotCoordinator, code.CoordinatorLoadInProgress, code.LeaderNotAvailable,
		code.NotLeaderForPartition, code.BrokerNotAvailable:
		return code.NotController
	}
	return c
}

// offsetCode is the code of a Fetch or ListOffsets answer in the words that its version knows (KIP-207).
func offsetCode(c code.Code, version int16) code.Code {
	if c == code.OffsetNotAvailable && version < 5 {
		return code.LeaderNotAvailable
	}
	return c
}

// The texts of codes as Kafka's tools show them, where an answer has no text of its own.
const (
	textUnknownTopic      = "This server does not host this topic-partition."
	textUnknownTopicID    = "This server does not host this topic ID."
	textDuplicateName     = "Duplicate topic name."
	textElectionNotNeeded = "Leader election not needed for topic partition."
)

// text is a message as a nullable string: null if there is none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
