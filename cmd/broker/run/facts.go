package run

import (
	"maps"
	"strconv"
	"strings"

	"troupe/actors/meta"
)

// facts are the broker's properties with those that this process has decided itself, by other means than properties: what it is,
// where it listens, where its data are. Clients that ask for the broker's configuration are told these.
func (b *Broker) facts() map[string]string {
	out := map[string]string{}
	maps.Copy(out, b.cfg.Static)
	id := strconv.Itoa(int(b.NodeID()))
	out["node.id"], out["broker.id"], out["process.roles"], out["log.dirs"] = id, id, "broker,controller", b.cfg.DataDir
	var listeners []string
	for _, l := range b.kafkaL {
		listeners = append(listeners, "PLAINTEXT://"+l.Addr().String())
	}
	out["listeners"] = strings.Join(listeners, ",")
	if at, err := b.cfg.advertised(b.kafkaL[0].Addr()); err == nil {
		out["advertised.listeners"] = at.Name + "://" + at.Host + ":" + strconv.Itoa(int(at.Port))
	}
	if b.cfg.Rack != "" {
		out["broker.rack"] = b.cfg.Rack
	}
	return out
}

// controller is the address at which other nodes will keep the metadata log with this one, by the name that Kafka's listeners for it have.
func (b *Broker) controller() meta.Endpoint {
	host, port, _ := splitAddress(b.peerL.Addr().String())
	if a := b.cfg.PeerAdvertise; a != "" {
		host, port, _ = splitAddress(a)
	}
	if at, err := b.cfg.advertised(b.kafkaL[0].Addr()); err == nil && unspecified(host) {
		host = at.Host
	}
	return meta.Endpoint{Name: "CONTROLLER", Host: host, Port: port}
}
