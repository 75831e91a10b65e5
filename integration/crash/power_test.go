package crash

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"troupe/integration/harness"
)

// disk is a file system of its own whose power can be cut.
type disk struct {
	t          *testing.T
	image, dir string
}

// newDisk makes an ext4 file system in a file. It needs root and a loop device: without them the test is skipped, and says so.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("power cuts need root: they mount a file system of their own")
	}
	d := &disk{t, filepath.Join(t.TempDir(), "disk.img"), t.TempDir()}
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(8 << 30) // sparse
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", d.image).CombinedOutput(); err != nil {
		t.Skipf("power cuts need mkfs.ext4: %v %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		t.Skipf("power cuts need to mount a loop device: %v %s", err, out)
	}
	t.Cleanup(d.unmount)
	return d
}

func (d *disk) unmount() {
	for range 50 { // until the last file of a process that was killed is closed
		out, err := exec.Command("umount", d.dir).CombinedOutput()
		if err == nil || strings.Contains(string(out), "not mounted") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Error("the file system could not be unmounted")
}

// shutdown is ext4's and XFS's order to stop at once; noFlush keeps even the journal from the disk.
const (
	shutdown = 0x8004587d
	noFlush  = 2
)

// cut is the end of the power: what was not synced is gone, and every later operation fails.
func (d *disk) cut() {
	d.t.Helper()
	f, err := os.Open(d.dir)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noFlush)
		f.Close()
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// back is the power's return: the file system as the disk has it.
func (d *disk) back() {
	d.t.Helper()
	d.unmount()
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		d.t.Fatalf("mount: %v %s", err, out)
	}
}

// The power is cut in a loop under idempotent acks=all load. It is the kill loop's promise, and here only fsync keeps it: the page
// cache is lost too.
func TestPowerLoop(t *testing.T) {
	d := newDisk(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	b := harness.Start(t, filepath.Join(d.dir, "data"))
	l := startLoad(ctx, t, b)
	for range rounds(10) {
		aWhile()
		d.cut()
		time.Sleep(20 * time.Millisecond) // it may notice, and end with a reason
		b.Kill()
		d.back()
		b.Restart()
	}
	aWhile()
	l.settle(ctx, t)
}
