package meta

import "troupe/kafka/code"

func (e *enc) ref(r PartitionRef) {
	e.id(r.Topic)
	e.i(int64(r.Index))
}

func (d *dec) ref() PartitionRef { return PartitionRef{Topic: d.id(), Index: d.i32()} }

func (e *enc) newISR(n NewISR) {
	e.ref(n.PartitionRef)
	e.i(int64(n.LeaderEpoch))
	e.i(int64(n.PartitionEpoch))
	each(e, n.ISR, func(m ISRMember) {
		e.i(int64(m.BrokerID))
		e.i(m.BrokerEpoch)
	})
	e.flag(n.Recovered)
}

func (d *dec) newISR() NewISR {
	return NewISR{PartitionRef: d.ref(), LeaderEpoch: d.i32(), PartitionEpoch: d.i32(),
		ISR: list(d, 2, func() ISRMember { return ISRMember{d.i32(), d.i()} }), Recovered: d.flag()}
}

func (e *enc) resignation(r Resignation) {
	e.ref(r.PartitionRef)
	e.i(int64(r.LeaderEpoch))
	e.ints(r.Reachable)
}

func (d *dec) resignation() Resignation {
	return Resignation{PartitionRef: d.ref(), LeaderEpoch: d.i32(), Reachable: d.ints()}
}

func (e *enc) election(c Election) {
	e.ref(c.PartitionRef)
	e.i(int64(c.Candidate))
}

func (d *dec) election() Election { return Election{PartitionRef: d.ref(), Candidate: d.i32()} }

func (e *enc) reassignment(r Reassignment) {
	e.ref(r.PartitionRef)
	e.ints(r.Target)
}

func (d *dec) reassignment() Reassignment {
	return Reassignment{PartitionRef: d.ref(), Target: d.ints()}
}

// partitionCommand writes a command about partitions or their brokers, and reports whether it is one.
func (e *enc) partitionCommand(c Command) bool {
	switch c := c.(type) {
	case AlterPartition:
		e.i(int64(c.BrokerID))
		e.i(c.BrokerEpoch)
		each(e, c.Partitions, e.newISR)
	case ResignLeadership:
		e.i(int64(c.BrokerID))
		e.i(c.BrokerEpoch)
		each(e, c.Partitions, e.resignation)
	case ElectLeaders:
		e.flag(c.Unclean)
		each(e, c.Partitions, e.election)
	case AlterReassignments:
		each(e, c.Partitions, e.reassignment)
	case BeginControlledShutdown:
		e.i(int64(c.BrokerID))
		e.i(c.BrokerEpoch)
	case UnregisterBroker:
		e.i(int64(c.BrokerID))
	case RemoveNode:
		e.i(int64(c.NodeID))
	default:
		return false
	}
	return true
}

func (d *dec) partitionCommand(k Kind) Command {
	switch k {
	case KindAlterPartition:
		return AlterPartition{BrokerID: d.i32(), BrokerEpoch: d.i(), Partitions: list(d, 21, d.newISR)}
	case KindResignLeadership:
		return ResignLeadership{BrokerID: d.i32(), BrokerEpoch: d.i(), Partitions: list(d, 19, d.resignation)}
	case KindElectLeaders:
		return ElectLeaders{Unclean: d.flag(), Partitions: list(d, 18, d.election)}
	case KindAlterReassignments:
		return AlterReassignments{Partitions: list(d, 18, d.reassignment)}
	case KindBeginControlledShutdown:
		return BeginControlledShutdown{BrokerID: d.i32(), BrokerEpoch: d.i()}
	case KindUnregisterBroker:
		return UnregisterBroker{BrokerID: d.i32()}
	case KindRemoveNode:
		return RemoveNode{NodeID: d.i32()}
	}
	d.fail()
	return nil
}

func (e *enc) partitionResult(r PartitionResult) {
	e.ref(r.PartitionRef)
	e.i(int64(r.Code))
	e.str(r.Message)
	e.i(int64(r.Leader))
	e.i(int64(r.LeaderEpoch))
	e.i(int64(r.PartitionEpoch))
	e.ints(r.ISR)
	e.ints(r.ELR)
	e.flag(r.Recovering)
}

func (d *dec) partitionResult() PartitionResult {
	r := PartitionResult{PartitionRef: d.ref()}
	r.Code, r.Message = code.Code(d.i16()), d.str()
	r.Leader, r.LeaderEpoch, r.PartitionEpoch = d.i32(), d.i32(), d.i32()
	r.ISR, r.ELR, r.Recovering = d.ints(), d.ints(), d.flag()
	return r
}
