package api

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/kafka/code"
)

func producerOf(txn *string, timeout int32, id int64, epoch int16) *kmsg.InitProducerIDRequest {
	r := kmsg.NewPtrInitProducerIDRequest()
	r.TransactionalID, r.TransactionTimeoutMillis, r.ProducerID, r.ProducerEpoch = txn, timeout, id, epoch
	return r
}

func producer(r kmsg.Response) string {
	x := r.(*kmsg.InitProducerIDResponse)
	return fmt.Sprintf("%d %d/%d", x.ErrorCode, x.ProducerID, x.ProducerEpoch)
}

func TestInitProducerID(t *testing.T) {
	w := newWorld(t, 1, nil)
	for v := int16(0); v <= 5; v++ {
		expect(t, fmt.Sprint("v", v), producer(w.ask(v, producerOf(nil, 0, -1, -1))), fmt.Sprintf("0 %d/0", v))
	}
	empty, txn := "", "t"
	f := func(want string, r *kmsg.InitProducerIDRequest) {
		t.Helper()
		expect(t, "answer", producer(w.ask(4, r)), want)
	}
	f("0 6/0", producerOf(nil, 0, 5, 5))
	f("42 -1/-1", producerOf(nil, 0, 5, -1))
	f("42 -1/-1", producerOf(nil, 0, -1, 5))
	f("42 -1/-1", producerOf(&empty, 0, -1, -1))
	f("50 -1/-1", producerOf(&txn, 0, -1, -1))
	f("50 -1/-1", producerOf(&txn, 900_001, -1, -1))
	f("15 -1/-1", producerOf(&txn, 900_000, -1, -1))
	if len(w.asked) != 1 {
		t.Errorf("%d blocks for 7 ids", len(w.asked))
	}
}

func TestProducerIDsAreGivenOnce(t *testing.T) {
	w := newWorld(t, 1, nil)
	seen := map[string]bool{}
	for range 3 * producerIDBlock {
		got := producer(w.ask(4, producerOf(nil, 0, -1, -1)))
		if seen[got] || got[0] != '0' {
			t.Fatalf("%s after %d", got, len(seen))
		}
		seen[got] = true
	}
	if n := len(w.asked); n != 4 { // the fourth is fetched before the third is used up
		t.Errorf("%d blocks", n)
	}
}

func TestProducerIDsWait(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.down = true
	a, b := w.begin(4, producerOf(nil, 0, -1, -1)), w.begin(4, producerOf(nil, 0, -1, -1))
	if len(w.held) != 1 || a.resp != nil {
		t.Fatalf("%d proposals", len(w.held))
	}
	w.down = false
	w.metadata(w.held[0])
	w.run()
	expect(t, "first", producer(a.answer()), "0 0/0")
	expect(t, "second", producer(b.answer()), "0 1/0")

	for range producerIDBlock - producerIDLow - 2 {
		w.ask(4, producerOf(nil, 0, -1, -1))
	}
	w.down, w.held = true, nil
	for range producerIDLow { // the old block lasts while the next one is on its way
		if got := producer(w.ask(4, producerOf(nil, 0, -1, -1))); got[0] != '0' {
			t.Fatal(got)
		}
	}
	a = w.begin(4, producerOf(nil, 0, -1, -1))
	if len(w.held) != 1 || a.resp != nil {
		t.Fatalf("%d proposals for the next block", len(w.held))
	}
	w.refuseHeld(code.RequestTimedOut)
	expect(t, "refused", producer(a.answer()), "14 -1/-1")
	a = w.begin(4, producerOf(nil, 0, -1, -1))
	w.env.ProducerIDs.Tell(kit.Stopping{})
	w.run()
	expect(t, "of a broker that stops", producer(a.answer()), "14 -1/-1")
}

func TestProducerIDsOfUnregisteredBroker(t *testing.T) {
	w := newWorld(t, 0, nil)
	expect(t, "answer", producer(w.ask(4, producerOf(nil, 0, -1, -1))), "14 -1/-1")
}
