package meta

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"troupe/kafka/code"
)

const minISRKey = "min.insync.replicas"

func (e *edit) alterConfigs(c IncrementalAlterConfigs) Result {
	out := make([]ConfigResult, len(c.Resources))
	for i := range c.Resources {
		res := &c.Resources[i]
		var r Result
		switch res.Type {
		case TopicResource:
			r = e.alterTopic(res)
		case BrokerResource:
			r = e.alterBroker(res)
		default:
			r = refuse(code.InvalidRequest, "Resources of type %d have no configs here.", res.Type)
		}
		out[i] = ConfigResult{Type: res.Type, Name: res.Name, Code: r.Code, Message: r.Message}
	}
	return Result{Value: out}
}

func (e *edit) alterTopic(res *AlterResource) Result {
	t := e.img.Topic(res.Name)
	if t == nil {
		return refuse(code.UnknownTopicOrPartition, "The topic '%s' does not exist.", res.Name)
	}
	next, r := alterMap(t.Configs, res.Ops, TopicConfigDef)
	if r.Code != code.OK {
		return r
	}
	if c, why := ValidateTopicConfigs(next); c != code.OK {
		return refuse(c, "%s", why)
	}
	if maps.Equal(next, t.Configs) {
		return Result{}
	}
	n := *t
	n.Configs = next
	e.setTopic(t, &n)
	e.changes.Configs = append(e.changes.Configs, "topic:"+t.Name)
	if next[minISRKey] != t.Configs[minISRKey] {
		e.minISRChanged([]*Topic{&n})
	}
	return Result{}
}

func (e *edit) alterBroker(res *AlterResource) Result {
	if res.Name != "" {
		id, err := strconv.ParseInt(res.Name, 10, 32)
		if err != nil || strconv.FormatInt(id, 10) != res.Name {
			return refuse(code.InvalidRequest, "A broker is named by its decimal id, not '%.100s'.", res.Name)
		}
		if e.img.Broker(int32(id)) == nil {
			return refuse(code.BrokerIdNotRegistered, "Broker %d is not registered.", id)
		}
	}
	old := e.img.BrokerConfigs(res.Name)
	next, r := alterMap(old, res.Ops, BrokerConfigDef)
	if r.Code != code.OK {
		return r
	}
	if c, why := ValidateBrokerConfigs(res.Name, next); c != code.OK {
		return refuse(c, "%s", why)
	}
	if maps.Equal(next, old) {
		return Result{}
	}
	e.setBrokerConfigs(res.Name, next)
	if res.Name == "" && next[minISRKey] != old[minISRKey] {
		e.minISRChanged(nil)
	}
	return Result{}
}

// minISRChanged looks through the topics (nil: all without a setting of their own): an ISR that is large enough now needs no ELR.
func (e *edit) minISRChanged(only []*Topic) {
	e.changePartitions(only, func(p *Partition) bool { return len(p.ELR) > 0 }, func(*Topic, *Partition, int) {})
}

// alterMap applies the operations to a copy of the settings; nil if none are left.
func alterMap(old map[string]string, ops []AlterOp, def func(key string) *ConfigDef) (map[string]string, Result) {
	next := maps.Clone(old)
	if next == nil {
		next = make(map[string]string, len(ops))
	}
	for _, op := range ops {
		switch op.Op {
		case ConfigSet:
			next[op.Key] = op.Value
		case ConfigDelete:
			delete(next, op.Key)
		case ConfigAppend, ConfigSubtract:
			d := def(op.Key)
			if d == nil || d.Type != TypeList {
				return nil, refuse(code.InvalidConfig, "Can't %s to key %s because its type is not LIST.", opName(op.Op), op.Key)
			}
			v, ok := next[op.Key]
			if !ok {
				v = d.Default
			}
			next[op.Key] = editList(v, op.Value, op.Op == ConfigAppend)
		default:
			return nil, refuse(code.InvalidRequest, "Operation %d on config %s is unknown.", op.Op, op.Key)
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

func editList(list, value string, add bool) string {
	have := splitList(list)
	for _, v := range splitList(value) {
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
