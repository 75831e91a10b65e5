package storage

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// TestDamageIsRemembered: who reads a damaged block again, or another batch in it, is not made to wait for another search of the bit; whole blocks
// beside it are read, and so is what is written in the place of what was lost.
func TestDamageIsRemembered(t *testing.T) {
	e := damagedData(t)
	all := func() (damaged int) {
		t.Helper()
		var bad *CorruptError
		for at := int64(0); at >= 0; {
			next, _, err := e.Scrub(3, at, 1<<30)
			if errors.As(err, &bad) {
				damaged, next = damaged+1, bad.Offset+1
			} else {
				mustData(t, err)
			}
			at = next
		}
		return damaged
	}
	first := all()
	searched := e.Metrics()["damaged_block_reads_total"]
	if first < 2 || searched != 1 {
		t.Fatalf("%d damaged batches were found by reading damaged blocks %v times, want one block with some", first, searched)
	}
	for range 3 {
		if n := all(); n != first {
			t.Errorf("%d damaged batches, %d at first", n, first)
		}
	}
	if n := e.Metrics()["damaged_block_reads_total"]; n != searched {
		t.Errorf("damaged blocks were read %v times, want %v", n, searched)
	}
	if n := e.Metrics()["damaged_reads_total"]; n != float64(4*first) {
		t.Errorf("%v damaged reads are counted, want %d", n, 4*first)
	}
	mustData(t, e.Close())
}

// TestDamageRememberedIsBounded: at most maxDamaged blocks, the newest; each for some minutes; and nothing but damage.
func TestDamageRememberedIsBounded(t *testing.T) {
	var d damagedBlocks
	now := time.Unix(1000, 0)
	bad := fmt.Errorf("block: %w", pebble.ErrCorruption)
	for i := range uint64(maxDamaged + 10) {
		d.remember(blockPlace{1, i}, bad, now.Add(time.Duration(i)))
	}
	if len(d.found) != maxDamaged || d.known(blockPlace{1, 9}, now) != nil || d.known(blockPlace{1, 10}, now) != bad {
		t.Errorf("%d are remembered", len(d.found))
	}
	if d.known(blockPlace{1, 50}, now.Add(trustDamage+time.Second)) != nil || len(d.found) != maxDamaged-1 {
		t.Error("damage is remembered for ever")
	}
	d.remember(blockPlace{2, 0}, errors.New("too many open files"), now)
	if d.known(blockPlace{2, 0}, now) != nil {
		t.Error("an error that passes is remembered")
	}
}
