package run

import (
	"net"
	"slices"
	"strconv"
	"time"

	"troupe/actors/controller"
	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
	"troupe/raftnode"
)

// Cluster implements admin.Source.
func (s source) Cluster() admin.Cluster {
	b, img, st, now := s.b, s.b.pub.Get().Image, s.b.board.Status(), time.Now()
	out := count(img)
	out.ClusterID, out.NodeID, out.Controller, out.Index = img.ClusterID(), b.NodeID(), st.LeaderNode(), img.Index()
	sessions := b.control.Status()
	out.Active = sessions.Active
	out.Nodes = []admin.Node{}
	for _, n := range img.Nodes() {
		x := member(img, &n, st)
		if l, ok := b.links.Link(n.ID); ok {
			x.Link, x.LinkFor, x.LinkWhy, x.RoundTrip = l.State, now.Sub(l.Since).Seconds(), l.Why, float64(l.RTT)/float64(time.Millisecond)
		}
		if i := slices.IndexFunc(sessions.Sessions, func(y controller.Session) bool { return y.Broker == n.ID }); i >= 0 && n.ID != out.NodeID {
			x.Silent = sessions.Sessions[i].Silent.Seconds()
		}
		out.Nodes = append(out.Nodes, x)
	}
	return out
}

// member is what metadata and Raft say of a node.
func member(img *meta.Image, n *meta.Node, st raftnode.Status) admin.Node {
	x := admin.Node{ID: n.ID, RaftID: n.RaftID, State: "not registered", Peer: meta.PeerAddress(n), Cordoned: img.Cordoned(n.ID)}
	x.Replicas, x.Leaders = img.Load(n.ID)
	switch {
	case st.Leader == n.RaftID:
		x.Raft = "leader"
	case slices.Contains(st.Voters, n.RaftID):
		x.Raft = "voter"
	case slices.Contains(st.Learners, n.RaftID):
		x.Raft = "learner"
	}
	b := img.Broker(n.ID)
	if b == nil {
		return x
	}
	x.Epoch, x.Rack, x.State = b.Epoch, b.Rack, "running"
	switch {
	case b.Fenced:
		x.State = "fenced"
	case b.InControlledShutdown:
		x.State = "shutting down"
	}
	if len(b.Listeners) > 0 {
		x.Address = net.JoinHostPort(b.Listeners[0].Host, strconv.Itoa(int(b.Listeners[0].Port)))
	}
	return x
}

// count counts brokers and partitions that are not as they should be.
func count(img *meta.Image) (c admin.Cluster) {
	for _, b := range img.Brokers() {
		if b.Fenced {
			c.FencedBrokers++
		}
	}
	for _, t := range img.SortedTopics() {
		for i := range t.Partitions {
			p := &t.Partitions[i]
			if len(p.ISR) < p.Factor() {
				c.UnderReplicated++
			}
			if len(p.ISR) < img.MinISROf(t, p) {
				c.UnderMinISR++
			}
			if p.Moving() {
				c.Moving++
			}
			switch p.Leader {
			case p.Replicas[0]:
			case meta.NoLeader:
				c.Leaderless++
			default:
				c.NotPreferred++
			}
		}
	}
	return c
}

// clusterMetrics adds what is measured of the cluster as a whole.
func (s source) clusterMetrics(gauge func(name string, v float64, l ...admin.Label)) {
	c, control := count(s.b.pub.Get().Image), s.b.control.Status()
	gauge("active_controller", flag(control.Active))
	gauge("lost_links", float64(len(control.Lost)))
	gauge("fenced_brokers", float64(c.FencedBrokers))
	gauge("under_replicated_partitions", float64(c.UnderReplicated))
	gauge("under_min_isr_partitions", float64(c.UnderMinISR))
	gauge("leaderless_partitions", float64(c.Leaderless))
	gauge("moving_partitions", float64(c.Moving))
	gauge("not_preferred_partitions", float64(c.NotPreferred))
}
