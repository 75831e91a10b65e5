package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage/record"
)

// healWithin is the design's bound for L1: when the faults have ended every broker is in service and every replica in sync.
const healWithin = 10 * time.Second

// play is a whole run of a cluster: trouble, then rest, then the reckoning.
func (t *town) play() {
	t.cast()
	for _, i := range t.rng.Perm(len(t.nodes)) {
		if h := t.nodes[i]; slices.Contains(t.founders, h.id) {
			h.start()
		} else {
			h.join()
		}
		t.Run(time.Duration(t.IntN(3)) * 200 * time.Millisecond)
	}
	for range 1 + t.IntN(4) {
		t.Run(time.Duration(t.IntN(int(time.Second))))
		t.trouble()
		t.Run(time.Duration(t.IntN(int(3 * time.Second))))
		t.calm()
		if t.Err() != nil {
			return
		}
	}
	t.rest()
	if t.Err() == nil {
		t.reckon()
	}
}

func (t *town) cast() {
	var mayors []*mayor
	for i := range 2 {
		m := &mayor{t: t, id: "admin-" + strconv.Itoa(i), open: map[*raftnode.Propose]*letter{}, autos: map[*api.EnsureTopics]*letter{}}
		mayors = append(mayors, m)
		t.clients = append(t.clients, m)
	}
	for i := range 2 + t.IntN(2) {
		m, p := mayors[t.IntN(2)], t.newTopic("topic-"+strconv.Itoa(i), 1+t.IntN(3))
		m.jobs = append(m.jobs, m.create(p))
	}
	first := t.cluster.topics[0]
	for _, m := range mayors { // the same name asked for at several brokers
		m.jobs = append(m.jobs, task{auto: "auto"}, m.elect(first))
	}
	m := mayors[t.IntN(2)]
	if t.Chance(.5) {
		p := t.newTopic("short", 1+t.IntN(2))
		m.jobs = append(m.jobs, m.create(p), m.remove(p))
	}
	if t.Chance(.5) {
		m.jobs = append(m.jobs, m.alter(first, "max.message.bytes", strconv.Itoa(500_000+t.IntN(1000))))
	}
	for range t.IntN(3) {
		m.jobs = append(m.jobs, m.move(t.cluster.topics[t.IntN(2)]), m.elect(first))
	}
	for i := range 2 + t.IntN(2) {
		p := &hawker{t: t, id: "p" + strconv.Itoa(i), idem: i == 0 || t.Chance(.6), acks: -1, pid: -1, left: 60 + t.IntN(90),
			asking: map[*api.NextProducerID]*house{}, frames: map[uint64]*errand{}}
		if !p.idem && t.Chance(.5) {
			p.acks = 1
		}
		t.clients = append(t.clients, p)
	}
	for i := range 1 + t.IntN(2) {
		t.clients = append(t.clients, &walker{t: t, id: "c" + strconv.Itoa(i), finite: 3 + t.IntN(4), nearby: t.Chance(.3)})
	}
	if t.o.Groups {
		t.castGroups()
	}
}

// rest: the faults have ended. The cluster must be whole soon, and every client finish.
func (t *town) rest() {
	if t.Stats().Crashes == 0 {
		t.kill(t.nodes[t.IntN(len(t.nodes))])
		t.Run(time.Second)
	}
	t.calm()
	why := ""
	whole := func() (ok bool) { ok, why = t.whole(); return ok }
	if !t.RunUntil(healWithin, whole) {
		t.failIfWell("L1: %s after the last fault: %s%s", healWithin, why, t.waiting())
		return
	}
	done := func() bool { return !slices.ContainsFunc(t.clients, func(c patron) bool { return !c.done() }) }
	if !t.RunUntil(2*time.Minute, done) {
		t.failIfWell("two minutes after the last fault there are clients that wait:%s", t.waiting())
		return
	}
	if !t.RunUntil(still, func() bool { return t.checkStill() == nil }) {
		t.failIfWell("%v", t.checkStill())
	}
}

// reckon lets the power fail a last time and compares what is there afterwards with everything that was promised.
func (t *town) reckon() {
	t.clients = nil
	t.kill(t.nodes...)
	t.calm()
	why := ""
	whole := func() bool {
		ok := true
		if ok, why = t.whole(); ok && t.book.newest.Index() < t.cluster.acked {
			ok, why = false, "acknowledged commands are not applied"
		}
		return ok
	}
	if !t.RunUntil(healWithin, whole) {
		t.failIfWell("L1: %s after the last start: %s%s", healWithin, why, t.waiting())
		return
	}
	for _, a := range t.ledger.order {
		if err := t.settle(a); err != nil {
			t.failIfWell("at the end: %v", err)
			return
		}
	}
	for _, x := range t.clerks {
		if err := t.settleGroup(x); err != nil {
			t.failIfWell("at the end: %v", err)
			return
		}
	}
	if x := t.totals(); x.Messages < leastMessages || x.Acked < leastAcked || x.Crashes < 1 {
		t.failIfWell("this seed does too little to prove anything: %s", x)
	}
}

// settle compares what the leader of a partition holds with what was promised, and the other replicas with the leader: D4, D5.
func (t *town) settle(a *account) error {
	x := t.book.newest.TopicByID(a.topic)
	switch {
	case a.gone || len(a.sent) == 0:
		return nil
	case x == nil || int(a.index) >= len(x.Partitions):
		return fmt.Errorf("%s is not in the image", a)
	}
	p := &x.Partitions[a.index]
	h := t.nodes[p.Leader-1]
	var r partition.Readable
	shown := func() bool {
		ref := h.broker.Published.Get().Partition(p.ID)
		var ok bool
		r, ok = kitsim.Ask[partition.Readable](t.Sim, time.Second, func(to *kit.Ref) {
			ref.Tell(&partition.Read{Ask: kit.Ask{ReplyTo: to}, LeaderEpoch: -1, LastEpoch: -1})
		})
		return ok && r.Code == code.OK && t.same(p, r.High)
	}
	for range 50 {
		if shown() || t.Run(100*time.Millisecond) != nil {
			break
		}
	}
	if t.Err() != nil {
		return nil
	}
	if r.Code != code.OK || !t.same(p, r.High) {
		return fmt.Errorf("L1: %s: five seconds after it was whole the leader %d says %s and shows records up to %d", a, p.Leader, r.Code, r.High)
	}
	l := log{start: r.Start, end: r.High}
	var first []byte
	for _, id := range p.Replicas {
		b, err := t.nodes[id-1].broker.Data.Read(p.ID, r.Start, r.High, 1<<30, true)
		if err != nil {
			return err
		}
		all := bytes.Join(b.Data, nil)
		b.Release()
		if first == nil {
			first = all
		}
		if !bytes.Equal(all, first) {
			return fmt.Errorf("D4: %s: brokers %d and %d hold other bytes below the high watermark %d", a, p.Replicas[0], id, r.High)
		}
	}
	err := eachBatch([][]byte{first}, func(b record.Batch) error {
		recs, bad := record.Records(slices.Clone(b))
		if bad != nil {
			return fmt.Errorf("%s: the batch at offset %d cannot be read: %s", a, b.BaseOffset(), bad.Message)
		}
		l.recs = append(l.recs, recs...)
		return nil
	})
	if err != nil {
		return err
	}
	return a.settle(l)
}

// same reports whether all replicas reach up to the high watermark, and no further.
func (t *town) same(p *meta.Partition, high int64) bool {
	return !slices.ContainsFunc(p.Replicas, func(id int32) bool { return t.nodes[id-1].durable(p.ID) != high })
}
