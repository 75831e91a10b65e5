package hostile

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Ten thousand clients that have said hello and then nothing more cost little, and others are served beside them: no more than most above the idle
// broker. Some seconds later, when what saying hello took has been given back, the whole broker takes no more than atRest.
func TestIdle(t *testing.T) {
	const n, most, atRest = 10_000, 150 << 20, 150 << 20
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || lim.Cur < n+500 {
		t.Skipf("only %d files may be open", lim.Cur)
	}
	g := start(t)
	before, err := UsageOf(g.PID)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*client, n)
	for i := range all {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%100))}}
		nc, err := d.Dial("tcp", g.Kafka)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer nc.Close()
		all[i] = &client{Conn: nc, t: t}
	}
	hello := kmsg.NewPtrApiVersionsRequest()
	hello.SetVersion(3)
	hello.ClientSoftwareName, hello.ClientSoftwareVersion = "idle", "1"
	for i, c := range all {
		nc := c.Conn
		nc.SetDeadline(time.Now().Add(patience))
		if _, err := c.try(hello); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	after, err := UsageOf(g.PID)
	if err != nil {
		t.Fatal(err)
	}
	grown := after.RSS - before.RSS
	t.Logf("%d connections: memory +%d MB, %d bytes each, CPU %v", n, grown>>20, grown/n, after.CPU-before.CPU)
	if grown > most {
		t.Errorf("memory grew by %d MB, limit %d", grown>>20, int64(most)>>20)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Second) {
		if after, err = UsageOf(g.PID); err != nil {
			t.Fatal(err)
		}
		if after.RSS <= atRest {
			break
		}
		if time.Now().After(end) {
			t.Errorf("%d MB resident at rest, limit %d", after.RSS>>20, int64(atRest)>>20)
			break
		}
	}
	t.Logf("at rest %d MB resident, %d bytes each", after.RSS>>20, (after.RSS-before.RSS)/n)
	c := g.dial(t)
	defer c.Close()
	c.served()
}
