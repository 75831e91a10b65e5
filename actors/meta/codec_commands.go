package meta

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrUnknownCommand says that a log entry was written by a newer version. Skipping it would fork the state: the node must stop.
var ErrUnknownCommand = errors.New("meta: unknown command: this log was written by a newer version")

// commandVersion is the format of the fields of every command so far. A command whose fields change gets its next number, and Decode
// goes on reading the older ones, for they are in logs.
const commandVersion = 1

// Encode writes a log entry: kind (uvarint), format version (byte), request id, clock, then the command's fields in their order.
func Encode(env Envelope) []byte {
	e := &enc{b: make([]byte, 0, 64)}
	e.u(uint64(env.Cmd.Kind()))
	e.byte(commandVersion)
	e.i(int64(env.ID.Node))
	e.u(env.ID.Incarnation)
	e.u(env.ID.Seq)
	e.i(env.TimeMs)
	e.command(env.Cmd)
	return e.b
}

// Decode reads a log entry. It never panics, and what it allocates is bounded by a small multiple of the input.
func Decode(b []byte) (Envelope, error) {
	d := &dec{b: b}
	kind, version := d.u(), d.byte()
	if d.err != nil {
		return Envelope{}, d.err
	}
	if kind == 0 || kind > uint64(lastKind) || version != commandVersion {
		return Envelope{}, fmt.Errorf("%w (kind %d, format %d)", ErrUnknownCommand, kind, version)
	}
	env := Envelope{ID: RequestID{Node: d.i32(), Incarnation: d.u(), Seq: d.u()}, TimeMs: d.i()}
	env.Cmd = d.command(Kind(kind))
	if err := d.end(); err != nil {
		return Envelope{}, err
	}
	return env, nil
}

func (e *enc) command(c Command) {
	switch c := c.(type) {
	case InitCluster:
		e.str(c.ClusterID)
		e.i(c.CreatedMs)
		e.u(uint64(c.FeatureLevel))
		each(e, c.Founders, e.node)
		e.configs(c.Configs)
	case AddNode:
		e.id(c.StoreID)
		e.i(int64(c.RequestedID))
		each(e, c.Endpoints, e.endpoint)
		e.str(c.Version)
	case RegisterBroker:
		e.registration(c)
	case FenceBroker:
		e.i(int64(c.BrokerID))
		e.i(c.BrokerEpoch)
		e.str(c.Reason)
	case UnfenceBroker:
		e.i(int64(c.BrokerID))
		e.i(c.BrokerEpoch)
	case CreateTopics:
		each(e, c.Topics, e.newTopic)
	case DeleteTopics:
		each(e, c.IDs, func(id TopicID) { e.id(id) })
	case CreatePartitions:
		each(e, c.Topics, func(m MorePartitions) {
			e.id(m.ID)
			e.i(int64(m.Expected))
			e.i(int64(m.Count))
			each(e, m.Assignments, e.ints)
		})
	case IncrementalAlterConfigs:
		each(e, c.Resources, e.resource)
	case AllocateProducerIds:
		e.i(int64(c.BrokerID))
		e.i(c.BrokerEpoch)
		e.i(int64(c.Count))
	case UpdateFeatures:
		each(e, c.Updates, func(u FeatureUpdate) {
			e.str(u.Name)
			e.i(int64(u.Level))
			e.i(int64(u.Kind))
		})
	default:
		if !e.partitionCommand(c) {
			panic(fmt.Sprintf("BUG: meta: no encoding for a %T", c))
		}
	}
}

func (d *dec) command(k Kind) Command {
	switch k {
	case KindInitCluster:
		return InitCluster{ClusterID: d.str(), CreatedMs: d.i(), FeatureLevel: d.u32(), Founders: list(d, 20, d.node), Configs: d.configs()}
	case KindAddNode:
		return AddNode{StoreID: d.id(), RequestedID: d.i32(), Endpoints: list(d, 3, d.endpoint), Version: d.str()}
	case KindRegisterBroker:
		return d.registration()
	case KindFenceBroker:
		return FenceBroker{BrokerID: d.i32(), BrokerEpoch: d.i(), Reason: d.str()}
	case KindUnfenceBroker:
		return UnfenceBroker{BrokerID: d.i32(), BrokerEpoch: d.i()}
	case KindCreateTopics:
		return CreateTopics{Topics: list(d, 20, d.newTopic)}
	case KindDeleteTopics:
		return DeleteTopics{IDs: list(d, 16, func() TopicID { return d.id() })}
	case KindCreatePartitions:
		return CreatePartitions{Topics: list(d, 19, func() MorePartitions {
			return MorePartitions{ID: d.id(), Expected: d.i32(), Count: d.i32(), Assignments: list(d, 1, d.ints)}
		})}
	case KindIncrementalAlterConfigs:
		return IncrementalAlterConfigs{Resources: list(d, 3, d.resource)}
	case KindAllocateProducerIds:
		return AllocateProducerIds{BrokerID: d.i32(), BrokerEpoch: d.i(), Count: d.i32()}
	case KindUpdateFeatures:
		return UpdateFeatures{Updates: list(d, 3, d.featureUpdate)}
	}
	return d.partitionCommand(k)
}

// each writes a counted list.
func each[T any](e *enc, list []T, one func(T)) {
	e.u(uint64(len(list)))
	for _, v := range list {
		one(v)
	}
}

// configs are written sorted by key, so that equal settings are equal bytes.
func (e *enc) configs(m map[string]string) {
	e.u(uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.str(k)
		e.str(m[k])
	}
}

func (d *dec) configs() map[string]string {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	last := ""
	for i := range n {
		k := d.str()
		if i > 0 && k <= last {
			d.fail()
		}
		m[k], last = d.str(), k
		if d.err != nil {
			return nil
		}
	}
	return m
}

func (e *enc) endpoint(p Endpoint) {
	e.str(p.Name)
	e.str(p.Host)
	e.u(uint64(p.Port))
}

func (d *dec) endpoint() Endpoint {
	p := Endpoint{Name: d.str(), Host: d.str()}
	port := d.u()
	if port > 65535 {
		d.fail()
	}
	p.Port = uint16(port)
	return p
}

func (e *enc) node(n Node) {
	e.i(int64(n.ID))
	e.u(n.RaftID)
	e.id(n.StoreID)
	each(e, n.Endpoints, e.endpoint)
	e.str(n.Version)
	if n.Removed {
		e.flag(true) // a later addition: who is there is written as ever
	}
}

func (d *dec) node() Node {
	return Node{ID: d.i32(), RaftID: d.u(), StoreID: d.id(), Endpoints: list(d, 3, d.endpoint), Version: d.str()}
}

func (e *enc) feature(f Feature) {
	e.str(f.Name)
	e.i(int64(f.Min))
	e.i(int64(f.Max))
}

func (d *dec) feature() Feature { return Feature{Name: d.str(), Min: d.i16(), Max: d.i16()} }

func (d *dec) featureUpdate() FeatureUpdate {
	u := FeatureUpdate{Name: d.str(), Level: d.i16()}
	kind := d.i16()
	if u.Kind = FeatureUpdateKind(kind); int16(u.Kind) != kind {
		d.fail()
	}
	return u
}

func (e *enc) registration(c RegisterBroker) {
	e.i(int64(c.BrokerID))
	e.id(c.Incarnation)
	e.id(c.StoreID)
	e.i(c.PrevBrokerEpoch)
	e.flag(c.PrevFenced)
	each(e, c.Listeners, e.endpoint)
	e.str(c.Rack)
	each(e, c.Features, e.feature)
	each(e, c.LogDirs, e.id)
}

func (d *dec) registration() RegisterBroker {
	return RegisterBroker{BrokerID: d.i32(), Incarnation: d.id(), StoreID: d.id(), PrevBrokerEpoch: d.i(), PrevFenced: d.flag(),
		Listeners: list(d, 3, d.endpoint), Rack: d.str(), Features: list(d, 3, d.feature), LogDirs: list(d, 16, d.id)}
}

func (e *enc) newTopic(t NewTopic) {
	e.str(t.Name)
	e.id(t.ID)
	each(e, t.Assignments, e.ints)
	e.configs(t.Configs)
	e.flag(t.RFAuto)
	e.flag(t.MinISRAuto)
	e.flag(t.Internal)
}

func (d *dec) newTopic() NewTopic {
	return NewTopic{Name: d.str(), ID: d.id(), Assignments: list(d, 1, d.ints), Configs: d.configs(),
		RFAuto: d.flag(), MinISRAuto: d.flag(), Internal: d.flag()}
}

func (e *enc) resource(r AlterResource) {
	e.byte(byte(r.Type))
	e.str(r.Name)
	each(e, r.Ops, func(o AlterOp) {
		e.byte(byte(o.Op))
		e.str(o.Key)
		e.str(o.Value)
	})
}

func (d *dec) resource() AlterResource {
	return AlterResource{Type: ResourceType(d.byte()), Name: d.str(), Ops: list(d, 3, func() AlterOp {
		return AlterOp{Op: ConfigOp(d.byte()), Key: d.str(), Value: d.str()}
	})}
}
