package storage

import (
	"fmt"
	"testing"
)

func TestSplitOps(t *testing.T) {
	kinds := map[string]OpKind{"start": OpSetStart, "cut": OpTruncate, "epoch": OpEpoch, "roll": OpRoll, "drop": OpDrop, "clean": OpClean}
	names := map[OpKind]string{}
	for n, k := range kinds {
		names[k] = n
	}
	// f gives each op as its kind and its partition.
	f := func(want string, ops ...string) {
		t.Helper()
		var list []Op
		for i := 0; i < len(ops); i += 2 {
			list = append(list, Op{Kind: kinds[ops[i]], PartID: uint32(ops[i+1][0] - '0')})
		}
		tell := func(ops []Op) (s string) {
			for _, o := range ops {
				s += fmt.Sprint(names[o.Kind], o.PartID, " ")
			}
			return s
		}
		first, late := SplitOps(list)
		if got := tell(first) + "| " + tell(late); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f("| ")
	f("epoch1 roll2 | ", "epoch", "1", "roll", "2")
	f("epoch1 roll1 | start2 ", "epoch", "1", "start", "2", "roll", "1")
	f("epoch1 | cut1 epoch1 start2 ", "epoch", "1", "cut", "1", "epoch", "1", "start", "2") // the epoch that follows a cut
	f("roll2 | clean1 drop3 ", "clean", "1", "roll", "2", "drop", "3")
}
