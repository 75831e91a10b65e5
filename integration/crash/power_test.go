package crash

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"troupe/integration/harness"
)

// The power is cut in a loop under acks=all load. It is the kill loop's promise, and here only fsync keeps it: the page cache is lost too.
func TestPowerLoop(t *testing.T) {
	d := harness.NewDisk(t, 8<<30)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	b := harness.Start(t, filepath.Join(d.Dir, "data"), settings...)
	l := startLoad(ctx, t, b)
	for range rounds(10) {
		aWhile()
		d.Cut()
		time.Sleep(20 * time.Millisecond) // it may notice, and end with a reason
		b.Kill()
		d.Back()
		l.inspect(t)
		b.Restart()
		l.commits.check(ctx, t, l)
	}
	aWhile()
	l.settle(ctx, t)
}
