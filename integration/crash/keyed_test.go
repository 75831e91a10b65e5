package crash

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	keyedTopic   = "keyed"   // is compacted all the time
	trimmedTopic = "trimmed" // loses its oldest records all the time
	keys         = 40
)

// keyed writes ever greater values under a few keys.
type keyed struct{ acked [keys]uint64 }

func (k *keyed) work(ctx context.Context, t *testing.T, l *load) {
	cl, err := stubborn(l.b.Kafka, kgo.DefaultProduceTopic(keyedTopic))
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	for n := uint64(1); !l.stopped(); n++ {
		var some []*kgo.Record
		for i := range keys {
			v := make([]byte, 8000)
			binary.BigEndian.PutUint64(v, n)
			some = append(some, &kgo.Record{Key: []byte{byte(i)}, Value: v})
		}
		if err := cl.ProduceSync(ctx, some...).FirstErr(); err != nil {
			t.Errorf("keyed: %v", err)
			return
		}
		for i := range keys {
			k.acked[i] = n
		}
	}
}

// check reads the topic: the last value of each key is there, and values of a key rise.
func (k *keyed) check(ctx context.Context, t *testing.T, l *load) {
	t.Helper()
	var last [keys]uint64
	count := 0
	l.read(ctx, t, keyedTopic, 0, func(r *kgo.Record) {
		count++
		i, n := r.Key[0], binary.BigEndian.Uint64(r.Value)
		if n <= last[i] {
			t.Errorf("keyed: key %d: %d comes after %d", i, n, last[i])
		}
		last[i] = n
	})
	for i := range keys {
		if last[i] < k.acked[i] {
			t.Errorf("keyed: key %d: %d was acknowledged, and %d is the last there", i, k.acked[i], last[i])
		}
	}
	t.Logf("keyed: %d values of each key, of which %d records are left", k.acked[0], count)
}

// trimmed writes numbers and deletes the older half of what is there, again and again.
type trimmed struct {
	acked int64 // records
	start int64 // that was told
}

func (m *trimmed) work(ctx context.Context, t *testing.T, l *load) {
	cl, err := stubborn(l.b.Kafka, kgo.DefaultProduceTopic(trimmedTopic))
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for !l.stopped() {
		var some []*kgo.Record
		for i := range int64(50) {
			some = append(some, &kgo.Record{Value: binary.BigEndian.AppendUint64(nil, uint64(m.acked+i))})
		}
		if err := cl.ProduceSync(ctx, some...).FirstErr(); err != nil {
			t.Errorf("trimmed: %v", err)
			return
		}
		m.acked += 50
		var o kadm.Offsets
		o.Add(kadm.Offset{Topic: trimmedTopic, At: (m.start + m.acked) / 2, LeaderEpoch: -1})
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		if res, err := adm.DeleteRecords(try, o); err == nil {
			if r, ok := res.Lookup(trimmedTopic, 0); ok && r.Err == nil {
				m.start = r.LowWatermark
			}
		}
		cancel()
	}
}

// check reads the topic: it does not begin before what was told, and from there on each number stands at its offset.
func (m *trimmed) check(ctx context.Context, t *testing.T, l *load) {
	t.Helper()
	first, next := int64(-1), int64(0)
	l.read(ctx, t, trimmedTopic, 0, func(r *kgo.Record) {
		if first < 0 {
			first, next = r.Offset, r.Offset
		}
		if n := int64(binary.BigEndian.Uint64(r.Value)); n != r.Offset || r.Offset != next {
			t.Errorf("trimmed: offset %d, after %d, holds %d", r.Offset, next-1, n)
		}
		next = r.Offset + 1
	})
	if first < m.start || next < m.acked {
		t.Errorf("trimmed: it holds %d to %d; told were the start %d and the end %d", first, next, m.start, m.acked)
	}
	t.Logf("trimmed: [%d, %d)", first, next)
}
