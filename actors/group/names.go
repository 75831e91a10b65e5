package group

import (
	"math"
	"strconv"
	"unicode/utf16"
)

// Topic is where groups and offsets live: a compacted, internal topic.
const Topic = "__consumer_offsets"

// ShardName is the name of the actor that coordinates the groups of one partition of Topic. It exists on every broker that holds a
// replica of the partition and has registered.
func ShardName(p int32) string { return "group/shard-" + strconv.Itoa(int(p)) }

// PartitionFor is the partition of Topic that coordinates a group: Java's hash of the id, as Kafka has it (Utils.abs, modulo), so
// that tools which compute it find the same.
func PartitionFor(groupID string, partitions int32) int32 {
	if partitions <= 0 {
		return -1
	}
	var h int32
	for _, u := range utf16.Encode([]rune(groupID)) {
		h = 31*h + int32(u)
	}
	switch {
	case h == math.MinInt32: // has no opposite
		h = 0
	case h < 0:
		h = -h
	}
	return h % partitions
}

// javaLen is the length of a string as Java counts it, in UTF-16 units.
func javaLen(s string) int { return len(utf16.Encode([]rune(s))) }
