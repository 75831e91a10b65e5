package main

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	groupTopic = "load"
	groupName  = "large"
)

// member is one consumer of the large group.
type member struct {
	c          *conn
	id         string
	generation int32
	leader     bool
	list       []kmsg.JoinGroupResponseMember
}

// round is one rebalance as all members see it.
type round struct {
	lastJoin, lastSync atomic.Int64 // nanoseconds of the clock: a join sent, an assignment received
	joined             atomic.Int64 // likewise: the last answer to a join
}

func latest(at *atomic.Int64) {
	now := time.Now().UnixNano()
	for {
		old := at.Load()
		if old >= now || at.CompareAndSwap(old, now) {
			return
		}
	}
}

// rebalances makes a group of all members and moves it through some rebalances: its leader joins again, and all others do so when a
// heartbeat tells them to. It says whether one took too long.
func rebalances(o options, addr string) (missed bool, err error) {
	if err := makeTopic(addr, groupTopic, int32(o.members)); err != nil {
		return false, err
	}
	members := make([]*member, o.members)
	for i := range members {
		c, err := dial(addr)
		if err != nil {
			return false, err
		}
		defer c.close()
		members[i] = &member{c: c}
	}
	if err := findCoordinator(members[0].c, groupName); err != nil {
		return false, err
	}
	var took, joining []time.Duration
	for n := 0; n <= o.rounds; n++ {
		r := &round{}
		began := time.Now()
		if err := each(members, func(m *member) error { return m.rebalance(r, n == 0) }); err != nil {
			return false, err
		}
		if err := settled(members); err != nil {
			return false, err
		}
		whole := time.Duration(r.lastSync.Load() - r.lastJoin.Load())
		if n == 0 {
			line(fmt.Sprintf("a group of %d members over %d partitions and connections, from nothing to all assigned", o.members, o.members), "%s", ms(time.Since(began)))
			continue
		}
		took = append(took, whole)
		joining = append(joining, time.Duration(r.joined.Load()-r.lastJoin.Load()))
		missed = missed || whole > goal
	}
	line("its rebalance, from the last JoinGroup to the last SyncGroup answer: median", "%s", ms(quantile(took, 0.5)))
	line("the same: worst", "%s", ms(quantile(took, 1)))
	line("of it, to the last JoinGroup answer: median", "%s", ms(quantile(joining, 0.5)))
	return missed, nil
}

// each runs f for all members at the same time and gives the first error.
func each[T any](list []T, f func(T) error) error {
	errs := make(chan error, len(list))
	var wg sync.WaitGroup
	for _, x := range list {
		wg.Go(func() { errs <- f(x) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// settled tells whether all are members of one generation.
func settled(members []*member) error {
	for _, m := range members {
		if m.generation != members[0].generation {
			return fmt.Errorf("one member is in generation %d, another in %d", members[0].generation, m.generation)
		}
	}
	return nil
}

// rebalance takes part in one rebalance: the leader begins it, the others hear of it by their heartbeats.
func (m *member) rebalance(r *round, first bool) error {
	if !first && !m.leader {
		if err := m.summoned(); err != nil {
			return err
		}
	}
	for {
		if err := m.join(r); err != nil {
			return err
		}
		again, err := m.sync()
		if err != nil {
			return err
		}
		if again {
			continue
		}
		latest(&r.lastSync)
		if !first {
			return nil
		}
		// The first members make generations of their own before the others come: the round ends when no heartbeat calls them.
		if stable, err := m.stays(3 * time.Second); err != nil || stable {
			return err
		}
	}
}

// summoned beats until the group rebalances.
func (m *member) summoned() error {
	return eventually(func() (bool, error) {
		e, err := m.beat()
		return e == 27, err
	})
}

// stays beats for a while and tells whether the group kept its generation.
func (m *member) stays(d time.Duration) (bool, error) {
	for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if e, err := m.beat(); e != 0 || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m *member) beat() (int16, error) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID = groupName, m.generation, m.id
	resp, err := m.c.ask(4, req)
	if err != nil {
		return 0, err
	}
	return resp.(*kmsg.HeartbeatResponse).ErrorCode, nil
}

func (m *member) join(r *round) error {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = groupName, 45_000, 60_000, "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription()}}
	for {
		req.MemberID = m.id
		if err := m.c.send(9, req); err != nil {
			return err
		}
		latest(&r.lastJoin)
		got, err := m.c.receive(req)
		if err != nil {
			return err
		}
		resp := got.(*kmsg.JoinGroupResponse)
		switch resp.ErrorCode {
		case 79: // the id comes first
			m.id = resp.MemberID
		case 0:
			latest(&r.joined)
			m.id, m.generation, m.leader, m.list = resp.MemberID, resp.Generation, resp.MemberID == resp.LeaderID, resp.Members
			return nil
		default:
			return fmt.Errorf("join: error %d", resp.ErrorCode)
		}
	}
}

// sync takes the assignment; again says that another rebalance has begun.
func (m *member) sync() (again bool, err error) {
	req := kmsg.NewPtrSyncGroupRequest()
	kind, protocol := "consumer", "range"
	req.Group, req.Generation, req.MemberID, req.ProtocolType, req.Protocol = groupName, m.generation, m.id, &kind, &protocol
	if m.leader {
		for i, x := range m.list {
			req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: x.MemberID, MemberAssignment: assignment(int32(i))})
		}
	}
	got, err := m.c.ask(5, req)
	if err != nil {
		return false, err
	}
	switch resp := got.(*kmsg.SyncGroupResponse); {
	case resp.ErrorCode == 27:
		return true, nil
	case resp.ErrorCode != 0:
		return false, fmt.Errorf("sync: error %d", resp.ErrorCode)
	case len(resp.MemberAssignment) == 0:
		return false, fmt.Errorf("a member got no partition")
	}
	return false, nil
}

// subscription is a consumer's metadata (ConsumerProtocolSubscription, version 0).
func subscription() []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 0}, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(groupTopic)))
	b = append(b, groupTopic...)
	return binary.BigEndian.AppendUint32(b, 0xffffffff)
}

// assignment is one partition (ConsumerProtocolAssignment, version 0).
func assignment(partition int32) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 0}, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(groupTopic)))
	b = append(b, groupTopic...)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(partition))
	return binary.BigEndian.AppendUint32(b, 0xffffffff)
}
