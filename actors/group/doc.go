// Package group is the coordinator of consumer groups: one shard actor per local replica of __consumer_offsets, and one actor per
// group that has something to do. It serves the classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, and the commits of
// offsets, with or without members.
//
// Whoever wants something of a group tells it to the shard's actor, ShardName(PartitionFor(group, partitions)), on the broker that
// leads that partition. The shard passes it on to the group's actor, which answers. Every ask is answered exactly once: by the
// group, or by Refuse with a retriable code when a shard does not lead (NOT_COORDINATOR), loads (COORDINATOR_LOAD_IN_PROGRESS) or
// stops.
package group
