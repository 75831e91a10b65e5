package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// ApiVersions (key 18, versions 0-4).
//
//	v1 throttle time; v2 quota throttling after the answer (KIP-219); v3 flexible, names the client's software and shows
//	features (KIP-511, KIP-584); v4 features that begin at 0.
//
// A version that is not known is answered in the form of v0 with 35 and key 18 alone, so that any client can go on with
// a version of it. The header of the answer is always v0.
func apiVersions(c *Call) {
	req, ok := c.Req.(*kmsg.ApiVersionsRequest)
	if !ok {
		c.Send(unknownApiVersions(c.Table))
		return
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.FinalizedFeaturesEpoch = int64(c.View.Image.Index())
	if c.Version >= 3 && (!softwareName(req.ClientSoftwareName) || !softwareName(req.ClientSoftwareVersion)) {
		resp.ErrorCode = int16(code.InvalidRequest)
		resp.FinalizedFeaturesEpoch = -1
		c.Respond(resp)
		return
	}
	if c.Version >= 3 {
		c.Conn.ClientSoftware, c.Conn.ClientVersion = req.ClientSoftwareName, req.ClientSoftwareVersion
	}
	resp.ApiKeys = make([]kmsg.ApiVersionsResponseApiKey, len(c.Table))
	for i, e := range c.Table {
		resp.ApiKeys[i] = apiKey(e)
	}
	tellFeatures(c, resp)
	c.Respond(resp)
}

// tellFeatures shows the features that this broker supports, and what the cluster has finalized of them. Before v4 a client cannot
// read that a level of 0 is supported, so such a feature is not shown as supported.
func tellFeatures(c *Call, resp *kmsg.ApiVersionsResponse) {
	for _, f := range meta.SupportedFeatures() {
		if f.Min == 0 && c.Version < 4 {
			continue
		}
		x := kmsg.NewApiVersionsResponseSupportedFeature()
		x.Name, x.MinVersion, x.MaxVersion = f.Name, f.Min, f.Max
		resp.SupportedFeatures = append(resp.SupportedFeatures, x)
	}
	for _, f := range c.View.Image.Features() {
		x := kmsg.NewApiVersionsResponseFinalizedFeature()
		x.Name, x.MinVersionLevel, x.MaxVersionLevel = f.Name, f.Level, f.Level
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, x)
	}
}

func unknownApiVersions(table []Entry) Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = int16(code.UnsupportedVersion)
	if e := Find(table, int16(kmsg.ApiVersions)); e != nil {
		resp.ApiKeys = append(resp.ApiKeys, apiKey(*e))
	}
	return Encoded(resp)
}

func apiKey(e Entry) kmsg.ApiVersionsResponseApiKey {
	return kmsg.ApiVersionsResponseApiKey{ApiKey: e.Key, MinVersion: e.Min, MaxVersion: e.Max}
}

// softwareName says whether s may name a client's software or its version: [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
// (ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN).
func softwareName(s string) bool {
	for i := range len(s) {
		inner := s[i] == '-' || s[i] == '.'
		if !alphanumeric(s[i]) && !(inner && i > 0 && i < len(s)-1) {
			return false
		}
	}
	return s != ""
}

func alphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
