package soak

import (
	"os"
	"testing"
	"time"

	"troupe/integration/harness"
)

// TestSoak is the short version of make soak: a minute, with two ends of the broker.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	unmet, err := Run(Options{Binary: harness.Binary(t), Time: 50 * time.Second, Every: time.Second, Life: 16 * time.Second, Rate: 800, Memory: "256MiB", Out: os.Stdout})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range unmet {
		t.Error(u)
	}
}

// What grows is seen, what is flat is not.
func TestTrend(t *testing.T) {
	var flat, grows []sample
	for i := range 60 {
		a, b := sample{old: true}, sample{old: true}
		a.values[rss] = 200e6 + float64(i%7)*1e6
		b.values[rss] = 200e6 + float64(i)*2e6
		flat, grows = append(flat, a), append(grows, b)
	}
	for _, b := range bounds {
		if b.over(thirds(flat, b.figure)) {
			t.Errorf("%s: what is flat is over its bound", b.name)
		}
		if got := b.over(thirds(grows, b.figure)); got != (b.figure == rss) {
			t.Errorf("%s of a process whose memory grows: %v", b.name, got)
		}
	}
}

// The checker sees each kind of loss.
func TestLedger(t *testing.T) {
	f := func(exact, weeds bool, wrong bool, do func(l *ledger)) {
		t.Helper()
		l := newLedger("t", 1, exact, weeds)
		do(l)
		if got := l.settle(); (len(got) > 0) != wrong {
			t.Errorf("%q", got)
		}
	}
	one := func(l *ledger, offset int64, n uint64, key string) { l.read(0, offset, []byte(key), valueOf(n, 100)) }
	f(true, false, false, func(l *ledger) { l.ack(0, 0, ""); one(l, 0, 0, ""); one(l, 1, 1, ""); l.ack(0, 1, "") })
	f(true, false, true, func(l *ledger) { l.ack(0, 0, "") })                                       // lost
	f(true, false, true, func(l *ledger) { one(l, 0, 0, ""); one(l, 1, 0, "") })                    // twice
	f(false, false, false, func(l *ledger) { one(l, 0, 0, ""); one(l, 1, 0, "") })                  // a plain producer's may be
	f(true, false, true, func(l *ledger) { one(l, 0, 1, "") })                                      // a gap
	f(true, false, true, func(l *ledger) { one(l, 0, 0, ""); one(l, 2, 1, "") })                    // a gap of offsets
	f(true, true, false, func(l *ledger) { l.ack(0, 0, "a"); one(l, 3, 2, "a"); l.ack(0, 2, "a") }) // compacted away
	f(true, true, true, func(l *ledger) { l.ack(0, 0, "a"); one(l, 3, 2, "b") })                    // the last of its key
	f(true, false, true, func(l *ledger) {
		v := valueOf(0, 100)
		v[50]++
		l.read(0, 0, nil, v)
	})
}
