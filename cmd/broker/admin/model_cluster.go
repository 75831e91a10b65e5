package admin

// Cluster is what /api/v1/cluster says: the nodes of the cluster as this one knows them, and how its partitions are. Field names are stable.
type Cluster struct {
	ClusterID  string `json:"cluster_id"`
	NodeID     int32  `json:"node_id"`    // that answers
	Controller int32  `json:"controller"` // node id, -1: nobody is known to lead
	// Active says that the controller on this node acts.
	Active bool   `json:"controller_active"`
	Index  uint64 `json:"index"` // of the metadata that this is made of
	Nodes  []Node `json:"nodes"`

	FencedBrokers   int `json:"fenced_brokers"`
	UnderReplicated int `json:"under_replicated_partitions"` // fewer in sync than there are replicas
	UnderMinISR     int `json:"under_min_isr_partitions"`    // fewer than min.insync.replicas: acks=all is refused
	Leaderless      int `json:"leaderless_partitions"`
	Moving          int `json:"moving_partitions"` // with a reassignment under way
	NotPreferred    int `json:"not_preferred_partitions"`
}

// Node is one node of the cluster.
type Node struct {
	ID      int32  `json:"id"`
	RaftID  uint64 `json:"raft_id"`
	Raft    string `json:"raft"`  // leader, voter, learner, or "" if it takes no part
	State   string `json:"state"` // running, fenced, shutting down, not registered
	Epoch   int64  `json:"epoch"` // broker epoch, 0: not registered
	Address string `json:"address,omitempty"`
	Peer    string `json:"peer_address,omitempty"`
	Rack    string `json:"rack,omitempty"`
	// Cordoned: it gets no new replicas.
	Cordoned bool `json:"cordoned"`
	Replicas int  `json:"replicas"`
	Leaders  int  `json:"leaders"`
	// Link is how the link with it is, seen from the node that answers: up, dialling, waiting; "" for itself.
	Link      string  `json:"link,omitempty"`
	LinkFor   float64 `json:"link_sec,omitempty"`
	LinkWhy   string  `json:"link_why,omitempty"`
	RoundTrip float64 `json:"round_trip_ms,omitempty"`
	// Silent is how long it has sent no heartbeat; known where the controller is.
	Silent float64 `json:"silent_sec,omitempty"`
}
