package run

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/cmd/broker/admin"
	"troupe/kafka/code"
)

// The lags that one scrape tells are bounded: each is a time series. What is beyond the bounds is counted in group_lag_left_out.
const (
	maxLags      = 2_000 // partitions of groups
	maxLagGroups = 500   // in alphabetical order: each is asked for its offsets
	maxLagName   = 255   // bytes of a group's name
	lagPatience  = 500 * time.Millisecond
)

// groupMetrics adds what is counted of consumer groups, and their lags.
func (s source) groupMetrics(emit func(name string, kind prometheus.ValueType, value float64, labels ...admin.Label)) {
	for name, v := range s.b.groups.Metrics() {
		emit(name, kindOf(name), v)
	}
	s.b.groups.EachState(func(state string, n int64) {
		emit("groups", prometheus.GaugeValue, float64(n), admin.Label{Name: "state", Value: state})
	})
	s.b.groups.EachReason(func(reason string, n int64) {
		emit("group_rebalances_total", prometheus.CounterValue, float64(n), admin.Label{Name: "reason", Value: reason})
	})
	l := s.lags(maxLags, maxLagGroups)
	l.all(func(group, topic, partition string, lag int64) {
		emit("group_lag", prometheus.GaugeValue, float64(lag), admin.Label{Name: "group", Value: group},
			admin.Label{Name: "topic", Value: topic}, admin.Label{Name: "partition", Value: partition})
	})
	emit("group_lag_left_out", prometheus.GaugeValue, float64(l.leftOut))
}

// lags is one look at how far groups are behind. It asks shards, groups and partitions, all together for lagPatience.
type lags struct {
	s       source
	img     *meta.Image
	until   time.Time
	room    int              // for partitions
	groups  int              // that are asked
	ends    map[uint32]int64 // by partition: its high watermark, -1: not known here
	leftOut int              // groups and partitions beyond a bound
}

func (s source) lags(room, groups int) *lags {
	return &lags{s: s, img: s.b.pub.Get().Image, until: time.Now().Add(lagPatience), room: room, groups: groups, ends: map[uint32]int64{}}
}

func (l *lags) all(tell func(group, topic, partition string, lag int64)) {
	for i, g := range l.s.groupsUntil(l.until) {
		if i >= l.groups || len(g.Group) > maxLagName || !utf8.ValidString(g.Group) {
			l.leftOut++
			continue
		}
		for _, t := range l.offsets(g) {
			for _, p := range t.Partitions {
				if p.Offset < 0 {
					continue
				}
				end := l.end(t.Topic, p.Partition)
				switch {
				case end < 0: // another broker leads it
				case l.room == 0:
					l.leftOut++
				default:
					l.room--
					tell(g.Group, t.Topic, strconv.Itoa(int(p.Partition)), max(end-p.Offset, 0))
				}
			}
		}
	}
}

// offsets are what a group has committed.
func (l *lags) offsets(g admin.Group) []kmsg.OffsetFetchResponseGroupTopic {
	shard := l.s.b.sys.Lookup(group.ShardName(g.Partition))
	if shard == nil {
		return nil
	}
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group, req.Topics = g.Group, nil
	got, ok := kit.Await[group.FetchedOffsets](l.s.b.sys, time.Until(l.until), func(to *kit.Ref) {
		shard.Tell(&group.FetchOffsets{Ask: kit.Ask{ReplyTo: to}, Req: &req})
	})
	if !ok {
		l.leftOut++
		return nil
	}
	return got.Resp.Topics
}

// end is the high watermark of a partition that this broker leads, or -1.
func (l *lags) end(topic string, index int32) int64 {
	t := l.img.Topic(topic)
	if t == nil || int(index) >= len(t.Partitions) || index < 0 {
		return -1
	}
	id := t.Partitions[index].ID
	if end, known := l.ends[id]; known {
		return end
	}
	end := int64(-1)
	if ref := l.s.b.pub.Get().Partition(id); ref != nil && t.Partitions[index].Leader == l.s.b.NodeID() {
		got, ok := kit.Await[partition.Located](l.s.b.sys, time.Until(l.until), func(to *kit.Ref) {
			ref.Tell(&partition.Locate{Ask: kit.Ask{ReplyTo: to}, Timestamp: -1, LeaderEpoch: -1})
		})
		switch {
		case !ok:
			l.leftOut++
		case got.Code == code.OK:
			end = got.Offset
		}
	}
	l.ends[id] = end
	return end
}
