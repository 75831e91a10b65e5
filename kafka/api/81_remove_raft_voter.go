package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// RemoveRaftVoter (key 81, version 0): takes a node's vote on the metadata log away (KIP-853). It goes on following the log.
func removeRaftVoter(c *Call) {
	req := c.Req.(*kmsg.RemoveRaftVoterRequest)
	changeVoter(c, &voterChange{
		cluster: req.ClusterID, node: req.VoterID, directory: req.VoterDirectoryID,
		respond: func(e code.Code, why string) {
			resp := kmsg.NewPtrRemoveRaftVoterResponse()
			resp.ErrorCode, resp.ErrorMessage = int16(e), &why
			c.Respond(resp)
		}})
}
