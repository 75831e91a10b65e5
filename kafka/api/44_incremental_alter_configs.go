package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

// IncrementalAlterConfigs (key 44, versions 0-1), KIP-339.
//
//	v1 flexible.
//
// It changes settings of topics, brokers, groups and subscriptions of client metrics, and the log levels of the broker that is asked.
func incrementalAlterConfigs(c *Call) {
	req := c.Req.(*kmsg.IncrementalAlterConfigsRequest)
	k := &alterCall{c: c, validateOnly: req.ValidateOnly}
	for i := range req.Resources {
		r := &req.Resources[i]
		w := wantedChange{kind: r.ResourceType, name: r.ResourceName}
		for j := range r.Configs {
			w.ops = append(w.ops, wantedOp{meta.ConfigOp(r.Configs[j].Op), r.Configs[j].Name, r.Configs[j].Value})
		}
		k.wanted = append(k.wanted, w)
	}
	k.respond = func(rows []alterRow) {
		resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
		for _, r := range rows {
			x := kmsg.NewIncrementalAlterConfigsResponseResource()
			x.ErrorCode, x.ErrorMessage, x.ResourceType, x.ResourceName = int16(r.code), text(r.why), r.kind, r.name
			resp.Resources = append(resp.Resources, x)
		}
		c.Respond(resp)
	}
	k.start()
}
