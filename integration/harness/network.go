package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Network is a namespace for each of some hosts and one for clients, all on one bridge in a namespace of its own: nothing of it touches the
// machine's network. Packets from one host to another can be lost, per direction.
type Network struct {
	t      testing.TB
	prefix string
	hosts  int
	macs   []string
}

// subnet is TEST-NET-2, which is routed nowhere.
const subnet = "198.51.100."

// clientHost is the last part of the address from which tests connect.
const clientHost = 100

// NewNetwork makes a network of n hosts. It needs root and ip(8): without them the test is skipped, and says so.
func NewNetwork(t testing.TB, n int) *Network {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("cut links need root: each broker lives in a network namespace of its own")
	}
	w := &Network{t: t, prefix: fmt.Sprintf("tr%d", os.Getpid()), hosts: n}
	if out, err := exec.Command("ip", "netns", "add", w.prefix+"-hub").CombinedOutput(); err != nil {
		t.Skipf("cut links need network namespaces: %v %s", err, out)
	}
	t.Cleanup(w.remove)
	hub := w.prefix + "-hub"
	w.ip("-n", hub, "link", "add", "br0", "type", "bridge")
	w.ip("-n", hub, "link", "set", "br0", "up")
	for i := range n + 1 {
		name, port := w.space(i), fmt.Sprintf("p%d", i)
		w.macs = append(w.macs, fmt.Sprintf("02:00:00:00:01:%02x", i))
		w.ip("netns", "add", name)
		w.ip("link", "add", "v0", "address", w.macs[i], "netns", name, "type", "veth", "peer", "name", port, "netns", hub)
		w.ip("-n", name, "addr", "add", w.Host(i)+"/24", "dev", "v0")
		w.ip("-n", name, "link", "set", "v0", "up")
		w.ip("-n", name, "link", "set", "lo", "up")
		w.ip("-n", hub, "link", "set", port, "master", "br0")
		w.ip("-n", hub, "link", "set", port, "up")
	}
	w.Heal()
	return w
}

func (w *Network) remove() {
	for i := range w.hosts + 1 {
		exec.Command("ip", "netns", "del", w.space(i)).Run()
	}
	exec.Command("ip", "netns", "del", w.prefix+"-hub").Run()
}

func (w *Network) ip(args ...string) {
	w.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		w.t.Fatalf("ip %v: %v %s", args, err, out)
	}
}

// space is the namespace of host i; the one after the last is the clients'.
func (w *Network) space(i int) string { return fmt.Sprintf("%s-%d", w.prefix, i) }

// Host is the address of host i.
func (w *Network) Host(i int) string {
	if i == w.hosts {
		return subnet + fmt.Sprint(clientHost)
	}
	return subnet + fmt.Sprint(i+1)
}

// inside is what runs a program at host i. ip netns exec would give it copies of all mounts as well, and keep disks mounted that others unmount.
func (w *Network) inside(i int) []string {
	return []string{"nsenter", "--net=/run/netns/" + w.space(i)}
}

// nobody is an Ethernet address that no port of the bridge has: what is sent to it is lost, and the sender never learns of it.
const nobody = "02:00:00:00:ff:ff"

// Cut loses what from sends to host to, from now on; the other direction stays as it is.
func (w *Network) Cut(from, to int) { w.neighbour(from, to, nobody) }

// Split cuts both directions between each host of one side and each of the other.
func (w *Network) Split(one, other []int) {
	for _, a := range one {
		for _, b := range other {
			w.Cut(a, b)
			w.Cut(b, a)
		}
	}
}

// Heal ends all cuts.
func (w *Network) Heal() {
	for a := range w.hosts {
		for b := range w.hosts {
			if a != b {
				w.neighbour(a, b, w.macs[b])
			}
		}
	}
}

func (w *Network) neighbour(from, to int, mac string) {
	w.t.Helper()
	w.ip("-n", w.space(from), "neigh", "replace", w.Host(to), "lladdr", mac, "dev", "v0", "nud", "permanent")
}

// Dial connects from the clients' namespace. The thread that has entered it is thrown away.
func (w *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	type dialed struct {
		c   net.Conn
		err error
	}
	done := make(chan dialed, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		f, err := os.Open("/run/netns/" + w.space(w.hosts))
		if err == nil {
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
			f.Close()
		}
		if err != nil {
			done <- dialed{nil, err}
			return
		}
		d := net.Dialer{Timeout: 5 * time.Second}
		c, err := d.DialContext(ctx, network, address)
		done <- dialed{c, err}
	}()
	r := <-done
	return r.c, r.err
}
