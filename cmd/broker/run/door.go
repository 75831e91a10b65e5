package run

import (
	"strings"
	"time"

	"troupe/actors/meta"
	"troupe/kafka"
)

// doorConfig is what the Kafka door takes from the broker's configuration.
func (b *Broker) doorConfig(sp split) kafka.Config {
	img, d := b.pub.Get().Image, b.defaults()
	num := func(key string) int64 { return meta.BrokerInt(img, d, key) }
	buffer := func(key string) int { // Kafka's default is small: only who sets a size gets one
		if _, set := d.Static[key]; !set {
			return 0
		}
		return int(num(key))
	}
	memory := sp.requests
	if n := num("queued.max.request.bytes"); n > 0 {
		memory = min(memory, n)
	}
	return kafka.Config{
		MaxRequestBytes: int(num("socket.request.max.bytes")), RequestMemory: memory, GiantMemory: sp.giants, UnreadMemory: sp.unread,
		IdleClose: time.Duration(num("connections.max.idle.ms")) * time.Millisecond,
		Buffers:   kafka.Buffers{Send: buffer("socket.send.buffer.bytes"), Receive: buffer("socket.receive.buffer.bytes")},
		Limits:    b.limits, Trace: b.trace,
	}
}

// limits are those of connections in force now: each of them may be changed while the broker runs. A limit of the listener's own holds
// beside the broker's.
func (b *Broker) limits() kafka.Limits {
	img, d := b.pub.Get().Image, b.defaults()
	num := func(key string) int { return int(meta.BrokerInt(img, d, key)) }
	own := "listener.name." + strings.ToLower(listenerName) + "."
	l := kafka.Limits{
		Connections: min(num("max.connections"), num(own+"max.connections")),
		PerIP:       num("max.connections.per.ip"),
		Rate:        min(num("max.connection.creation.rate"), num(own+"max.connection.creation.rate")),
	}
	if v := meta.EffectiveBroker(img, d, "max.connections.per.ip.overrides").Value; v != "" {
		l.Overrides, _ = meta.ParseOverrides(v) // checked when it was set
	}
	return l
}

// defaults is what this broker brings along when settings are looked up.
func (b *Broker) defaults() meta.Defaults {
	return meta.Defaults{BrokerID: b.NodeID(), Static: b.cfg.Static}
}

// listenerName is how clients and settings call the listeners for clients.
const listenerName = "PLAINTEXT"
