package api

import (
	"fmt"
	"net/netip"

	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// tellGroup sends an ask to the coordinator of a group. Where there is none, the ask is refused as one that came too late: the client looks
// for the coordinator again.
func (c *Call) tellGroup(groupID string, m kit.Refuser) {
	if shard := c.coordinatorOf(groupID); shard != nil {
		shard.Tell(m)
		return
	}
	m.Refuse()
}

// coordinatorOf is the actor on this broker that coordinates a group; nil if there is none.
func (c *Call) coordinatorOf(groupID string) *kit.Ref {
	t := c.View.Image.Topic(group.Topic)
	if t == nil {
		return nil
	}
	return c.Sys.Lookup(group.ShardName(group.PartitionFor(groupID, int32(len(t.Partitions)))))
}

// groupClient is the client as the group keeps it.
func (c *Call) groupClient() group.Client {
	x := group.Client{Host: "/" + javaHost(c.Conn.RemoteHost)}
	if c.ClientID != nil {
		x.ID = *c.ClientID
	}
	return x
}

// javaHost writes an address as Java does, which groups show to tools: all eight parts of an IPv6 address, none shortened.
func javaHost(host string) string {
	a, err := netip.ParseAddr(host)
	if err != nil || !a.Is6() || a.Is4In6() {
		return host
	}
	b, s := a.As16(), ""
	for i := 0; i < len(b); i += 2 {
		s += fmt.Sprintf(":%x", uint16(b[i])<<8|uint16(b[i+1]))
	}
	return s[1:]
}

// groupTopics sorts out the partitions of a request that the cluster does not know; the group hears only of those that exist.
type groupTopics struct{ img *meta.Image }

// byID finds the topic of an id; nil if there is none.
func (g groupTopics) byID(id meta.TopicID) *meta.Topic {
	if id == (meta.TopicID{}) {
		return nil
	}
	return g.img.TopicByID(id)
}

// has says whether a topic of that name has the partition.
func (g groupTopics) has(name string, p int32) bool {
	t := g.img.Topic(name)
	return t != nil && p >= 0 && int(p) < len(t.Partitions)
}

// unknown says whether there is no topic of that name.
func (g groupTopics) unknown(name string) bool { return g.img.Topic(name) == nil }

// groupCode is what a client hears who is not answered any more: it asks again, elsewhere.
const groupCode = code.NotCoordinator
