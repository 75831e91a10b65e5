package peer

import (
	"fmt"
	"time"
)

// Lane is one of the ways between two brokers. Each is a connection of its own, so that none waits for another.
type Lane uint8

// The lanes.
const (
	Control Lane = iota // Raft, heartbeats, proposals: small, and dropped rather than queued for long
	Append              // replication
	Bulk                // snapshots, catching up
	lanes
)

// Lanes are all lanes.
var Lanes = [lanes]Lane{Control, Append, Bulk}

func (l Lane) String() string {
	switch l {
	case Control:
		return "control"
	case Append:
		return "append"
	case Bulk:
		return "bulk"
	case laneVisit:
		return "visit"
	}
	return fmt.Sprintf("lane %d", uint8(l))
}

// Kind says whose a message is. The numbers travel: they are never used again for something else.
type Kind uint16

// The kinds.
const (
	KindRaft        Kind = iota + 1 // messages of Raft
	KindProposal                    // commands for the metadata leader
	KindController                  // heartbeats of brokers
	KindReplication                 // streams between replicas
	KindBootstrap                   // founders and newcomers
	KindForward                     // requests of clients, for the metadata leader
	kinds
)

var kindText = [kinds]string{KindRaft: "raft", KindProposal: "proposal", KindController: "controller", KindReplication: "replication", KindBootstrap: "bootstrap", KindForward: "forward"}

func (k Kind) String() string {
	if k > 0 && k < kinds {
		return kindText[k]
	}
	return fmt.Sprintf("kind %d", uint16(k))
}

// Reason is why something did not get through.
type Reason uint8

// The reasons.
const (
	OK          Reason = iota
	Unreachable        // the link is down: it did not leave
	Full               // the lane holds as much as it may: it did not leave
	TooLarge           // no frame of the lane takes it: it did not leave
	Lost               // the link broke when it was on its way
	TimedOut           // no answer in time
	Refused            // the other node has nobody for it, or cannot take more: it was not looked at
	reasons
)

var reasonText = [reasons]string{OK: "OK", Unreachable: "unreachable", Full: "full", TooLarge: "too large", Lost: "lost", TimedOut: "timed out", Refused: "refused"}

func (r Reason) String() string {
	if r < reasons {
		return reasonText[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Maybe reports that an ask which ended so may have been carried out, or may still be.
func (r Reason) Maybe() bool { return r == Lost || r == TimedOut }

// Limits, beside those of frames.
const (
	DefaultTimeout = 10 * time.Second       // of an Ask or a Visit that names none
	DefaultPulse   = 200 * time.Millisecond // a ping each; see silentPulses

	silentPulses    = 5   // without a byte, and a link is broken
	handshakePulses = 10  // for all connections of a session to be there
	maxStrangers    = 128 // connections in their handshake; one more costs the oldest
	maxGuests       = 64
	maxVisits       = 64
	maxLinks        = 1000
	maxAsks         = 4096 // of a link, each way, without an answer
	maxFrames       = 8192 // queued on a lane
	maxTold         = 1000 // refusals that were logged and not forgotten yet
)

// Defaults of Options, in bytes by lane.
var (
	defaultQueue  = [lanes]int{Control: 16 << 20, Append: 64 << 20, Bulk: 16 << 20}
	defaultWindow = [lanes]uint32{Control: 0, Append: 32 << 20, Bulk: 8 << 20}
)
