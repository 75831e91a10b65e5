package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is a file system of its own, ext4 in a file, whose power can be cut and which can be full.
type Disk struct {
	Dir string

	t     testing.TB
	image string
}

// NewDisk makes a file system of size bytes. It needs root and a loop device: without them the test is skipped, and says so.
func NewDisk(t testing.TB, size int64) *Disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("faults of disks need root: they mount a file system of their own")
	}
	d := &Disk{t.TempDir(), t, filepath.Join(t.TempDir(), "disk.img")}
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(size) // sparse
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", d.image).CombinedOutput(); err != nil {
		t.Skipf("faults of disks need mkfs.ext4: %v %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.Dir).CombinedOutput(); err != nil {
		t.Skipf("faults of disks need to mount a loop device: %v %s", err, out)
	}
	t.Cleanup(d.unmount)
	return d
}

func (d *Disk) unmount() {
	for range 50 { // until the last file of a process that was killed is closed
		out, err := exec.Command("umount", d.Dir).CombinedOutput()
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

// Cut is the end of the power: what was not synced is gone, and every later operation fails.
func (d *Disk) Cut() {
	d.t.Helper()
	f, err := os.Open(d.Dir)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noFlush)
		f.Close()
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// Back is the power's return: the file system as the disk has it.
func (d *Disk) Back() {
	d.t.Helper()
	d.unmount()
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.Dir).CombinedOutput(); err != nil {
		d.t.Fatalf("mount: %v %s", err, out)
	}
}

// Free is how many bytes are free.
func (d *Disk) Free() int64 {
	d.t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(d.Dir, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// Fill takes all space but about leave bytes, at once, as another program would. It gives the name of what to remove.
func (d *Disk) Fill(leave int64) string {
	d.t.Helper()
	name := filepath.Join(d.Dir, "filler")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return name
	}
	defer f.Close()
	for step := d.Free() - leave; step >= 4096 && d.Free() > leave; {
		st, err := f.Stat()
		if err != nil {
			d.t.Fatal(err)
		}
		if unix.Fallocate(int(f.Fd()), 0, st.Size(), min(step, d.Free()-leave)) != nil {
			step /= 2
		}
	}
	return name
}

// NewMemoryDisk makes a file system of size bytes in memory, which can be enlarged. Its power cannot be cut.
func NewMemoryDisk(t testing.TB, size int64) *Disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("faults of disks need root: they mount a file system of their own")
	}
	d := &Disk{Dir: t.TempDir(), t: t}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d", size), "disk", d.Dir).CombinedOutput(); err != nil {
		t.Skipf("faults of disks need to mount a tmpfs: %v %s", err, out)
	}
	t.Cleanup(d.unmount)
	return d
}

// Enlarge makes a file system in memory larger while it is in use.
func (d *Disk) Enlarge(size int64) {
	d.t.Helper()
	if out, err := exec.Command("mount", "-o", fmt.Sprintf("remount,size=%d", size), d.Dir).CombinedOutput(); err != nil {
		d.t.Fatalf("remount: %v %s", err, out)
	}
}
