package controller

import (
	"reflect"
	"testing"

	"troupe/kafka/code"
)

func TestWire(t *testing.T) {
	for _, b := range []Beat{
		{BrokerID: 1, BrokerEpoch: 2},
		{BrokerID: 2147483647, BrokerEpoch: 1 << 62, Applied: 1 << 63, WantFence: true, WantShutdown: true, DiskOK: true, Lost: []int32{1, 300}},
		{BrokerID: 7, BrokerEpoch: 9, WantShutdown: true, Lost: []int32{5}},
	} {
		got, err := DecodeBeat(EncodeBeat(b))
		if err != nil || !reflect.DeepEqual(got, b) {
			t.Errorf("%+v came back as %+v, %v", b, got, err)
		}
	}
	for _, v := range []Verdict{{}, {Code: code.StaleBrokerEpoch}, {Fenced: true, CaughtUp: true}, {ShouldShutDown: true}, {Code: code.UnknownServerError}} {
		got, err := DecodeVerdict(EncodeVerdict(v))
		if err != nil || got != v {
			t.Errorf("%+v came back as %+v, %v", v, got, err)
		}
	}
	whole := EncodeBeat(Beat{BrokerID: 1, BrokerEpoch: 200, Applied: 300, Lost: []int32{2, 3}})
	for n := range whole {
		if _, err := DecodeBeat(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken for a heartbeat", n, len(whole))
		}
	}
	for _, bad := range [][]byte{append(whole, 0), {2, 0, 1, 1, 0, 0}, {1, 0, 0, 1, 0, 0}} {
		if b, err := DecodeBeat(bad); err == nil {
			t.Errorf("%x is taken for %+v", bad, b)
		}
	}
	if _, err := DecodeVerdict([]byte{1, 0, 0}); err == nil {
		t.Error("three bytes are taken for an answer")
	}
}

func FuzzDecodeBeat(f *testing.F) {
	f.Add(EncodeBeat(Beat{BrokerID: 1, BrokerEpoch: 2, Lost: []int32{3}}))
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := DecodeBeat(p)
		if err != nil {
			return
		}
		again, err := DecodeBeat(EncodeBeat(b))
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Fatalf("%+v, then %+v, %v", b, again, err)
		}
	})
}
