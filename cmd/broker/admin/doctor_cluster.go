package admin

// linkGrace is how long a link with another node may be down.
const linkGrace = 5 // seconds

// cluster has the rules about the other nodes.
func cluster(x *exam) {
	voters := 0
	for _, n := range x.Cluster.Nodes {
		if n.Raft == "leader" || n.Raft == "voter" {
			voters++
		}
		if n.ID == x.Cluster.NodeID {
			continue
		}
		switch {
		case n.State == "fenced":
			x.warn("node-out", "look at its log, and at its own broker doctor; broker cluster status", "node %d is out of service: it does not run, or no heartbeat of it arrives", n.ID)
		case n.Link != "" && n.Link != "up" && n.LinkFor > linkGrace:
			x.warn("link-down", "can the two reach each other's peer address? broker cluster status", "there is no link with node %d (%s), for %.1f s: %s", n.ID, n.Peer, n.LinkFor, n.LinkWhy)
		}
	}
	if voters == 1 && len(x.Cluster.Nodes) > 1 {
		x.warn("one-voter", "add a node: broker cluster add", "the metadata log of %d nodes has one voter: while it is down nothing can be decided, and no partition gets another leader", len(x.Cluster.Nodes))
	}
	if n := x.Cluster.UnderMinISR; n > 0 {
		x.fail("under-min-isr", "which nodes are out? broker cluster status", "%s fewer replicas in sync than min.insync.replicas: acks=all is refused there", Counted(n, "partition has", "partitions have"))
	}
}
