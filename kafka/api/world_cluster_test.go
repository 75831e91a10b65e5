package api

import (
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// fence takes a broker out of service.
func (w *world) fence(id int32) {
	w.apply(meta.FenceBroker{BrokerID: id, BrokerEpoch: w.img.Broker(id).Epoch})
}

// unfence puts it back.
func (w *world) unfence(id int32) {
	w.apply(meta.UnfenceBroker{BrokerID: id, BrokerEpoch: w.img.Broker(id).Epoch})
}

// join is what the leader of a partition does when a replica has caught up.
func (w *world) join(topic string, partition int32, id int32) {
	w.t.Helper()
	t := w.img.Topic(topic)
	p := &t.Partitions[partition]
	isr := []meta.ISRMember{{BrokerID: id, BrokerEpoch: w.img.Broker(id).Epoch}}
	for _, b := range p.ISR {
		isr = append(isr, meta.ISRMember{BrokerID: b, BrokerEpoch: w.img.Broker(b).Epoch})
	}
	r := w.apply(meta.AlterPartition{BrokerID: p.Leader, BrokerEpoch: w.img.Broker(p.Leader).Epoch, Partitions: []meta.NewISR{{
		PartitionRef: meta.PartitionRef{Topic: t.ID, Index: partition}, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch, ISR: isr}}})
	if list, _ := r.Value.([]meta.PartitionResult); len(list) != 1 || list[0].Code != code.OK {
		w.t.Fatalf("broker %d does not join %s-%d: %+v", id, topic, partition, r)
	}
}
