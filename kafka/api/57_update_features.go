package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// featuresTimeout bounds a change of features whose request gives no time; Kafka does not look at it there.
const featuresTimeout = 30 * time.Second

// UpdateFeatures (key 57, versions 0-2): changes the levels of features that the cluster has finalized (KIP-584).
//
//	v1 kinds of changes, and trying only (KIP-778); v2 no results of single features.
//
// All changes are made, or none: the error of one is that of the whole.
func updateFeatures(c *Call) {
	req := c.Req.(*kmsg.UpdateFeaturesRequest)
	cmd := meta.UpdateFeatures{}
	changes, controller := false, controllerOf(c.View, c.Env.NodeID)
	for i := range req.FeatureUpdates {
		u := featureUpdate(&req.FeatureUpdates[i], c.Version)
		if why := meta.CheckFeature(c.View.Image, u, controller); why != "" {
			respondFeatures(c, nil, code.InvalidUpdateVersion, "Invalid update version "+itoa(int64(u.Level))+" for feature "+u.Name+". "+why)
			return
		}
		changes = changes || c.View.Image.Feature(u.Name) != u.Level
		cmd.Updates = append(cmd.Updates, u)
	}
	if req.ValidateOnly || !changes {
		respondFeatures(c, cmd.Updates, code.OK, "")
		return
	}
	c.Next = func(c *Call, answer any) {
		if p, ok := answer.(raftnode.Proposed); ok {
			respondFeatures(c, cmd.Updates, proposalCode(p.Result.Code), p.Result.Message)
		}
	}
	limit := time.Duration(req.TimeoutMillis) * time.Millisecond
	if limit <= 0 {
		limit = featuresTimeout
	}
	c.Env.Metadata.Tell(&raftnode.Propose{Ask: c.Ask(), Cmd: cmd, Timeout: limit})
}

// featureUpdate is one change. v0 says only whether a level may go down.
func featureUpdate(u *kmsg.UpdateFeaturesRequestFeatureUpdate, version int16) meta.FeatureUpdate {
	x := meta.FeatureUpdate{Name: u.Feature, Level: u.MaxVersionLevel, Kind: meta.FeatureUpdateKind(u.UpgradeType)}
	switch {
	case version > 0:
	case u.AllowDowngrade:
		x.Kind = meta.FeatureSafeDowngrade
	default:
		x.Kind = meta.FeatureUpgrade
	}
	return x
}

func respondFeatures(c *Call, done []meta.FeatureUpdate, e code.Code, why string) {
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	if resp.ErrorCode = int16(e); e != code.OK {
		resp.ErrorMessage = text("The update failed for all features since the following feature had an error: " + why)
		c.Respond(resp)
		return
	}
	for _, u := range done {
		x := kmsg.NewUpdateFeaturesResponseResult()
		x.Feature, x.ErrorMessage = u.Name, text("NONE") // as Kafka words it
		resp.Results = append(resp.Results, x)
	}
	c.Respond(resp)
}
