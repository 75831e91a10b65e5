package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// ask is what the shard does with everything that concerns one group.
type ask interface {
	group() string
	// refuse answers that nothing was done, and why.
	refuse(c code.Code)
}

var _ = [...]ask{(*Join)(nil), (*Sync)(nil), (*Heartbeat)(nil), (*Leave)(nil), (*Commit)(nil), (*FetchOffsets)(nil), (*Describe)(nil),
	(*Delete)(nil), (*DeleteOffsets)(nil), (*Explain)(nil)}

func (m *Join) group() string          { return m.Req.Group }
func (m *Sync) group() string          { return m.Req.Group }
func (m *Heartbeat) group() string     { return m.Req.Group }
func (m *Leave) group() string         { return m.Req.Group }
func (m *Commit) group() string        { return m.Req.Group }
func (m *FetchOffsets) group() string  { return m.Req.Group }
func (m *Describe) group() string      { return m.Group }
func (m *Delete) group() string        { return m.Group }
func (m *DeleteOffsets) group() string { return m.Req.Group }
func (m *Explain) group() string       { return m.Group }

// gone is what an ask that came too late is told: clients look for the coordinator again.
const gone = code.NotCoordinator

// Refuse implements kit.Refuser.
func (m *Join) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *Sync) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *Heartbeat) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *Leave) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *Commit) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *FetchOffsets) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *Describe) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *List) Refuse() { m.Reply(Listed{List: m, Code: gone}) }

// Refuse implements kit.Refuser.
func (m *Delete) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *DeleteOffsets) Refuse() { m.refuse(gone) }

// Refuse implements kit.Refuser.
func (m *Explain) Refuse() { m.refuse(gone) }

func (m *Join) refuse(c code.Code) { m.Reply(Joined{m, joinError(m.Req, c)}) }

func (m *Sync) refuse(c code.Code) {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.SetVersion(m.Req.Version)
	resp.ErrorCode = int16(c)
	m.Reply(Synced{m, resp})
}

func (m *Heartbeat) refuse(c code.Code) {
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.SetVersion(m.Req.Version)
	resp.ErrorCode = int16(c)
	m.Reply(Heard{m, resp})
}

func (m *Leave) refuse(c code.Code) {
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.SetVersion(m.Req.Version)
	resp.ErrorCode = int16(c)
	m.Reply(Left{m, resp})
}

func (m *Commit) refuse(c code.Code) { m.Reply(Committed{m, commitAnswer(m.Req, c)}) }

func (m *FetchOffsets) refuse(c code.Code) {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group, resp.ErrorCode = m.Req.Group, int16(c)
	m.Reply(FetchedOffsets{m, resp})
}

func (m *Describe) refuse(c code.Code) {
	resp := kmsg.NewDescribeGroupsResponseGroup()
	resp.Group, resp.ErrorCode = m.Group, int16(c)
	m.Reply(Described{m, resp})
}

func (m *Delete) refuse(c code.Code) { m.Reply(Deleted{m, c}) }

func (m *DeleteOffsets) refuse(c code.Code) {
	resp := kmsg.NewPtrOffsetDeleteResponse()
	resp.SetVersion(m.Req.Version)
	resp.ErrorCode = int16(c)
	m.Reply(DeletedOffsets{m, resp})
}

func (m *Explain) refuse(c code.Code) { m.Reply(Explained{Explain: m, Code: c}) }

// waits lets go of the request, and with it of the frame that it came in: what a Join says is its member's by then, in memory that is counted, and
// what waits for minutes is not. Of the request only what the answer needs stays.
func (m *Join) waits() {
	m.Req = &kmsg.JoinGroupRequest{Version: m.Req.Version, Group: m.Req.Group, MemberID: m.Req.MemberID}
}

// waits lets go of the request, as that of Join. Only the leader's assignment is of use, and that is on its way.
func (m *Sync) waits() {
	m.Req = &kmsg.SyncGroupRequest{Version: m.Req.Version, Group: m.Req.Group, Generation: m.Req.Generation, MemberID: m.Req.MemberID}
}

// joinError is the answer to a join that failed: no generation, no protocol, no leader.
func joinError(req *kmsg.JoinGroupRequest, c code.Code) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.SetVersion(req.Version)
	resp.ErrorCode, resp.Generation, resp.MemberID = int16(c), -1, req.MemberID
	if req.Version < 7 {
		resp.Protocol = new(string) // null is not allowed there
	}
	return resp
}

// commitAnswer gives every partition of a commit the same code.
func commitAnswer(req *kmsg.OffsetCommitRequest, c code.Code) *kmsg.OffsetCommitResponse {
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.SetVersion(req.Version)
	resp.Topics = make([]kmsg.OffsetCommitResponseTopic, len(req.Topics))
	for i := range req.Topics {
		from, to := &req.Topics[i], &resp.Topics[i]
		to.Topic, to.TopicID = from.Topic, from.TopicID
		to.Partitions = make([]kmsg.OffsetCommitResponseTopicPartition, len(from.Partitions))
		for k := range from.Partitions {
			to.Partitions[k].Partition, to.Partitions[k].ErrorCode = from.Partitions[k].Partition, int16(c)
		}
	}
	return resp
}

func (a Joined) send()         { a.Reply(a) }
func (a Synced) send()         { a.Reply(a) }
func (a Committed) send()      { a.Reply(a) }
func (a Deleted) send()        { a.Reply(a) }
func (a DeletedOffsets) send() { a.Reply(a) }
