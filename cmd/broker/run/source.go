package run

import (
	"fmt"
	"net"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
	"troupe/kafka/api"
)

// source is what the admin door sees of a broker. It reads published state only; nobody waits for an actor, but for what is told of consumer
// groups, and there not for long.
type source struct{ b *Broker }

// Status implements admin.Source.
func (s source) Status() admin.Status { return s.status(s.b.stores.data.Metrics()) }

// status is Status with what the store says of itself, m. It asks no file system: one that hangs is what people want to be told of.
func (s source) status(m map[string]float64) admin.Status {
	b := s.b
	v := b.pub.Get()
	out := admin.Status{
		Version: b.cfg.Version, NodeID: b.NodeID(), ClusterID: v.Image.ClusterID(), Ready: b.steps.Ready(),
		Brokers: []admin.Broker{}, Topics: v.Image.TopicCount(), Partitions: v.Image.PartitionCount(), Replicas: v.LocalPartitions(),
		Raft: s.raft(),
	}
	now := time.Now()
	for _, st := range b.steps.Get() {
		step := admin.Step{Name: st.Name, Done: st.Done, WaitsFor: st.WaitsFor, Seconds: st.Took.Seconds()}
		if !st.Done && !st.Since.IsZero() {
			step.Seconds = now.Sub(st.Since).Seconds()
		}
		out.Steps = append(out.Steps, step)
	}
	for _, br := range v.Image.Brokers() {
		addr := ""
		if len(br.Listeners) > 0 {
			addr = net.JoinHostPort(br.Listeners[0].Host, strconv.Itoa(int(br.Listeners[0].Port)))
		}
		out.Brokers = append(out.Brokers, admin.Broker{ID: br.ID, Epoch: br.Epoch, Address: addr, Rack: br.Rack, Fenced: br.Fenced})
	}
	out.Disk.FreeBytes, out.Disk.Full = uint64(m["disk_free_bytes"]), b.gate.Full()
	if n := b.written.FreeBytes.Load(); n >= 0 { // the writer has looked, and knows better
		out.Disk.FreeBytes = uint64(n)
	}
	out.Disk.Damaged, out.Disk.MinFreeBytes = uint64(m["damaged_reads_total"]), uint64(m["disk_min_free_bytes"])
	return out
}

func (s source) raft() admin.Raft {
	st := s.b.board.Status()
	r := admin.Raft{
		Term: st.Term, Leader: st.LeaderNode(), State: st.Role, Persisted: st.Persisted, Committed: st.Committed, Applied: st.Applied,
		Pending: st.Pending,
	}
	if st.Committed > st.Applied {
		r.Behind = st.Committed - st.Applied
	}
	if !st.Behind.IsZero() {
		r.BehindFor = time.Since(st.Behind).Seconds()
	}
	if !st.Oldest.IsZero() {
		r.OldestFor = time.Since(st.Oldest).Seconds()
	}
	return r
}

// Traces implements admin.Source.
func (s source) Traces() *trace.Recorder { return s.b.trace }

// Actors implements admin.Source.
func (s source) Actors() []admin.Actor {
	list, img := s.b.sys.Actors(), s.b.pub.Get().Image
	out := make([]admin.Actor, 0, len(list))
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	millis := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	for _, a := range list {
		out = append(out, admin.Actor{
			Name: a.Name, Title: title(img, a.Name), Kind: a.Kind, State: a.State, Depth: a.Depth, HighWater: a.HighWater, In: a.In, Processed: a.Processed, Refused: a.Refused, Full: a.Full, Panics: a.Panics, BusyMs: millis(a.Busy),
			WaitP50Us: micros(a.Wait50), WaitP99Us: micros(a.Wait99), RunP50Us: micros(a.Run50), RunP99Us: micros(a.Run99),
			Current: a.Current, CurrentMs: millis(a.CurrentSince), OldestWaitMs: millis(a.OldestWait),
		})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// strayGrace is how long a partition must be a stray to be told of. A deletion leaves the image first and the store a moment later.
const strayGrace = 300 * time.Millisecond

// title is an actor's name with the topic's name instead of its id, as far as the image knows it.
func title(img *meta.Image, name string) string {
	rest, ok := strings.CutPrefix(name, "partition/")
	dash := strings.LastIndexByte(rest, '-')
	if !ok || dash < 0 {
		return name
	}
	id, ok := meta.ParseTopicID(rest[:dash])
	if !ok {
		return name
	}
	t := img.TopicByID(id)
	if t == nil {
		return name
	}
	return "partition/" + t.Name + rest[dash:]
}

// Strays implements admin.Source: replicas and stored partitions that the metadata does not name, now and a moment later. Its two looks
// at image and store are not one moment's, so what one look finds may be a topic on its way in or out.
func (s source) Strays() ([]admin.Stray, error) {
	first, err := s.strays()
	if err != nil || len(first) == 0 {
		return first, err
	}
	time.Sleep(strayGrace)
	again, err := s.strays()
	return slices.DeleteFunc(again, func(x admin.Stray) bool {
		return !slices.ContainsFunc(first, func(y admin.Stray) bool { return y.PartID == x.PartID })
	}), err
}

func (s source) strays() ([]admin.Stray, error) {
	v := s.b.pub.Get()
	out := []admin.Stray{}
	v.EachPartition(func(partID uint32, ref *kit.Ref) {
		if t, _ := v.Image.ByPartID(partID); t == nil {
			out = append(out, admin.Stray{PartID: partID, Name: ref.Name(), Index: v.Image.Index()})
		}
	})
	stored, err := s.b.stores.data.Partitions()
	if err != nil {
		return nil, fmt.Errorf("list the store's partitions: %w", err)
	}
	for _, id := range stored {
		// A partition that is being deleted has left the image and is on its way out of the store.
		if t, _ := v.Image.ByPartID(id); t == nil && v.Partition(id) == nil {
			out = append(out, admin.Stray{PartID: id, Index: v.Image.Index()})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PartID < out[j].PartID })
	return out, nil
}

// Collect implements admin.Source.
func (s source) Collect(emit func(name string, kind prometheus.ValueType, value float64, labels ...admin.Label)) {
	gauge := func(name string, v float64, l ...admin.Label) { emit(name, prometheus.GaugeValue, v, l...) }
	count := func(name string, v float64, l ...admin.Label) { emit(name, prometheus.CounterValue, v, l...) }
	stored := s.b.stores.data.Metrics()
	st := s.status(stored)
	gauge("build_info", 1, admin.Label{Name: "version", Value: st.Version})
	gauge("ready", flag(st.Ready))
	gauge("topics", float64(st.Topics))
	gauge("partitions", float64(st.Partitions))
	gauge("replicas", float64(st.Replicas))
	s.clusterMetrics(gauge)
	gauge("raft_term", float64(st.Raft.Term))
	gauge("raft_persisted_index", float64(st.Raft.Persisted))
	gauge("raft_commit_index", float64(st.Raft.Committed))
	gauge("raft_applied_index", float64(st.Raft.Applied))
	gauge("raft_unapplied_entries", float64(st.Raft.Behind))
	gauge("raft_behind_seconds", st.Raft.BehindFor)
	gauge("raft_pending_proposals", float64(st.Raft.Pending))
	gauge("disk_free_bytes", float64(st.Disk.FreeBytes))
	gauge("disk_full", flag(st.Disk.Full))
	gauge("tail_bytes", float64(s.b.tail.Bytes()))
	for _, k := range s.b.sys.Kinds() {
		l := admin.Label{Name: "kind", Value: k.Kind}
		gauge("actors", float64(k.Actors), l)
		gauge("actor_mailbox_depth", float64(k.Depth), l)
		count("actor_messages_total", float64(k.Processed), l)
		count("actor_busy_seconds_total", k.Busy.Seconds(), l)
		count("actor_accepted_total", float64(k.In), l)
		count("actor_refused_total", float64(k.Refused), l)
		count("actor_mailbox_full_total", float64(k.Full), l)
		count("actor_panics_total", float64(k.Panics), l)
		gauge("actor_wait_p99_seconds", k.Wait.Quantile(.99).Seconds(), l)
		gauge("actor_run_p99_seconds", k.Run.Quantile(.99).Seconds(), l)
	}
	s.work(gauge)
	for name, v := range stored {
		emit("storage_"+name, kindOf(name), v)
	}
	for name, v := range s.b.written.Metrics() {
		emit(name, kindOf(name), v)
	}
	for name, v := range s.b.scrub.Metrics() {
		emit(name, kindOf(name), v)
	}
	for name, v := range s.b.cleaned.Metrics() {
		emit(name, kindOf(name), v)
	}
	for name, v := range s.b.links.Metrics() {
		emit(name, kindOf(name), v)
	}
	for name, v := range s.b.callers.Metrics() {
		emit(name, kindOf(name), v)
	}
	s.groupMetrics(emit)
	s.door(gauge, count)
}

// kindOf goes by the convention for names: counters, and only they, end in _total.
func kindOf(name string) prometheus.ValueType {
	if strings.HasSuffix(name, "_total") {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// door adds what the Kafka door counts.
func (s source) door(gauge, count func(name string, v float64, l ...admin.Label)) {
	d := s.b.door.Load()
	if d == nil {
		return
	}
	st := d.Stats()
	gauge("kafka_connections", float64(st.Open.Load()))
	count("kafka_connections_total", float64(st.Accepted.Load()))
	count("kafka_connections_rejected_total", float64(st.Rejected.Load()))
	count("kafka_requests_malformed_total", float64(st.Malformed.Load()))
	gauge("kafka_request_bytes_in_flight", float64(d.RequestBytes()))
	for _, e := range api.Table {
		count("kafka_requests_total", float64(st.Requests(e.Key)), admin.Label{Name: "api", Value: kmsg.NameForKey(e.Key)})
	}
}
