package run

import (
	"slices"
	"strings"
	"time"

	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/cmd/broker/admin"
	"troupe/kafka/code"
)

// groupPatience is how long the admin door waits for a coordinator.
const groupPatience = time.Second

// Groups implements admin.Source.
func (s source) Groups() []admin.Group { return s.groupsUntil(time.Now().Add(groupPatience)) }

// groupsUntil are the groups of this broker, by name, as far as its shards answer in time.
func (s source) groupsUntil(until time.Time) []admin.Group {
	out := []admin.Group{}
	t := s.b.pub.Get().Image.Topic(group.Topic)
	if t == nil {
		return out
	}
	for i := range t.Partitions {
		shard := s.b.sys.Lookup(group.ShardName(int32(i)))
		if shard == nil {
			continue
		}
		got, ok := kit.Await[group.Listed](s.b.sys, time.Until(until), func(to *kit.Ref) { shard.Tell(&group.List{Ask: kit.Ask{ReplyTo: to}}) })
		if !ok {
			continue
		}
		for _, g := range got.Groups {
			out = append(out, admin.Group{Group: g.Group, State: g.GroupState, Type: g.GroupType, ProtocolType: g.ProtocolType, Partition: int32(i)})
		}
	}
	slices.SortFunc(out, func(a, b admin.Group) int { return strings.Compare(a.Group, b.Group) })
	return out
}

// Group implements admin.Source.
func (s source) Group(name string) (admin.GroupExplained, error) {
	t := s.b.pub.Get().Image.Topic(group.Topic)
	if t == nil {
		return admin.GroupExplained{}, admin.ErrNoGroup
	}
	shard := s.b.sys.Lookup(group.ShardName(group.PartitionFor(name, int32(len(t.Partitions)))))
	if shard == nil {
		return admin.GroupExplained{}, admin.ErrNotHere
	}
	got, ok := kit.Await[group.Explained](s.b.sys, groupPatience, func(to *kit.Ref) {
		shard.Tell(&group.Explain{Ask: kit.Ask{ReplyTo: to}, Group: name})
	})
	switch {
	case ok && got.Code == code.GroupIdNotFound:
		return admin.GroupExplained{}, admin.ErrNoGroup
	case !ok || got.Code != code.OK:
		return admin.GroupExplained{}, admin.ErrNotHere
	}
	return explained(name, got.Explanation), nil
}

func explained(name string, e group.Explanation) admin.GroupExplained {
	millis := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	out := admin.GroupExplained{
		Group: name, State: e.State, StateSince: e.StateSince, Generation: e.Generation, ProtocolType: e.ProtocolType, Protocol: e.Protocol,
		Leader: e.Leader, Awaiting: e.Awaiting, AwaitingIDs: e.AwaitingIDs, Pending: e.Pending, Offsets: e.Offsets, Committing: e.Committing,
		Members: []admin.GroupMember{}, Rebalances: []admin.GroupRebalance{},
	}
	for _, m := range e.Members {
		out.Members = append(out.Members, admin.GroupMember{
			ID: m.ID, InstanceID: m.InstanceID, ClientID: m.ClientID, ClientHost: m.ClientHost, SessionTimeoutMs: m.SessionTimeout.Milliseconds(),
			RebalanceTimeoutMs: m.RebalanceTimeout.Milliseconds(), LastHeardSec: m.LastHeard.Seconds(), Protocols: m.Protocols, Awaits: m.Awaits,
			AssignmentBytes: m.AssignmentBytes,
		})
	}
	for _, r := range e.Rebalances {
		out.Rebalances = append(out.Rebalances, admin.GroupRebalance{
			Began: r.Began, TookMs: millis(r.Took), Generation: r.Generation, Members: r.Members, Reason: r.Reason,
			MemberID: r.MemberID, ClientID: r.ClientID, ClientHost: r.ClientHost,
		})
	}
	return out
}
