package admin

import (
	"errors"
	"net/http"
	"time"
)

// Group is one group that this broker coordinates. Field names are stable.
type Group struct {
	Group        string `json:"group"`
	State        string `json:"state"` // Empty, PreparingRebalance, CompletingRebalance, Stable
	Type         string `json:"type"`  // classic
	ProtocolType string `json:"protocol_type,omitempty"`
	Partition    int32  `json:"partition"` // of __consumer_offsets, where it is kept
}

// GroupExplained is what a group does and why it last rebalanced, as its coordinator says it.
type GroupExplained struct {
	Group        string           `json:"group"`
	State        string           `json:"state"`
	StateSince   time.Time        `json:"state_since"`
	Generation   int32            `json:"generation"`
	ProtocolType string           `json:"protocol_type,omitempty"`
	Protocol     string           `json:"protocol,omitempty"`
	Leader       string           `json:"leader,omitempty"`
	Awaiting     string           `json:"awaiting,omitempty"` // what it waits for, in one sentence
	AwaitingIDs  []string         `json:"awaiting_members,omitempty"`
	Members      []GroupMember    `json:"members"`
	Pending      int              `json:"pending_members"` // ids that were given out and have not come back
	Offsets      int              `json:"offsets"`         // partitions with a committed offset
	Committing   int              `json:"committing"`      // partitions whose offset is on its way to the disk
	Rebalances   []GroupRebalance `json:"rebalances"`      // the last ones, oldest first
}

// GroupMember is one member of a group.
type GroupMember struct {
	ID                 string   `json:"id"`
	InstanceID         string   `json:"instance_id,omitempty"`
	ClientID           string   `json:"client_id,omitempty"`
	ClientHost         string   `json:"client_host"`
	SessionTimeoutMs   int64    `json:"session_timeout_ms"`
	RebalanceTimeoutMs int64    `json:"rebalance_timeout_ms"`
	LastHeardSec       float64  `json:"last_heard_sec"`
	Protocols          []string `json:"protocols"`
	Awaits             string   `json:"awaits,omitempty"` // join or sync: has an answer coming
	AssignmentBytes    int      `json:"assignment_bytes"`
}

// GroupRebalance is one rebalance of the past, or the one under way.
type GroupRebalance struct {
	Began      time.Time `json:"began"`
	TookMs     float64   `json:"took_ms"` // 0: not yet
	Generation int32     `json:"generation"`
	Members    int       `json:"members"`
	Reason     string    `json:"reason"`
	MemberID   string    `json:"member_id,omitempty"`
	ClientID   string    `json:"client_id,omitempty"`
	ClientHost string    `json:"client_host,omitempty"`
}

// How asking about a group can end.
var (
	ErrNoGroup = errors.New("there is no such group (GROUP_ID_NOT_FOUND); see: broker group list")
	ErrNotHere = errors.New("this broker does not coordinate the group at the moment; ask again")
)

func (s *Server) groupRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/groups", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.src.Groups()) })
	mux.HandleFunc("GET /api/v1/groups/{name...}", s.group)
}

func (s *Server) group(w http.ResponseWriter, r *http.Request) {
	g, err := s.src.Group(r.PathValue("name"))
	switch {
	case errors.Is(err, ErrNoGroup):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusConflict)
	default:
		writeJSON(w, g)
	}
}
