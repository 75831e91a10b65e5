package api

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// The kinds of resources that have settings here, by the numbers of the protocol.
const (
	topicResource   = kmsg.ConfigResourceTypeTopic
	brokerResource  = kmsg.ConfigResourceTypeBroker
	loggerResource  = kmsg.ConfigResourceTypeBrokerLogger
	metricsResource = kmsg.ConfigResourceType(meta.ClientMetricsResource)
	groupResource   = kmsg.ConfigResourceType(meta.GroupResource)
)

const replicationKey = "default.replication.factor"

// maxRepeatedResources is how often one request may name resources that it has named before. The answer is as large as the cluster
// at most, but for these: a small request must not make a huge one.
const maxRepeatedResources = 1000

// DescribeConfigs (key 32, versions 1-4).
//
//	v1 sources and synonyms (KIP-226); v3 types and documentation (KIP-569); v4 flexible.
//
// It is asked of topics, of the broker that answers and its log level, of the cluster-wide dynamic settings of brokers, of groups, and of
// subscriptions of client metrics. The latter two need not exist: then they are shown as they would be.
func describeConfigs(c *Call) {
	req := c.Req.(*kmsg.DescribeConfigsRequest)
	resp := kmsg.NewPtrDescribeConfigsResponse()
	d := &configDescriber{img: c.View.Image, env: c.Env, d: c.Env.defaults(), synonyms: req.IncludeSynonyms, docs: req.IncludeDocumentation, described: map[any]bool{}}
	refusal, whyRefused := strangeResource(req.Resources)
	for i := range req.Resources {
		r := &req.Resources[i]
		x := kmsg.NewDescribeConfigsResponseResource()
		x.ResourceType, x.ResourceName = r.ResourceType, r.ResourceName
		var configs describedConfigs
		e, why := refusal, whyRefused
		if e == code.OK {
			configs, e, why = d.resource(r)
		}
		x.Configs, x.ErrorCode, x.ErrorMessage = configs, int16(e), &why // never null, as with Kafka
		resp.Resources = append(resp.Resources, x)
	}
	c.Respond(resp)
}

// strangeResource finds a resource of a kind that nobody knows: as with Kafka, one of them refuses all that the request asks for.
func strangeResource(list []kmsg.DescribeConfigsRequestResource) (code.Code, string) {
	for i := range list {
		switch list[i].ResourceType {
		case topicResource, brokerResource, loggerResource, metricsResource, groupResource:
		default:
			return code.InvalidRequest, "Unknown resource type " + itoa(int64(int8(list[i].ResourceType)))
		}
	}
	return code.OK, ""
}

// configDescriber describes settings as one request wants them.
type configDescriber struct {
	img            *meta.Image
	env            *Env
	d              meta.Defaults
	synonyms, docs bool
	described      map[any]bool // topic ids, ownBroker, everyBroker
	repeats        int
	unlisted       int
}

// What of brokers has been described, in configDescriber.described.
type (
	ownBroker   struct{}
	everyBroker struct{}
	ownLoggers  struct{}
)

// maxUnlisted is how many groups and subscriptions of client metrics one request may name: they need not exist, so that nothing else
// bounds an answer about them.
const maxUnlisted = 10_000

// checkSize refuses more groups and subscriptions than one answer can hold.
func (d *configDescriber) checkSize() (code.Code, string) {
	if d.unlisted++; d.unlisted > maxUnlisted {
		return code.PolicyViolation, "More than " + itoa(maxUnlisted) + " groups and subscriptions of client metrics are named."
	}
	return code.OK, ""
}

// checkRepeats refuses a resource when too many have been named again.
func (d *configDescriber) checkRepeats(resource any) (code.Code, string) {
	if d.described[resource] {
		d.repeats++
	}
	d.described[resource] = true
	if d.repeats > maxRepeatedResources {
		return code.PolicyViolation, "More than " + itoa(maxRepeatedResources) + " resources are named again."
	}
	return code.OK, ""
}

type describedConfigs = []kmsg.DescribeConfigsResponseResourceConfig

func (d *configDescriber) resource(r *kmsg.DescribeConfigsRequestResource) (describedConfigs, code.Code, string) {
	switch r.ResourceType {
	case topicResource:
		return d.topic(r)
	case brokerResource:
		return d.broker(r)
	case loggerResource:
		return d.logger(r)
	case metricsResource:
		return d.clientMetrics(r)
	}
	return d.group(r)
}

func (d *configDescriber) topic(r *kmsg.DescribeConfigsRequestResource) (describedConfigs, code.Code, string) {
	if e, why := checkTopicName(r.ResourceName)(); e != code.OK {
		return nil, e, why
	}
	t := d.img.Topic(r.ResourceName)
	if t == nil {
		return nil, code.UnknownTopicOrPartition, ""
	}
	if e, why := d.checkRepeats(t.ID); e != code.OK {
		return nil, e, why
	}
	var out describedConfigs
	for _, key := range wantedKeys(r, meta.TopicConfigKeys()) {
		def := meta.TopicConfigDef(key)
		v, src := meta.Effective(d.img, t, d.d, key)
		chain := meta.TopicSynonyms(d.img, t, d.d, key)
		switch {
		case src == meta.SourceTopic:
			chain[0].Value = def.Canonical(v)
		case len(chain) == 0: // Kafka knows a source only from the chain
			src = meta.SourceDefault
		}
		out = append(out, d.entry(def, meta.ConfigValue{Name: key, Value: def.Canonical(v), Source: src}, chain))
	}
	return out, code.OK, ""
}

func (d *configDescriber) broker(r *kmsg.DescribeConfigsRequestResource) (describedConfigs, code.Code, string) {
	if r.ResourceName == "" {
		if e, why := d.checkRepeats(everyBroker{}); e != code.OK {
			return nil, e, why
		}
		return d.allBrokers(r), code.OK, ""
	}
	id, err := strconv.ParseInt(r.ResourceName, 10, 32)
	if err != nil {
		return nil, code.InvalidRequest, "Broker id must be an integer, but it is: " + r.ResourceName
	}
	if int32(id) != d.d.BrokerID {
		return nil, code.InvalidRequest, "Unexpected broker id, expected " + itoa(int64(d.d.BrokerID)) + " or empty string, but received " + r.ResourceName
	}
	if e, why := d.checkRepeats(ownBroker{}); e != code.OK {
		return nil, e, why
	}
	var out describedConfigs
	for _, key := range wantedKeys(r, d.brokerKeys()) {
		def := brokerDef(key)
		v := meta.EffectiveBroker(d.img, d.d, key)
		chain := meta.BrokerSynonyms(d.img, d.d, key)
		if v.Value = def.Canonical(v.Value); key == replicationKey && v.Source == meta.SourceDefault {
			rf, _ := newTopicPlan(d.img, d.d, nil).defaultReplication() // follows the size of the cluster
			v.Value = itoa(int64(rf))
			chain[0].Value = v.Value
		}
		out = append(out, d.entry(def, v, chain))
	}
	return out, code.OK, ""
}

// brokerKeys are the settings that this broker shows: those that it knows, but for those without a static form which nobody has
// set, and whatever else has been set.
func (d *configDescriber) brokerKeys() []string {
	var keys []string
	for _, key := range meta.BrokerConfigKeys() {
		if !brokerDef(key).DynamicOnly() {
			keys = append(keys, key)
		}
	}
	for _, set := range []map[string]string{d.d.Static, d.img.BrokerConfigs(""), d.img.BrokerConfigs(itoa(int64(d.d.BrokerID)))} {
		for key := range set {
			keys = append(keys, key)
		}
	}
	return sortedUnique(keys)
}

// allBrokers are the dynamic settings of all brokers, without what stands behind them in each.
func (d *configDescriber) allBrokers(r *kmsg.DescribeConfigsRequestResource) (out describedConfigs) {
	set := d.img.BrokerConfigs("")
	keys := make([]string, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	for _, key := range wantedKeys(r, sortedUnique(keys)) {
		v := meta.ConfigValue{Name: key, Value: set[key], Source: meta.SourceDynamicDefault}
		out = append(out, d.entry(brokerDef(key), v, []meta.ConfigValue{v}))
	}
	return out
}

// brokerDef is the definition of a broker's setting. One that is not known counts as a secret: nobody can say that it is none.
func brokerDef(key string) *meta.ConfigDef {
	if def := meta.BrokerConfigDef(key); def != nil {
		return def
	}
	return &meta.ConfigDef{Name: key, Type: meta.TypeUnknown, ReadOnly: true, Sensitive: true}
}

// wantedKeys are those of the keys that a request names: all if it names none.
func wantedKeys(r *kmsg.DescribeConfigsRequestResource, keys []string) []string {
	if len(r.ConfigNames) == 0 {
		return keys
	}
	named := make(map[string]bool, len(r.ConfigNames))
	for _, n := range r.ConfigNames {
		named[n] = true
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !named[key] })
}

// documentation is what a setting does; null for those that Kafka does not document either: of listeners, and dynamic only.
func documentation(def *meta.ConfigDef, name string) *string {
	switch {
	case def.Name != name || def.Type == meta.TypeUnknown || def.DynamicOnly():
		return nil
	}
	return text(def.Doc)
}

// entry describes one setting. Values of secrets, and of what has none, are null.
func (d *configDescriber) entry(def *meta.ConfigDef, v meta.ConfigValue, chain []meta.ConfigValue) kmsg.DescribeConfigsResponseResourceConfig {
	value := func(v *meta.ConfigValue) *string {
		if v.Null || def.Sensitive {
			return nil
		}
		return &v.Value
	}
	x := kmsg.NewDescribeConfigsResponseResourceConfig()
	x.Name, x.Value, x.Source = v.Name, value(&v), kmsg.ConfigSource(v.Source)
	x.IsSensitive, x.ConfigType = def.Sensitive, kmsg.ConfigType(def.Type)
	x.ReadOnly = def.ReadOnly || def.Name != v.Name // of a listener's own setting, as Kafka says
	if d.docs {
		x.Documentation = documentation(def, v.Name)
	}
	if !d.synonyms {
		return x
	}
	for i := range chain {
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Value, s.Source = chain[i].Name, value(&chain[i]), kmsg.ConfigSource(chain[i].Source)
		x.ConfigSynonyms = append(x.ConfigSynonyms, s)
	}
	return x
}
