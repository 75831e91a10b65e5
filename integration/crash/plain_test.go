package crash

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// plainTopic is written by producers without idempotence, one request at a time.
const plainTopic = "plain"

// plain is one producer: it writes the numbers 1, 2, 3, … to a partition of its own, and tries again until each is acknowledged.
type plain struct {
	partition int32
	acked     uint64 // all numbers up to here are acknowledged
}

// work goes on as long as the load does.
func (p *plain) work(ctx context.Context, t *testing.T, l *load) {
	cl, err := stubborn(l.b.Kafka, kgo.DefaultProduceTopic(plainTopic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(time.Millisecond))
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	for n := uint64(1); !l.stopped(); {
		var some []*kgo.Record
		for range 20 {
			some = append(some, &kgo.Record{Partition: p.partition, Value: binary.BigEndian.AppendUint64(nil, n)})
			n++
		}
		if err := cl.ProduceSync(ctx, some...).FirstErr(); err != nil {
			t.Errorf("plain producer %d: up to %d: %v", p.partition, n, err)
			return
		}
		p.acked = n - 1
	}
}

// check reads the partition: each number comes first after the one before it, and may come again, as the client tries again what was
// stored without its hearing of it. None that was acknowledged is missing.
func (p *plain) check(ctx context.Context, t *testing.T, l *load) {
	t.Helper()
	last, again := uint64(0), 0
	l.read(ctx, t, plainTopic, p.partition, func(r *kgo.Record) {
		switch n := binary.BigEndian.Uint64(r.Value); {
		case n == last+1:
			last = n
		case n <= last:
			again++
		default:
			t.Errorf("plain producer %d: offset %d holds %d, and the greatest before is %d", p.partition, r.Offset, n, last)
			last = n
		}
	})
	if last < p.acked {
		t.Errorf("plain producer %d: %d was acknowledged, and %d is the last there", p.partition, p.acked, last)
	}
	t.Logf("plain producer %d: %d acknowledged, %d stored again", p.partition, p.acked, again)
	if p.acked < 500 {
		t.Errorf("plain producer %d: only %d records were acknowledged: the test proves little", p.partition, p.acked)
	}
}
