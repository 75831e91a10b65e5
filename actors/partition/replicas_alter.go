package partition

import (
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

func (r *Replicas) onWish(c kit.Context, m *wish) {
	r.wishes = append(r.wishes, m) // at most one of each partition
	r.later(c)
}

// propose makes commands of what leaders want: one per kind and broker epoch.
func (r *Replicas) propose(c kit.Context) {
	for len(r.wishes) > 0 {
		var now, rest []*wish
		first := r.wishes[0]
		for _, w := range r.wishes {
			if w.epoch == first.epoch && (w.resign == nil) == (first.resign == nil) {
				now = append(now, w)
			} else {
				rest = append(rest, w)
			}
		}
		r.wishes = rest
		r.slot++
		r.asked[r.slot] = now
		r.o.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self(), Slot: r.slot}, Cmd: r.command(now), Timeout: forever})
	}
}

func (r *Replicas) command(list []*wish) meta.Command {
	if list[0].resign != nil {
		cmd := meta.ResignLeadership{BrokerID: r.o.NodeID, BrokerEpoch: list[0].epoch}
		for _, w := range list {
			cmd.Partitions = append(cmd.Partitions, *w.resign)
		}
		return cmd
	}
	cmd := meta.AlterPartition{BrokerID: r.o.NodeID, BrokerEpoch: list[0].epoch}
	for _, w := range list {
		cmd.Partitions = append(cmd.Partitions, w.isr)
	}
	return cmd
}

// onProposed tells everyone what became of its wish. An error that the state machine did not give leaves it open.
func (r *Replicas) onProposed(m raftnode.Proposed) {
	slot := m.AskSlot()
	list := r.asked[slot]
	delete(r.asked, slot)
	results, ok := m.Result.Value.([]meta.PartitionResult)
	for i, w := range list {
		answer := wished{number: w.number}
		switch {
		case m.Result.Code == code.OK && ok && len(results) == len(list):
			answer.PartitionResult = results[i]
		default:
			answer.Code, answer.Message = m.Result.Code, m.Result.Message
			answer.unsure = m.Result.Code != code.StaleBrokerEpoch && m.Result.Code != code.BrokerIdNotRegistered
		}
		w.ref.Tell(answer)
	}
}
