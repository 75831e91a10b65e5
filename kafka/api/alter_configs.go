package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// alterTimeout is how long a change of settings may take; the requests name no time.
const alterTimeout = 30 * time.Second

// alterCall is one AlterConfigs or IncrementalAlterConfigs under way. The broker that was asked judges what only it can (log levels, its
// own dynamic settings, a group's bounds), the cluster decides about the rest in one command. Each resource is changed wholly or not at all.
type alterCall struct {
	c            *Call
	wanted       []wantedChange
	validateOnly bool
	respond      func([]alterRow)

	rows []alterRow
	cmd  meta.IncrementalAlterConfigs
}

// wantedChange is what shall become of one resource.
type wantedChange struct {
	kind  kmsg.ConfigResourceType
	name  string
	whole bool // settings that are not named go back to their defaults
	ops   []wantedOp
}

type wantedOp struct {
	op    meta.ConfigOp
	key   string
	value *string
}

// alterRow is the answer for one resource.
type alterRow struct {
	kind  kmsg.ConfigResourceType
	name  string
	code  code.Code
	why   string
	place int // in cmd.Resources, -1 if it is not among them
}

type resourceName struct {
	kind kmsg.ConfigResourceType
	name string
}

func (k *alterCall) start() {
	k.plan()
	switch {
	case k.validateOnly:
		for i := range k.rows {
			if r := &k.rows[i]; r.place >= 0 {
				_, result := k.c.View.Image.Altered(&k.cmd.Resources[r.place])
				r.code, r.why = result.Code, result.Message
			}
		}
		fallthrough
	case len(k.cmd.Resources) == 0:
		k.respond(k.rows)
		return
	}
	k.c.Next = func(_ *Call, answer any) {
		if p, ok := answer.(raftnode.Proposed); ok {
			k.proposed(p)
		}
	}
	k.c.Propose(k.cmd, alterTimeout)
}

// plan judges each resource and fills the command with those that may be right.
func (k *alterCall) plan() {
	names, ops := make([]resourceName, len(k.wanted)), 0
	for i, w := range k.wanted {
		names[i] = resourceName{w.kind, w.name}
		ops += len(w.ops)
	}
	again := repeated(names)
	for i := range k.wanted {
		w := &k.wanted[i]
		row := alterRow{kind: w.kind, name: w.name, place: -1}
		var res *meta.AlterResource
		row.code, row.why = firstRefusal(
			func() (code.Code, string) {
				if again[names[i]] {
					return code.InvalidRequest, "Each resource must appear at most once."
				}
				return code.OK, ""
			},
			func() (code.Code, string) {
				if ops > meta.MaxConfigOps {
					return code.PolicyViolation, "Unable to perform excessively large batch operation."
				}
				return code.OK, ""
			},
			w.check,
			func() (e code.Code, why string) { res, e, why = k.one(w); return e, why },
		)
		if row.code == code.OK && res != nil {
			row.place = len(k.cmd.Resources)
			k.cmd.Resources = append(k.cmd.Resources, *res)
		}
		k.rows = append(k.rows, row)
	}
}

// check judges the operations of one resource by themselves.
func (w *wantedChange) check() (code.Code, string) {
	seen, null := make(map[string]bool, len(w.ops)), []string(nil)
	for _, op := range w.ops {
		if seen[op.key] {
			return code.InvalidRequest, "Error due to duplicate config keys"
		}
		seen[op.key] = true
		if op.value == nil && op.op != meta.ConfigDelete {
			null = append(null, op.key)
		}
	}
	if null != nil {
		return code.InvalidRequest, "Null value not supported for : " + strings.Join(null, ", ")
	}
	return code.OK, ""
}

// one is what the command says of a resource; nil if there is nothing that the cluster has to decide.
func (k *alterCall) one(w *wantedChange) (*meta.AlterResource, code.Code, string) {
	img, d := k.c.View.Image, k.c.Env.defaults()
	switch w.kind {
	case loggerResource:
		if w.whole {
			break // Kafka's AlterConfigs does not know loggers
		}
		e, why := k.levels(w)
		return nil, e, why
	case brokerResource:
		id, e, why := k.brokerID(w.name)
		if e != code.OK {
			return nil, e, why
		}
		res := w.resource(id)
		e, why = meta.CheckBrokerAlter(img, d, res)
		return res, e, why
	case topicResource, metricsResource:
		return w.resource(w.name), code.OK, ""
	case groupResource:
		res := w.resource(w.name)
		next, r := img.Altered(res)
		if r.Code != code.OK {
			return nil, r.Code, r.Message
		}
		e, why := meta.CheckGroupBounds(img, d, next)
		return res, e, why
	}
	return nil, code.InvalidRequest, "Unknown resource type " + itoa(int64(int8(w.kind)))
}

// brokerID is the name of a broker, "" or this one's id, as commands write it.
func (k *alterCall) brokerID(name string) (string, code.Code, string) {
	if name == "" {
		return "", code.OK, ""
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return "", code.InvalidRequest, "Node id must be an integer, but it is: " + name
	}
	if own := k.c.Env.NodeID; int32(id) != own {
		return "", code.InvalidRequest, "Unexpected broker id, expected " + itoa(int64(own)) + ", but received " + name
	}
	return itoa(id), code.OK, ""
}

func (w *wantedChange) resource(name string) *meta.AlterResource {
	res := &meta.AlterResource{Type: meta.ResourceType(w.kind), Name: name}
	if w.whole {
		res.Ops = append(res.Ops, meta.AlterOp{Op: meta.ConfigClear})
	}
	for _, op := range w.ops {
		value := ""
		if op.value != nil {
			value = *op.value
		}
		res.Ops = append(res.Ops, meta.AlterOp{Op: clientOp(op.op), Key: op.key, Value: value})
	}
	return res
}

// clientOp keeps clients from the operations that only this package may ask for.
func clientOp(op meta.ConfigOp) meta.ConfigOp {
	if op == meta.ConfigClear {
		return op + 1
	}
	return op
}

// levels changes log levels of this broker.
func (k *alterCall) levels(w *wantedChange) (code.Code, string) {
	id, err := strconv.ParseInt(w.name, 10, 32)
	switch own := k.c.Env.NodeID; {
	case err != nil:
		return code.InvalidRequest, "Node id must be an integer, but it is: " + w.name
	case int32(id) != own:
		return code.InvalidRequest, "Unexpected node id. Expected " + itoa(int64(own)) + ", but received " + w.name
	}
	for _, op := range w.ops {
		if e, why := k.c.Env.checkLevel(op); e != code.OK {
			return e, why
		}
	}
	if k.validateOnly {
		return code.OK, ""
	}
	for _, op := range w.ops {
		k.c.Env.LogLevel.Set(logLevels[*op.value])
		k.c.Sys.Log().Warn("the log level was changed by a client", "level", *op.value, "client", k.c.Conn.RemoteHost)
	}
	return code.OK, ""
}

// proposed puts what the cluster decided into the answer.
func (k *alterCall) proposed(p raftnode.Proposed) {
	results, _ := p.Result.Value.([]meta.ConfigResult)
	for i := range k.rows {
		r := &k.rows[i]
		switch {
		case r.place < 0:
		case p.Result.Code != code.OK || r.place >= len(results):
			if r.code, r.why = proposalCode(p.Result.Code), p.Result.Message; r.code == code.OK {
				r.code = code.UnknownServerError
			}
		default:
			r.code, r.why = results[r.place].Code, results[r.place].Message
		}
	}
	k.respond(k.rows)
}
