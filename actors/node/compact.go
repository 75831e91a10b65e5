package node

import (
	"slices"
	"strconv"
	"strings"

	"troupe/actors/cleaner"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/partition"
)

// startCleaner makes the actor that compacts logs. It has nothing to do until a compacted replica is here.
func (n *Node) startCleaner(c kit.Context) {
	a := cleaner.New(cleaner.Options{Data: n.o.Data, Gate: n.o.Gate, MaxBuffer: n.o.CleanerMemory, Stats: n.o.Cleaner})
	n.cleaner = c.Spawn(cleaner.Name, a, kit.Options{Kind: "cleaner"})
}

// setCleaner tells the cleaner the broker's settings when they have changed.
func (n *Node) setCleaner(m meta.Changes) {
	if !m.Reset && !slices.ContainsFunc(m.Configs, func(name string) bool { return strings.HasPrefix(name, "broker:") }) {
		return
	}
	text := func(key string) string {
		return strings.TrimSpace(meta.EffectiveBroker(n.image, n.defaults(), key).Value)
	}
	s := cleaner.Settings{
		Enabled:     meta.BrokerBool(n.image, n.defaults(), "log.cleaner.enable"),
		BackoffMs:   meta.BrokerInt(n.image, n.defaults(), "log.cleaner.backoff.ms"),
		BufferBytes: meta.BrokerInt(n.image, n.defaults(), "log.cleaner.dedupe.buffer.size"),
	}
	s.BytesPerSecond, _ = strconv.ParseFloat(text("log.cleaner.io.max.bytes.per.second"), 64)
	if n.cleaner != nil && s != n.cleaning {
		n.cleaning = s
		n.cleaner.Tell(s)
	}
}

// compact tells the cleaner what is to become of a replica.
func (n *Node) compact(t *meta.Topic, p *meta.Partition, r *replica, cfg partition.Config) {
	switch {
	case n.cleaner == nil:
	case cfg.Compact:
		r.compacted = true
		s := meta.SettingsOf(n.image, t, n.defaults())
		n.cleaner.Tell(cleaner.Keep{PartID: p.ID, Ref: r.ref, Name: t.Name + "-" + strconv.Itoa(int(p.Index)), Config: cleaner.Config{
			MinDirtyRatio: s.MinCleanableRatio, MinLagMs: s.MinCompactionLagMs, MaxLagMs: s.MaxCompactionLagMs, DeleteRetentionMs: s.DeleteRetentionMs}})
	default:
		n.endCompaction(p.ID, r)
	}
}

// endCompaction takes a replica from the cleaner that leaves, or is not compacted any more.
func (n *Node) endCompaction(partID uint32, r *replica) {
	if r.compacted && n.cleaner != nil {
		n.cleaner.Tell(cleaner.Forget{PartID: partID})
	}
	r.compacted = false
}

// stopCleaner ends the cleaner, as a shutdown begins to stop the replicas.
func (n *Node) stopCleaner(c kit.Context) {
	if n.cleaner != nil && !n.cleanerEnds {
		n.cleanerEnds = true
		c.Stop(n.cleaner, c.Self(), cleanerStopped{})
	}
}

func (n *Node) onCleanerStopped(c kit.Context) {
	n.cleaner = nil
	n.finishShutdown(c)
}
