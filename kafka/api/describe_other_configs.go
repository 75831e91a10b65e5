package api

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// logger describes the log level of this broker. It is no setting: it lasts as long as the process (KIP-412).
func (d *configDescriber) logger(r *kmsg.DescribeConfigsRequestResource) (describedConfigs, code.Code, string) {
	if r.ResourceName == "" {
		return nil, code.InvalidRequest, "Broker id must not be empty"
	}
	id, err := strconv.ParseInt(r.ResourceName, 10, 32)
	switch {
	case err != nil:
		return nil, code.InvalidRequest, "Broker id must be an integer, but it is: " + r.ResourceName
	case int32(id) != d.d.BrokerID:
		return nil, code.InvalidRequest, "Unexpected broker id, expected " + itoa(int64(d.d.BrokerID)) + " but received " + r.ResourceName
	}
	if e, why := d.checkRepeats(ownLoggers{}); e != code.OK {
		return nil, e, why
	}
	var out describedConfigs
	for _, key := range wantedKeys(r, []string{rootLogger}) {
		x := kmsg.NewDescribeConfigsResponseResourceConfig()
		x.Name, x.Value, x.Source = key, text(d.env.logLevel()), kmsg.ConfigSource(meta.SourceLogger)
		x.Documentation = new(string) // Kafka has none either
		out = append(out, x)
	}
	return out, code.OK, ""
}

func (d *configDescriber) clientMetrics(r *kmsg.DescribeConfigsRequestResource) (describedConfigs, code.Code, string) {
	if r.ResourceName == "" {
		return nil, code.InvalidRequest, "Client metrics subscription name must not be empty"
	}
	if e, why := d.checkSize(); e != code.OK {
		return nil, e, why
	}
	set := d.img.ResourceConfigs(meta.ClientMetricsResource, r.ResourceName)
	var out describedConfigs
	for _, key := range wantedKeys(r, meta.ClientMetricsConfigKeys()) {
		def, own := meta.ClientMetricsConfigDef(key), []meta.ConfigValue(nil)
		v := meta.ConfigValue{Name: key, Value: def.Default, Source: meta.SourceDefault}
		if value, ok := set[key]; ok {
			v = meta.ConfigValue{Name: key, Value: def.Canonical(value), Source: meta.SourceClientMetrics}
			own = []meta.ConfigValue{v}
		}
		out = append(out, d.entry(def, v, own))
	}
	return out, code.OK, ""
}

func (d *configDescriber) group(r *kmsg.DescribeConfigsRequestResource) (describedConfigs, code.Code, string) {
	if r.ResourceName == "" {
		return nil, code.InvalidRequest, "Group name must not be empty"
	}
	if e, why := d.checkSize(); e != code.OK {
		return nil, e, why
	}
	var out describedConfigs
	for _, key := range wantedKeys(r, meta.GroupConfigKeys()) {
		def := meta.GroupConfigDef(key)
		v := meta.GroupConfig(d.img, d.d, r.ResourceName, key)
		v.Value = def.Canonical(v.Value)
		chain := meta.GroupSynonyms(d.img, d.d, r.ResourceName, key)
		if v.Source == meta.SourceGroup {
			chain[0].Value = v.Value
		}
		out = append(out, d.entry(def, v, chain))
	}
	return out, code.OK, ""
}
