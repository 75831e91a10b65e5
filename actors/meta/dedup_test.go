package meta

import (
	"reflect"
	"testing"

	"troupe/kafka/code"
)

func request(node int32, run, seq uint64) RequestID {
	return RequestID{Node: node, Incarnation: run, Seq: seq}
}

func TestRepeatedRequestIsAppliedOnce(t *testing.T) {
	c := newCluster(t, 1)
	e := c.img.Broker(1).Epoch
	take := AllocateProducerIds{1, e, 10}
	_, first := c.applyAs(request(1, 9, 1), take)
	changes, again := c.applyAs(request(1, 9, 1), take)
	if !reflect.DeepEqual(first, again) || first.Code != code.OK || c.img.NextProducerID() != 10 {
		t.Errorf("%+v, then %+v", first, again)
	}
	if len(changes.Topics)+len(changes.Brokers)+len(changes.Configs) != 0 {
		t.Errorf("a repeated request changed something: %+v", changes)
	}
	// Refusals are remembered too; they come without a value.
	_, first = c.applyAs(request(1, 9, 2), AllocateProducerIds{1, e + 1, 10})
	_, again = c.applyAs(request(1, 9, 2), take)
	if !reflect.DeepEqual(first, again) || first.Code != code.StaleBrokerEpoch {
		t.Errorf("%+v, then %+v", first, again)
	}
	// Another number, run or node is another request; number 0 is never remembered.
	for _, id := range []RequestID{request(1, 9, 3), request(1, 10, 1), request(2, 9, 1), request(1, 9, 0), request(1, 9, 0)} {
		before := c.img.NextProducerID()
		if _, r := c.applyAs(id, take); r.Code != code.OK || c.img.NextProducerID() != before+10 {
			t.Errorf("%+v: %+v", id, r)
		}
	}
}

func TestResultsOfEveryKindAreRemembered(t *testing.T) {
	c := newCluster(t, 1)
	seq := uint64(0)
	for _, cmd := range []Command{
		AddNode{StoreID: id16(5), RequestedID: -1},
		RegisterBroker{BrokerID: 1, Incarnation: id16(77), StoreID: id16(1)},
		CreateTopics{[]NewTopic{{Name: "t", ID: id16(1), Assignments: [][]int32{{1}}}, {Name: "!", ID: id16(2)}}},
		IncrementalAlterConfigs{[]AlterResource{{TopicResource, "u", nil}, {BrokerResource, "", nil}}},
		DeleteTopics{[]TopicID{id16(1)}},
		AllocateProducerIds{BrokerID: 1, BrokerEpoch: 5, Count: 3},
	} {
		seq++
		_, first := c.applyAs(request(3, 1, seq), cmd)
		snap, err := LoadSnapshot(c.img.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		for _, img := range []*Image{c.img, snap} {
			if _, _, again := Apply(img, img.Index()+1, Envelope{ID: request(3, 1, seq), Cmd: cmd}); !reflect.DeepEqual(first, again) {
				t.Errorf("%s: %+v, then %+v", cmd.Kind(), first, again)
			}
		}
	}
}

func TestMemoryOfRequestsIsBounded(t *testing.T) {
	c := newCluster(t, 1)
	take := func(id RequestID) Result {
		_, r := c.applyAs(id, AllocateProducerIds{1, c.img.Broker(1).Epoch, 1})
		return r
	}
	for seq := uint64(1); seq <= 3*rememberedPerGeneration; seq++ {
		if r := take(request(5, 1, seq)); r.Code != code.OK {
			t.Fatalf("%d: %+v", seq, r)
		}
	}
	kept := 0
	for _, o := range c.img.origins {
		if o.node == 5 {
			for range o.answers() {
				kept++
			}
		}
	}
	if kept > 2*rememberedPerGeneration || kept < rememberedPerGeneration {
		t.Errorf("%d answers are kept", kept)
	}
	before := c.img.NextProducerID()
	if r := take(request(5, 1, 1)); r.Code != code.RequestTimedOut || c.img.NextProducerID() != before {
		t.Errorf("a forgotten request was applied again: %+v", r)
	}
	if r := take(request(5, 1, 3*rememberedPerGeneration)); r.Code != code.OK || c.img.NextProducerID() != before {
		t.Errorf("the last request was applied again: %+v", r)
	}
	for run := uint64(2); run < 6; run++ { // the oldest runs are pushed out
		take(request(5, run, 1))
	}
	runs := 0
	for _, o := range c.img.origins {
		if o.node == 5 {
			runs++
			if o.incarnation < 4 {
				t.Errorf("run %d is still remembered", o.incarnation)
			}
		}
	}
	if runs != incarnationsPerNode {
		t.Errorf("%d runs are remembered", runs)
	}
	for node := int32(10); node < maxOrigins+50; node++ {
		take(request(node, 1, 1))
	}
	if len(c.img.origins) != maxOrigins {
		t.Errorf("%d origins are remembered", len(c.img.origins))
	}
}

func TestLargeAnswersEndAGeneration(t *testing.T) {
	o := &origin{}
	for i := range 10 {
		o = o.with(&answer{seq: uint64(i + 1), index: uint64(i + 1), result: make([]byte, rememberedBytes)})
	}
	bytes := 0
	for a := range o.answers() {
		bytes += len(a.result)
	}
	if bytes > 2*rememberedBytes || o.floor != 8 {
		t.Errorf("%d bytes are kept, floor %d", bytes, o.floor)
	}
}
