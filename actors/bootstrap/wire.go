package bootstrap

import (
	"encoding/json"
	"fmt"
)

// statement is what a node says of itself with each question. Its store id is not in it: the handshake proves that one.
type statement struct {
	RaftID  uint64   `json:"raftId,omitempty"` // it has a place already, and only wants to know who is there
	Seeds   []string `json:"seeds,omitempty"`  // sorted; none: it joins
	NodeID  int32    `json:"nodeId,omitempty"` // that it wants; 0: any
	Address string   `json:"address"`          // for other brokers
	Version string   `json:"version"`          // of the program, for people
	Level   uint32   `json:"level"`            // the highest feature level that it understands
}

// The states of a reply.
const (
	stateWaiting = "waiting" // ask again
	stateRefused = "refused" // asking again is of no use before something was changed; Text says what
	stateFounded = "founded" // Record names the asker
	stateAdded   = "added"   // the asker's place is NodeID and RaftID
)

// reply answers a statement.
type reply struct {
	State     string   `json:"state"`
	Text      string   `json:"text,omitempty"`  // for people: what is waited for, or why not
	Seeds     []string `json:"seeds,omitempty"` // of who answers, while it has no cluster either
	Record    []byte   `json:"record,omitempty"`
	ClusterID string   `json:"clusterId,omitempty"`
	NodeID    int32    `json:"nodeId,omitempty"`
	RaftID    uint64   `json:"raftId,omitempty"`
	Nodes     []place  `json:"nodes,omitempty"` // of the cluster, with their addresses
}

// place is where a node of the cluster is.
type place struct {
	NodeID  int32    `json:"nodeId"`
	StoreID [16]byte `json:"storeId"`
	Address string   `json:"address"`
}

// maxText bounds each text of a statement or reply that is shown to people, in bytes.
const maxText = 1 << 10

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // neither type holds anything that JSON cannot say
		panic("BUG: " + err.Error())
	}
	return b
}

func parseStatement(b []byte) (s statement, err error) {
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	if s.NodeID < 0 || s.Level == 0 || len(s.Address) > maxText || len(s.Version) > maxText || len(s.Seeds) > MaxSeeds {
		return s, fmt.Errorf("node %d, level %d, %d seeds", s.NodeID, s.Level, len(s.Seeds))
	}
	return s, nil
}

// parseReply checks what it will be used for without a further look; the record has a check of its own.
func parseReply(b []byte) (r reply, err error) {
	if err := json.Unmarshal(b, &r); err != nil {
		return r, err
	}
	r.Text = r.Text[:min(len(r.Text), maxText)]
	switch r.State {
	case stateWaiting, stateRefused, stateFounded:
	case stateAdded:
		if r.ClusterID == "" || r.NodeID < 1 || uint32(r.RaftID) != uint32(r.NodeID) {
			return r, fmt.Errorf("place %d, %x in cluster %q", r.NodeID, r.RaftID, r.ClusterID)
		}
	default:
		return r, fmt.Errorf("state %q", r.State)
	}
	return r, nil
}
