package metadata

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"troupe/actors/meta"
)

var t0 = time.Unix(1_700_000_000, 0)

func seqs[A any](list []*waiter[A]) string {
	s := ""
	for _, w := range list {
		s += fmt.Sprintf("%v=%d ", w.ask, w.seq)
	}
	return s
}

func TestBook(t *testing.T) {
	b := newBook[string]()
	f := func(want, got string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for i, ask := range []string{"a", "b", "c"} {
		b.add(ask, t0.Add(time.Duration(i)*time.Second), 10*time.Second)
	}
	for b.admit() != nil {
	}
	f("a=1 b=2 c=3 ", seqs(b.enter(false)))
	f("", seqs(b.enter(false))) // Raft has them
	f("a=1 b=2 c=3 ", seqs(b.enter(true)))
	f("true", fmt.Sprint(b.drop(2)))
	f("b=2 ", seqs(b.enter(false)))
	w := b.settle(2, 7, meta.Result{Message: "done"})
	f("b 7 done", fmt.Sprint(w.ask, " ", w.index, " ", w.result.Message))
	f("true", fmt.Sprint(b.settle(2, 8, meta.Result{}) == nil)) // a duplicate finds nobody
	f("false", fmt.Sprint(b.drop(2)))
	f("a=1 c=3 ", seqs(b.enter(true)))
	f("b=2 a=1 c=3 ", seqs(b.all()))
	late, next := b.expired(t0.Add(11 * time.Second))
	f("b=2 a=1 ", seqs(late))
	f(t0.Add(12*time.Second).String(), next.String())
	for _, w := range late {
		f("true", fmt.Sprint(b.answer(w)))
		f("false", fmt.Sprint(b.answer(w))) // once
	}
	f("c=3 ", seqs(b.all()))
	f("1", fmt.Sprint(b.n))
	f(t0.Add(2*time.Second).String(), b.oldest().String())
}

// TestBookWindow: ids in use never span more than Apply remembers, whichever end first; and the number of waiters is bounded.
func TestBookWindow(t *testing.T) {
	b := newBook[int]()
	rng := rand.New(rand.NewPCG(1, 1))
	given, refused, settledSeqs := 0, 0, map[uint64]bool{}
	for range 20_000 {
		switch rng.IntN(3) {
		case 0, 1:
			if b.add(given, t0, time.Hour) == nil {
				refused++
			}
			given++
		default:
			if es := b.enter(true); len(es) > 0 {
				w := es[rng.IntN(len(es))]
				if settledSeqs[w.seq] {
					t.Fatal("settled twice")
				}
				settledSeqs[w.seq] = true
				b.answer(b.settle(w.seq, 1, meta.Result{}))
			}
		}
		for b.admit() != nil {
		}
		if es := b.enter(true); len(es) > 0 && es[len(es)-1].seq-es[0].seq >= MaxOpen {
			t.Fatalf("ids %d to %d are open", es[0].seq, es[len(es)-1].seq)
		}
		if b.n > MaxWaiting {
			t.Fatalf("%d wait", b.n)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

func TestCompactor(t *testing.T) {
	f := func(k *compactor, stored uint64, want string) {
		t.Helper()
		to, ok := k.next(stored)
		if got := fmt.Sprint(to, ok); got != want {
			t.Errorf("at %d: got %s, want %s", stored, got, want)
		}
	}
	k := &compactor{entries: 100, tail: 50, bytes: 1 << 30, first: 10}
	f(k, 159, "0 false")
	f(k, 160, "110 true")
	f(k, 161, "0 false")
	k = &compactor{entries: 1000, tail: 500, bytes: 4 << 20}
	for i := uint64(1); i <= 40; i++ {
		k.add(i, 128<<10)
	}
	if k.held != 40*128<<10 {
		t.Error(k.held)
	}
	f(k, 0, "0 false") // nothing of it is stored
	to, ok := k.next(40)
	if !ok || k.held > 2<<20 || k.held < 1<<20 || to < 20 || to > 30 {
		t.Errorf("cut at %d, %v, %d bytes left", to, ok, k.held)
	}
}

func TestJoinChanges(t *testing.T) {
	var all meta.Changes
	join(&all, meta.Changes{Brokers: []int32{1}, Configs: []string{"a"}, Topics: []meta.TopicChange{{New: &meta.Topic{Name: "x"}}}})
	join(&all, meta.Changes{Brokers: []int32{1, 2}, Configs: []string{"a"}, Topics: []meta.TopicChange{{Old: &meta.Topic{Name: "x"}}}})
	if len(all.Brokers) != 2 || len(all.Configs) != 1 || len(all.Topics) != 2 || all.Reset {
		t.Errorf("%+v", all)
	}
	for range maxChanges {
		join(&all, meta.Changes{Topics: []meta.TopicChange{{}}})
	}
	if !all.Reset || all.Topics != nil {
		t.Errorf("%d topics, reset %v", len(all.Topics), all.Reset)
	}
}
