package meta

import (
	"maps"
	"slices"
	"strings"

	"troupe/kafka/code"
)

const minISRKey = "min.insync.replicas"

func (e *edit) alterConfigs(c IncrementalAlterConfigs) Result {
	out := make([]ConfigResult, len(c.Resources))
	for i := range c.Resources {
		res := &c.Resources[i]
		next, r := e.img.Altered(res)
		if r.Code == code.OK {
			e.putConfigs(res, next)
		}
		out[i] = ConfigResult{Type: res.Type, Name: res.Name, Code: r.Code, Message: r.Message}
	}
	return Result{Value: out}
}

// putConfigs gives a resource that exists its new settings.
func (e *edit) putConfigs(res *AlterResource, next map[string]string) {
	if res.Type == TopicResource {
		e.putTopicConfigs(e.img.Topic(res.Name), next)
		return
	}
	old := e.img.ResourceConfigs(res.Type, res.Name)
	if maps.Equal(next, old) {
		return
	}
	e.setConfigs(resourceConfigs{res.Type, res.Name, next})
	if res.Type == BrokerResource && res.Name == "" && electsOtherwise(old, next) {
		e.electAnew(nil)
	}
}

func (e *edit) putTopicConfigs(t *Topic, next map[string]string) {
	if maps.Equal(next, t.Configs) {
		return
	}
	n := *t
	n.Configs = next
	e.setTopic(t, &n)
	e.changes.Configs = append(e.changes.Configs, "topic:"+t.Name)
	if electsOtherwise(t.Configs, next) {
		e.electAnew([]*Topic{&n})
	}
}

// electsOtherwise reports whether settings that take part in elections differ.
func electsOtherwise(old, next map[string]string) bool {
	return next[minISRKey] != old[minISRKey] || next[uncleanKey] != old[uncleanKey]
}

// electAnew looks through the topics (nil: all): an ISR that is large enough now needs no ELR and may end a reassignment, and a
// partition without a leader may elect one that it could not before.
func (e *edit) electAnew(only []*Topic) {
	e.changePartitions(only, func(p *Partition) bool {
		return len(p.ELR) > 0 || p.Moving() || p.Leader == NoLeader
	}, func(*Topic, *Partition, int) {})
}

// Altered is what the settings of a resource become by the operations, nil if none are left; or the code and why not. It is how Apply
// decides, and what a broker answers to a request that only wants to know. What depends on a broker's own configuration, CheckBrokerAlter and
// CheckGroupBounds judge before.
func (m *Image) Altered(res *AlterResource) (map[string]string, Result) {
	switch res.Type {
	case TopicResource:
		return m.alteredTopic(res)
	case BrokerResource:
		return m.alteredBroker(res)
	case ClientMetricsResource, GroupResource:
		return m.alteredOther(res)
	}
	return nil, refuse(code.InvalidRequest, "Unknown resource type %d", res.Type)
}

func (m *Image) alteredTopic(res *AlterResource) (map[string]string, Result) {
	t := m.Topic(res.Name)
	var old map[string]string
	if t != nil {
		old = t.Configs
	}
	next, r := alterMap(old, res.Ops, TopicConfigDef)
	switch {
	case r.Code != code.OK:
		return nil, r
	case res.Name == "":
		return nil, refuse(code.InvalidRequest, "Default topic resources are not allowed.")
	}
	if why := ValidateTopicName(res.Name); why != "" {
		return nil, refuse(code.InvalidTopicException, "%s", why)
	}
	if c, why := ValidateTopicConfigs(next); c != code.OK {
		return nil, refuse(c, "%s", why)
	}
	if t == nil {
		return nil, refuse(code.UnknownTopicOrPartition, "The topic '%s' does not exist.", res.Name)
	}
	return next, Result{}
}

func (m *Image) alteredBroker(res *AlterResource) (map[string]string, Result) {
	id, r := brokerName(res.Name)
	switch {
	case r.Code != code.OK:
		return nil, r
	case res.Name != "" && m.Broker(id) == nil:
		return nil, refuse(code.BrokerIdNotRegistered, "Broker %d is not registered.", id)
	}
	old := m.BrokerConfigs(res.Name)
	next, r := alterMap(old, res.Ops, BrokerConfigDef)
	if r.Code != code.OK {
		return nil, r
	}
	if c, why := ValidateBrokerConfigs(res.Name, next); c != code.OK {
		return nil, refuse(c, "%s", why)
	}
	if len(next) > len(old) && unknownConfigs(next) > MaxConfigsOfResource {
		return nil, refuse(code.PolicyViolation, "More than %d settings of a broker are not known here.", MaxConfigsOfResource)
	}
	return next, Result{}
}

func unknownConfigs(configs map[string]string) (n int) {
	for key := range configs {
		if brokerDefs[key] == nil {
			n++
		}
	}
	return n
}

func (m *Image) alteredOther(res *AlterResource) (map[string]string, Result) {
	def, check := ClientMetricsConfigDef, validateClientMetrics
	if res.Type == GroupResource {
		def, check = GroupConfigDef, validateGroup
	}
	old := m.ResourceConfigs(res.Type, res.Name)
	next, r := alterMap(old, res.Ops, def)
	if r.Code != code.OK {
		return nil, r
	}
	if c, why := check(res.Name, next); c != code.OK {
		return nil, refuse(c, "%s", why)
	}
	if len(old) == 0 && len(next) > 0 && len(m.configs) >= MaxConfiguredResources {
		return nil, refuse(code.PolicyViolation, "More than %d groups and subscriptions of client metrics have settings.", MaxConfiguredResources)
	}
	return next, Result{}
}

// alterMap applies the operations to a copy of the settings; nil if none are left. A list that is not set counts as its default.
func alterMap(old map[string]string, ops []AlterOp, def func(key string) *ConfigDef) (map[string]string, Result) {
	next := maps.Clone(old)
	if next == nil {
		next = make(map[string]string, len(ops))
	}
	for _, op := range ops {
		if len(op.Key) > MaxConfigText || len(op.Value) > MaxConfigText {
			return nil, refuse(code.InvalidConfig, "The name or value of configuration %.100s is longer than %d bytes.", op.Key, MaxConfigText)
		}
		switch op.Op {
		case ConfigSet:
			next[op.Key] = op.Value
		case ConfigDelete:
			delete(next, op.Key)
		case ConfigClear:
			clear(next)
		case ConfigAppend, ConfigSubtract:
			d := def(op.Key)
			if d == nil || !d.splittable() {
				return nil, refuse(code.InvalidConfig, "Can't %s to key %s because its type is not LIST.", opName(op.Op), op.Key)
			}
			v, ok := next[op.Key]
			if !ok {
				v = d.Default
			}
			next[op.Key] = editList(v, op.Value, op.Op == ConfigAppend)
		default:
			return nil, refuse(code.InvalidRequest, "Unknown operations type %d", int8(op.Op))
		}
	}
	if len(next) == 0 {
		return nil, Result{}
	}
	return next, Result{}
}

func opName(op ConfigOp) string {
	if op == ConfigAppend {
		return "APPEND"
	}
	return "SUBTRACT"
}

// editList adds or takes away the elements of value, as they are written, blanks and all.
func editList(list, value string, add bool) string {
	have := slices.DeleteFunc(strings.Split(list, ","), func(v string) bool { return v == "" })
	elements := strings.Split(value, ",")
	for len(elements) > 1 && elements[len(elements)-1] == "" {
		elements = elements[:len(elements)-1]
	}
	for _, v := range elements {
		i := slices.Index(have, v)
		switch {
		case add && i < 0:
			have = append(have, v)
		case !add && i >= 0:
			have = slices.Delete(have, i, i+1)
		}
	}
	return strings.Join(have, ",")
}

func splitList(s string) []string {
	var out []string
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}
