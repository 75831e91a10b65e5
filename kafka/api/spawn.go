package api

import (
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/storage"
)

// defaultLending is how many bytes of records may be on their way to clients if Env does not say.
const defaultLending = 128 << 20

// The names of the actors that all connections of a broker share.
const (
	TopicMakerName  = "topic-maker"
	ProducerIDsName = "producer-ids"
)

// Spawn starts what the connections of a broker share: the maker of auto-created topics, the giver of producer ids, and
// the cache of fetch sessions. It is called once, before the first connection.
func (e *Env) Spawn(sys kit.System) {
	e.TopicMaker = sys.Spawn(TopicMakerName, newTopicMaker(e), kit.Options{})
	e.ProducerIDs = sys.Spawn(ProducerIDsName, newProducerIDs(e), kit.Options{})
	if e.Peers != nil {
		sys.Spawn(ForwarderName, newForwarder(e), kit.Options{})
	}
	if e.Lending == nil {
		e.Lending = storage.NewLending(defaultLending)
	}
	slots := meta.BrokerInt(e.Published.Get().Image, e.defaults(), "max.incremental.fetch.session.cache.slots")
	e.Sessions = NewSessions(int(slots), sys.Rand)
}

// defaults is what this broker brings along when settings are looked up.
func (e *Env) defaults() meta.Defaults { return meta.Defaults{BrokerID: e.NodeID, Static: e.Static} }

// brokerInt is a whole-number setting of this broker in force.
func (c *Call) brokerInt(key string) int64 {
	return meta.BrokerInt(c.View.Image, c.Env.defaults(), key)
}

// brokerBool is a boolean setting of this broker in force.
func (c *Call) brokerBool(key string) bool {
	return meta.BrokerBool(c.View.Image, c.Env.defaults(), key)
}
