package kafka

import (
	"testing"
	"testing/synctest"
)

// TestBudgetIsExceededByOneRequest: requests that have been read whole and are not answered (the disk is stuck) hold their memory; of those that
// come behind them one may go beyond the limit, and no other until the memory in use is below it again.
func TestBudgetIsExceededByOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100)
		read := func(n int) *bool {
			done := new(bool)
			go func() {
				a := &account{b: b}
				*done = a.take(n)
				a.settle()
			}()
			synctest.Wait()
			return done
		}
		if !*read(90) || !*read(60) {
			t.Fatal("the first two do not get through")
		}
		third, fourth := read(30), read(40)
		if *third || *fourth || b.inUse() != 150 {
			t.Fatalf("%d bytes in use of 100", b.inUse())
		}
		b.give(60) // the second is answered: 90 are in use, and one may go beyond again
		synctest.Wait()
		if *third == *fourth || b.inUse() > 130 {
			t.Fatalf("third %v, fourth %v, %d bytes in use", *third, *fourth, b.inUse())
		}
		b.give(90)
		synctest.Wait()
		if !*third || !*fourth {
			t.Error("somebody waits for memory that is free")
		}
	})
}

// TestHalfReadFramesDoNotWaitForEver: all memory is in frames that are not complete; each gets through, one after the other.
func TestHalfReadFramesDoNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100)
		through := 0
		for range 5 {
			go func() {
				a := &account{b: b}
				first := a.take(20)
				if first && a.take(20) {
					b.give(a.settle())
					through++
				}
			}()
			synctest.Wait()
		}
		if through != 5 || b.inUse() != 0 {
			t.Errorf("%d of 5 got through, %d bytes in use", through, b.inUse())
		}
	})
}
