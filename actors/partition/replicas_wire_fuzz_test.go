package partition

import (
	"reflect"
	"testing"

	"troupe/kafka/code"
)

// again writes a message as it was read.
func (m *wireMessage) again() (b []byte) {
	for _, e := range m.subs {
		b = putEntry(b, m.kind, e)
	}
	for _, e := range m.replies {
		b = putEntry(b, m.kind, e)
	}
	for _, e := range m.appends {
		b = putEntry(b, m.kind, e)
	}
	for _, e := range m.acks {
		b = putEntry(b, m.kind, e)
	}
	for _, e := range m.highs {
		b = putEntry(b, m.kind, e)
	}
	for _, e := range m.epochs {
		b = putEntry(b, m.kind, e)
	}
	return b
}

// FuzzWire: whatever comes is refused or means one thing, which is written as it came.
func FuzzWire(f *testing.F) {
	sub := subscription{part: 7, topic: [16]byte{1, 2}, index: 3, number: 1 << 60, epoch: 5, brokerEpoch: 99, from: 1 << 40, lastEpoch: -1}
	f.Add(putEntry(nil, wireSubscribe, sub), 0)
	f.Add(putEntry(putEntry(nil, wireReply, reply{part: 1, number: 2, outcome: diverged, code: code.NotLeaderForPartition, epoch: 3, offset: 4}), wireReply,
		reply{part: 9, number: 2, outcome: started, high: 5, start: 6, epoch: -1}), 0)
	f.Add(putEntry(putEntry(nil, wireAppend, appendEntry{part: 1, number: 2, epoch: 3, prev: 4, high: 5, start: 6, parts: 2}), wireAppend, appendEntry{parts: 1}), 3)
	f.Add(putEntry(nil, wireAcks, ackEntry{part: 1, number: 2, durable: 3}), 0)
	f.Add(putEntry(nil, wireHighs, highEntry{part: 1, number: 2, high: 3, start: 1}), 0)
	f.Add(putEntry(nil, wireEpochs, epochEntry{part: 1, number: 2, epoch: 3, start: 1}), 0)
	f.Fuzz(func(t *testing.T, head []byte, parts int) {
		m, err := takeMessage(head, parts)
		if err != nil {
			return
		}
		if b := m.again(); string(b) != string(head) {
			t.Errorf("read %x, written %x", head, b)
		}
		n := 0
		for _, a := range m.appends {
			n += int(a.parts)
		}
		if n != parts {
			t.Errorf("%d parts for batches of %d", parts, n)
		}
	})
}

func TestWireRoundTrip(t *testing.T) {
	sub := subscription{part: 7, topic: [16]byte{1, 2}, index: 3, number: 1 << 60, epoch: 5, brokerEpoch: 99, from: 1 << 40, lastEpoch: 4}
	for _, want := range []wireMessage{
		{kind: wireSubscribe, subs: []subscription{sub, {lastEpoch: -1}}},
		{kind: wireReply, replies: []reply{{part: 1, number: 2, outcome: notServed, code: code.FencedLeaderEpoch, epoch: 3, offset: 4, high: 5, start: 6}}},
		{kind: wireAppend, appends: []appendEntry{{part: 1, number: 2, epoch: 3, prev: 4, high: 5, start: 6, parts: 7}}},
		{kind: wireAcks, acks: []ackEntry{{part: 1, number: 2, durable: 3}, {part: 2, number: 3, durable: 4}}},
		{kind: wireHighs, highs: []highEntry{{part: 1, number: 2, high: 3, start: 1}}},
		{kind: wireEpochs, epochs: []epochEntry{{part: 1, number: 2, epoch: 3, start: 1}, {part: 1, number: 2, epoch: 4, start: 9}}},
	} {
		parts := 0
		if want.kind == wireAppend {
			parts = 7
		}
		got, err := takeMessage(want.again(), parts)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v came back as %+v, %v", want, got, err)
		}
		if _, err := takeMessage(want.again()[:2], 0); err == nil {
			t.Errorf("a message of kind %d is read though it is cut", want.kind)
		}
	}
}
