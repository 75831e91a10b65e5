package kafka

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// frameOf is a frame with a header and any body.
func frameOf(key, version int16, flexible bool, body []byte) []byte {
	b := make([]byte, 4)
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = append(b, 0, 0, 0, 5, 0xff, 0xff)
	if flexible {
		b = append(b, 0)
	}
	b = append(b, body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// hostile is what strangers send. All of it gets a closed connection and no answer, at once.
func hostile() map[string][]byte {
	huge := binary.AppendUvarint(nil, 1<<32-1)
	claims := func(n uint32, rest ...byte) []byte { return append(binary.BigEndian.AppendUint32(nil, n), rest...) }
	cutString := frameOf(3, 1, false, []byte{0, 0, 0, 1, 0, 9, 'a'})
	return map[string][]byte{
		"length 0":                   claims(0),
		"length 4":                   claims(4, 0, 18, 0, 0),
		"negative length":            claims(1<<31 + 5),
		"too long":                   claims(100<<20 + 1),
		"HTTP":                       []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"TLS":                        {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3},
		"random":                     {0x9e, 0x37, 0x79, 0xb9, 0x7f, 0x4a, 0x7c, 0x15},
		"unknown key":                frameOf(999, 0, false, nil),
		"negative key":               frameOf(-1, 0, false, nil),
		"key that is not served":     frameOf(4, 0, false, nil),
		"unknown version":            frameOf(3, 99, true, nil),
		"negative version":           frameOf(3, -1, false, nil),
		"Fetch too old":              frameOf(1, 3, false, make([]byte, 100)),
		"Produce that is only told":  frameOf(0, 2, false, make([]byte, 10)),
		"cut header":                 claims(9, 0, 3, 0, 1, 0, 0, 0, 1, 0),
		"client id beyond the frame": claims(10, 0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff),
		"cut body":                   frameOf(3, 4, false, []byte{0, 0, 0, 0}),
		"string beyond the frame":    cutString,
		"array beyond the frame":     frameOf(3, 1, false, []byte{0, 0, 0, 9, 0, 1, 'a'}),
		"two billion elements":       frameOf(3, 1, false, []byte{0x7f, 0xff, 0xff, 0xff}),
		"null array":                 frameOf(3, 0, false, []byte{255, 255, 255, 255}),
		"tags that burn a core":      frameOf(18, 3, true, append([]byte{2, 'a', 2, 'a'}, huge...)),
		"tags in the header":         frameOf(18, 3, false, huge),
		"produce: cut":               frameOf(0, 3, false, []byte{255, 255, 0, 1, 0, 0}),
		"produce: null topics":       frameOf(0, 3, false, []byte{255, 255, 0, 1, 0, 0, 0, 1, 255, 255, 255, 255}),
		"produce: topics":            frameOf(0, 3, false, []byte{255, 255, 0, 1, 0, 0, 0, 1, 0x7f, 255, 255, 255}),
		"produce: null name":         frameOf(0, 3, false, []byte{255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 255, 255, 0, 0, 0, 0}),
		"produce: batch beyond":      frameOf(0, 3, false, []byte{255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0, 0x7f, 0, 0, 0}),
		"produce: tags":              frameOf(0, 9, true, append([]byte{0, 0, 1, 0, 0, 0, 1, 1}, huge...)),
		"produce: varint":            frameOf(0, 9, true, []byte{255, 255, 255, 255, 255, 255, 255, 255}),
	}
}

// cpuTime is what this process has used so far.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestHostileInput(t *testing.T) {
	f := newFixture(t, Config{FrameDeadline: 100 * time.Millisecond})
	for name, b := range hostile() {
		t.Run(name, func(t *testing.T) {
			begin, mem := cpuTime(t), allocated()
			c := f.dial()
			c.t = t
			c.send(b)
			c.closed()
			if d := cpuTime(t) - begin; d > 3*time.Second {
				t.Errorf("took %v of CPU", d)
			}
			if a := allocated() - mem; a > 4<<20 {
				t.Errorf("allocated %d bytes", a)
			}
		})
	}
	f.dial().apiVersions(3)
	f.waitOpen(1)
}

// What is unusual but allowed is answered.
func TestAcceptedInput(t *testing.T) {
	f := newFixture(t, Config{})
	c := f.dial()
	long := "c" + string(make([]byte, 30000))
	r := apiVersionsRequest(3)
	r.UnknownTags.Set(1000, []byte("unknown"))
	for name, b := range map[string][]byte{
		"null client id":      request(1, nil, apiVersionsRequest(3)),
		"long client id":      request(1, &long, apiVersionsRequest(3)),
		"unknown tags":        request(1, nil, r),
		"trailing bytes":      frameOf(18, 0, false, []byte("trailing")),
		"tags in the header":  frameOf(18, 3, false, append([]byte{1, 200, 1, 2, 'x', 'y'}, 2, 'a', 2, '1', 0)),
		"ApiVersions v99":     frameOf(18, 99, true, nil),
		"negative client id":  append([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 5}, 0x80, 0),
		"one byte at a time ": nil,
	} {
		if b == nil {
			for _, x := range request(1, nil, apiVersionsRequest(2)) {
				c.send([]byte{x})
			}
		} else {
			c.send(b)
		}
		if _, _, err := c.try(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// Forty connections that claim 90 MiB each and send four bytes cost nothing, and hold nobody up.
func TestClaimsCostNothing(t *testing.T) {
	f := newFixture(t, Config{RequestMemory: 64 << 20})
	mem := allocated()
	for i := range 40 {
		c := f.dial()
		b := binary.BigEndian.AppendUint32(nil, 90<<20)
		switch i % 4 {
		case 1: // a request that is read whole
			b = append(b, 0, 3, 0, 1, 0, 0, 0, 1, 0, 1, 'x', 0)
		case 2: // a produce with a huge batch
			b = append(b, 0, 0, 0, 3, 0, 0, 0, 1, 255, 255, 255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 1, 2, 3)
		}
		c.send(b)
	}
	time.Sleep(100 * time.Millisecond)
	begin := time.Now()
	f.dial().apiVersions(3)
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("an honest client waited %v", d)
	}
	if n := f.s.RequestBytes(); n > 8<<20 {
		t.Errorf("%d bytes are charged for nothing", n)
	}
	if a := allocated() - mem; a > 32<<20 {
		t.Errorf("allocated %d bytes", a)
	}
}

// Large frames that really come, more than the memory for requests: all are served, one after the other if need be.
func TestMoreThanTheBudget(t *testing.T) {
	f := newFixture(t, Config{RequestMemory: 1 << 20})
	const n = 6
	var clients []*client
	body := frameOf(18, 0, false, make([]byte, 3<<20))
	for range n {
		c := f.dial()
		clients = append(clients, c)
		go c.Write(body)
	}
	for _, c := range clients {
		if _, _, err := c.try(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIdleConnectionsAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("2,000 connections")
	}
	const n = 2000
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); lim.Cur < 2*n+200 {
		t.Skipf("only %d files may be open", lim.Cur)
	}
	f := newFixture(t, Config{})
	before := inUse()
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = f.dial()
		clients[i].apiVersions(3)
	}
	per := (inUse() - before) / n
	t.Logf("%d bytes per idle connection, the test's own client included", per)
	if per > 20<<10*raceFactor { // 10,000 of them in 200 MB
		t.Errorf("%d bytes per idle connection", per)
	}
	clients[n-1].apiVersions(0)
	for _, c := range clients {
		c.Close()
	}
	f.waitOpen(0)
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
