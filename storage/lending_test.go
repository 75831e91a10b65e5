package storage

import "testing"

func TestLending(t *testing.T) {
	l := NewLending(100)
	f := func(want, least, granted int, lent int64) {
		t.Helper()
		if got := l.Grant(want, least); got != granted || l.Lent() != lent {
			t.Fatalf("granted %d, %d are lent; want %d and %d", got, l.Lent(), granted, lent)
		}
	}
	f(60, 10, 60, 60)
	f(60, 10, 40, 100)
	f(60, 10, 10, 110) // a little is always there
	f(5, 10, 5, 115)
	f(60, 0, 0, 115)
	l.Give(50)
	f(60, 0, 35, 100)
	l.Give(-20) // a first batch that is larger than granted
	f(60, 10, 10, 130)
	b := Batches{Bytes: 130}
	b.Lend(l)
	b.Release()
	b.Release()
	if l.Lent() != 0 {
		t.Errorf("%d are still lent", l.Lent())
	}
}
