package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

// AlterConfigs (key 33, versions 0-2).
//
//	v2 flexible. IncrementalAlterConfigs has taken its place (KIP-339).
//
// It names all settings that a resource shall have; what it does not name goes back to its default. Log levels cannot be changed by it.
func alterConfigs(c *Call) {
	req := c.Req.(*kmsg.AlterConfigsRequest)
	k := &alterCall{c: c, validateOnly: req.ValidateOnly}
	for i := range req.Resources {
		r := &req.Resources[i]
		w := wantedChange{kind: r.ResourceType, name: r.ResourceName, whole: true}
		for j := range r.Configs {
			w.ops = append(w.ops, wantedOp{meta.ConfigSet, r.Configs[j].Name, r.Configs[j].Value})
		}
		k.wanted = append(k.wanted, w)
	}
	k.respond = func(rows []alterRow) {
		resp := kmsg.NewPtrAlterConfigsResponse()
		for _, r := range rows {
			x := kmsg.NewAlterConfigsResponseResource()
			x.ErrorCode, x.ErrorMessage, x.ResourceType, x.ResourceName = int16(r.code), text(r.why), r.kind, r.name
			resp.Resources = append(resp.Resources, x)
		}
		c.Respond(resp)
	}
	k.start()
}
