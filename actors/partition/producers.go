package partition

import (
	"troupe/actors/kit"
	"troupe/kafka/code"
)

// onListProducers tells who writes here. Batches that are accepted and not durable yet count, and followers tell it too, as with Kafka.
func (p *Partition) onListProducers(c kit.Context, m *ListProducers) {
	if bad := p.fenceRead(noLeaderEpoch, true); bad != code.OK {
		m.Reply(Producers{ListProducers: m, Code: bad})
		return
	}
	if !p.ready(c, m) {
		return
	}
	m.Reply(Producers{ListProducers: m, List: p.log.active()})
}
