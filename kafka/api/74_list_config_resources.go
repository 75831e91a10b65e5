package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// ListConfigResources (key 74, versions 0-1).
//
//	v0 names the subscriptions of client metrics only (ListClientMetricsResources, KIP-1000); v1 all kinds, or those asked for (KIP-1142).
//
// Topics and brokers are named whether they have settings of their own or not; groups and subscriptions exist here by their settings.
func listConfigResources(c *Call) {
	req := c.Req.(*kmsg.ListConfigResourcesRequest)
	resp := kmsg.NewPtrListConfigResourcesResponse()
	kinds := []int8{int8(metricsResource)}
	if c.Version >= 1 {
		kinds = req.ResourceTypes
	}
	all := []int8{int8(topicResource), int8(brokerResource), int8(loggerResource), int8(metricsResource), int8(groupResource)}
	if len(kinds) == 0 {
		kinds = all
	}
	asked := map[int8]bool{}
	for _, kind := range kinds {
		if !slices.Contains(all, kind) {
			resp.ErrorCode = int16(code.UnsupportedVersion)
			c.Respond(resp)
			return
		}
		asked[kind] = true
	}
	for _, kind := range all {
		if !asked[kind] {
			continue
		}
		for _, name := range configResources(c.View.Image, kmsg.ConfigResourceType(kind)) {
			x := kmsg.NewListConfigResourcesResponseConfigResource()
			x.Name, x.Type = name, kind
			resp.ConfigResources = append(resp.ConfigResources, x)
		}
	}
	c.Respond(resp)
}

// configResources are the names of the resources of one kind.
func configResources(img *meta.Image, kind kmsg.ConfigResourceType) (names []string) {
	switch kind {
	case topicResource:
		for t := range img.Topics() {
			names = append(names, t.Name)
		}
	case brokerResource, loggerResource:
		for _, b := range img.Brokers() {
			names = append(names, itoa(int64(b.ID)))
		}
	default:
		return img.ConfiguredResources(meta.ResourceType(kind))
	}
	return names
}
