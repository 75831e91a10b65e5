package run

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
	"troupe/storage"
)

// faulty is a data store whose disk does what a test wants.
type faulty struct {
	storage.Data
	mu      sync.Mutex
	wait    func() // in the place of an fsync, before it
	apply   func()
	list    func()
	free    func() (uint64, bool)
	metrics map[string]float64 // in the place of the store's own
}

func (f *faulty) set(change func(f *faulty)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *faulty) call(which func(f *faulty) func()) {
	f.mu.Lock()
	fn := which(f)
	f.mu.Unlock()
	if fn != nil {
		fn()
	}
}

func (f *faulty) Wait(w *storage.Write) error {
	f.call(func(f *faulty) func() { return f.wait })
	return f.Data.Wait(w)
}

func (f *faulty) Apply(w *storage.Write) error {
	f.call(func(f *faulty) func() { return f.apply })
	return f.Data.Apply(w)
}

func (f *faulty) Partitions() ([]uint32, error) {
	f.call(func(f *faulty) func() { return f.list })
	return f.Data.Partitions()
}

func (f *faulty) Free() (uint64, bool) {
	f.mu.Lock()
	free := f.free
	f.mu.Unlock()
	if free != nil {
		return free()
	}
	return f.Data.Free()
}

func (f *faulty) Metrics() map[string]float64 {
	m := f.Data.Metrics()
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, v := range f.metrics {
		m[k] = v
	}
	return m
}

// ward is a broker on a disk of the test's own.
type ward struct {
	*Broker
	t    *testing.T
	disk *faulty
}

func newWard(t *testing.T, change func(c *Config)) *ward {
	t.Helper()
	w := &ward{t: t, disk: &faulty{}}
	cfg := Config{ // the heap is that of all brokers of these tests
		DataDir: t.TempDir(), Memory: MinMemory, Beside: 64, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0",
		Disk: func(d storage.Data) storage.Data { w.disk.Data = d; return w.disk },
	}
	if change != nil {
		change(&cfg)
	}
	b, err := Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	debug.SetMemoryLimit(1 << 40) // it is the process's, and other tests run in it
	w.Broker = serving(t, b)
	t.Cleanup(func() { stop(t, b) })
	return w
}

func (w *ward) json(path string, v any) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(read(w.t, w.Broker, path)), v); err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
}

// finds waits until the doctor names code, and says what he says.
func (w *ward) finds(code string) string {
	w.t.Helper()
	var list []admin.Finding
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		w.json("/api/v1/doctor", &list)
		for _, f := range list {
			if f.Code == code {
				return f.Text
			}
		}
	}
	w.t.Fatalf("the doctor does not name %s, but %+v", code, list)
	return ""
}

// healthy waits until the doctor finds nothing.
func (w *ward) healthy() {
	w.t.Helper()
	list := []admin.Finding{{}}
	for end := time.Now().Add(30 * time.Second); len(list) > 0; time.Sleep(50 * time.Millisecond) {
		if w.json("/api/v1/doctor", &list); time.Now().After(end) {
			w.t.Fatalf("not healthy: %+v", list)
		}
	}
}

func (w *ward) client(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(w.KafkaAddr()), kgo.AllowAutoTopicCreation(), kgo.ClientID("checkout"), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.DisableIdempotentWrite(), kgo.ProducerBatchMaxBytes(1_000_000), kgo.MaxProduceRequestsInflightPerBroker(20), kgo.ProduceRequestTimeout(time.Minute),
	}, opts...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	return cl
}

func (w *ward) produce(cl *kgo.Client, topic string, n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: make([]byte, n)}).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// TestDoctorStuckDisk: an fsync that does not return is named within seconds, with the requests that wait for it, and those that find no
// memory for their records behind it; all of it is over when the disk goes on.
func TestDoctorStuckDisk(t *testing.T) {
	t.Parallel()
	w := newWard(t, nil)
	cl := w.client()
	w.produce(cl, "orders", 10)
	w.healthy()
	gate := make(chan struct{})
	w.disk.set(func(f *faulty) { f.wait = func() { <-gate } })
	var sent sync.WaitGroup
	for i := range 2 * int(w.doorCfg.RequestMemory) / 900_000 {
		if i%16 == 15 {
			cl = w.client()
		}
		sent.Add(1)
		cl.Produce(context.Background(), &kgo.Record{Topic: "orders", Value: make([]byte, 900_000)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
			sent.Done()
		})
	}
	if text := w.finds("disk-stuck"); !strings.Contains(text, "fsync") {
		t.Error(text)
	}
	if text := w.finds("budget-exhausted"); !strings.Contains(text, `"checkout" at 127.0.0.1`) {
		t.Error(text)
	}
	var open []admin.Trace
	w.json("/api/v1/traces/open", &open)
	awaited := map[string]int{}
	for _, o := range open {
		awaited[o.Awaiting]++
	}
	if awaited["fsync"] == 0 || awaited["request-budget"] == 0 {
		t.Errorf("open operations await %v", awaited)
	}
	if text := w.finds("requests-stuck"); !strings.Contains(text, "Produce") || !strings.Contains(text, "orders/0") {
		t.Error(text)
	}
	w.disk.set(func(f *faulty) { f.wait = nil })
	close(gate)
	sent.Wait()
	w.healthy()
	var slow []admin.Trace
	w.json("/api/v1/traces/slow?api=produce&min=1s", &slow)
	causes := map[string]int{}
	for _, s := range slow {
		causes[s.Cause]++
	}
	if causes["fsync"] == 0 {
		t.Errorf("kept with causes %v", causes)
	}
}

// TestDoctorDisk: what the store and its file system say of themselves.
// A file system that hangs hangs nobody who asks how the broker is.
func TestStatusWhileTheFileSystemHangs(t *testing.T) {
	w := newWard(t, nil)
	hangs, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	defer close(gate)
	w.disk.set(func(f *faulty) {
		f.free = func() (uint64, bool) { once.Do(func() { close(hangs) }); <-gate; return 1 << 40, false }
	})
	<-hangs
	var st admin.Status
	w.json("/api/v1/status", &st)
	if st.Disk.FreeBytes == 0 || st.Disk.Full {
		t.Errorf("%+v, want what was known last", st.Disk)
	}
}

func TestDoctorDisk(t *testing.T) {
	t.Parallel()
	w := newWard(t, nil)
	cl := w.client()
	w.produce(cl, "orders", 10)
	w.healthy()

	gate := make(chan struct{})
	w.disk.set(func(f *faulty) { f.apply = func() { <-gate } })
	cl.Produce(context.Background(), &kgo.Record{Topic: "orders", Value: []byte("x")}, nil)
	w.finds("store-stuck")
	w.disk.set(func(f *faulty) { f.apply = nil })
	close(gate)
	w.healthy()

	silent := make(chan struct{})
	w.disk.set(func(f *faulty) { f.list = func() { <-silent } })
	w.finds("store-silent")
	w.disk.set(func(f *faulty) { f.list = nil })
	close(silent)
	w.healthy()

	w.disk.set(func(f *faulty) {
		f.metrics = map[string]float64{"disk_min_free_bytes": 10 << 20, "damaged_reads_total": 2, "store_failed": 1, "background_errors_total": 3}
		f.free = func() (uint64, bool) { return 15 << 20, false }
	})
	for _, code := range []string{"disk-filling", "damaged", "store-failed", "store-errors"} {
		w.finds(code)
	}
	w.disk.set(func(f *faulty) { f.metrics, f.free = nil, func() (uint64, bool) { return 5 << 20, true } })
	w.finds("disk-full")
	w.disk.set(func(f *faulty) { f.free = nil })
	w.healthy()

	for range syncSamplesOfTest {
		w.syncs.Add(int64(300 * time.Millisecond))
	}
	w.finds("fsync-slow")
}

const syncSamplesOfTest = 100

// TestDoctorLoad: actors, the pool, and the limits of connections.
func TestDoctorLoad(t *testing.T) {
	t.Parallel()
	w := newWard(t, func(c *Config) { c.Static = map[string]string{"max.connections": "3"} })
	w.healthy()
	gate := make(chan struct{})
	stuck := w.sys.Spawn("stuck", receiver(func(m any) {
		if m == "wait" {
			<-gate
		}
	}), kit.Options{})
	stuck.Tell("wait")
	if text := w.finds("actor-blocked"); !strings.Contains(text, "stuck has had") {
		t.Error(text)
	}
	close(gate)
	w.healthy()

	over := make(chan struct{})
	behind := w.sys.Spawn("behind", receiver(func(m any) {
		select {
		case <-over:
		case <-time.After(300 * time.Millisecond):
		}
	}), kit.Options{})
	for range 100 {
		behind.Tell("work")
	}
	w.finds("mailbox-backed-up")
	close(over)

	free := make(chan struct{})
	for range 2 * poolSize {
		w.sys.Go(stuck, func() any { <-free; return nil })
	}
	w.finds("pool-exhausted")
	close(free)
	w.healthy()

	for range 10 {
		c, err := net.Dial("tcp", w.KafkaAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	w.finds("connections-refused")
}

type receiver func(m any)

func (r receiver) Receive(_ kit.Context, m any) { r(m) }

// TestDoctorSlowClient: a client that asks for much and reads nothing.
func TestDoctorSlowClient(t *testing.T) {
	t.Parallel()
	w := newWard(t, func(c *Config) { c.Memory = 256 << 20 }) // so that an answer may be longer than what the kernel keeps of it
	cl := w.client()
	for range 20 {
		w.produce(cl, "big", 900_000)
	}
	w.healthy()
	c, err := net.Dial("tcp", w.KafkaAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes = 11, 50<<20
	req.Topics = []kmsg.FetchRequestTopic{{Topic: "big", Partitions: []kmsg.FetchRequestTopicPartition{{PartitionMaxBytes: 50 << 20, CurrentLeaderEpoch: -1}}}}
	if _, err := c.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("sleepy")).AppendRequest(nil, req, 1)); err != nil {
		t.Fatal(err)
	}
	if text := w.finds("slow-client"); !strings.Contains(text, `client "sleepy" at 127.0.0.1`) {
		t.Error(text)
	}
	c.Close()
	w.healthy()
}

// TestDoctorLeaderless looks at an image: one node has no way to lose a leader and stay up.
func TestDoctorLeaderless(t *testing.T) {
	w := newWard(t, nil)
	w.produce(w.client(), "orders", 1)
	img := w.pub.Get().Image
	if n, _ := leaderless(img); n != 0 {
		t.Fatalf("%d partitions without a leader", n)
	}
	id := meta.RequestID{Node: 9, Incarnation: 9, Seq: 1}
	fenced, _, res := meta.Apply(img, img.Index()+1, meta.Envelope{ID: id, Cmd: meta.FenceBroker{BrokerID: 1, BrokerEpoch: w.epoch.Load()}})
	if n, first := leaderless(fenced); n != 1 || first != "orders/0" {
		t.Errorf("%d partitions without a leader, such as %q (%+v)", n, first, res)
	}
}

// TestWatch: jumps of the clock, both ways, are told for a quarter of an hour; counters are those of the last minute.
func TestWatch(t *testing.T) {
	var rejected int64
	w := newWatch(func() look { return look{rejected: rejected} }, func() {})
	wall, mono := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Duration(0)
	tick := func(d, jump time.Duration) {
		wall, mono = wall.Add(d+jump), mono+d
		w.tick(wall, mono)
	}
	tick(watchEvery, 0)
	rejected = 5
	tick(watchEvery, 20*time.Millisecond) // as time synchronisation does
	since, jumps := w.lately(wall)
	if len(jumps) != 0 || since.rejected != 5 {
		t.Errorf("%v %v", since.rejected, jumps)
	}
	tick(watchEvery, time.Hour)
	tick(watchEvery, -2*time.Hour)
	if _, jumps = w.lately(wall); len(jumps) != 1 || jumps[0].By != -7200 { // the other one is an hour from now, by the clock as it is
		t.Errorf("%v", jumps)
	}
	for range 20 {
		tick(watchEvery, 0)
	}
	if since, jumps = w.lately(wall.Add(jumpsFor)); since.rejected != 0 || len(jumps) != 0 {
		t.Errorf("%v %v", since.rejected, jumps)
	}
	if m, f := memoryNow(), filesNow(); m.LimitBytes == 0 || f.Open == 0 || f.Limit < f.Open {
		t.Errorf("%+v %+v", m, f)
	}
}

// TestSlowProduceIsFound: among many quick produces one meets a slow disk; afterwards the broker says which, and why (T9 end to end).
func TestSlowProduceIsFound(t *testing.T) {
	t.Parallel()
	w := newWard(t, nil)
	cl := w.client()
	for i := range 200 {
		if i == 100 {
			w.disk.set(func(f *faulty) { f.wait = func() { time.Sleep(1100 * time.Millisecond) } })
		}
		w.produce(cl, "orders", 100)
		w.disk.set(func(f *faulty) { f.wait = nil })
	}
	var slow []admin.Trace
	w.json("/api/v1/traces/slow?api=Produce&topic=orders&client=checkout&min=1s&since=10m", &slow)
	// On a machine that is busy with other things, others may be slow too.
	slow = slices.DeleteFunc(slow, func(x admin.Trace) bool { return x.Offset == nil || *x.Offset != 100 })
	if len(slow) != 1 || slow[0].Cause != "fsync" {
		t.Fatalf("%+v", slow)
	}
	var one admin.Trace
	w.json("/api/v1/traces/"+slow[0].ID, &one)
	names, sum := []string{}, 0.0
	for _, s := range one.Spans {
		names = append(names, s.Stage)
		sum += s.TookMs
	}
	if got := strings.Join(names, " "); got != "parsed begun settled taken applied synced answered encoded writing written" || sum < one.TotalMs*0.98 || sum > one.TotalMs*1.02 {
		t.Errorf("%s: %.1f of %.1f ms", got, sum, one.TotalMs)
	}
	var out strings.Builder
	one.Waterfall(&out)
	if !regexp.MustCompile(`the disk took \d+\.\d s: fsync\.`).MatchString(out.String()) {
		t.Error(out.String())
	}
}

// TestNoPayloadInRecords: a key and a value leave no trace in anything that the admin address says (T17).
func TestNoPayloadInRecords(t *testing.T) {
	t.Parallel()
	w := newWard(t, func(c *Config) { c.TraceSlow = time.Nanosecond })
	cl := w.client()
	const marker = "s3cr3t-payload"
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "orders", Key: []byte("k" + marker), Value: []byte("v" + marker), Headers: []kgo.RecordHeader{{Key: marker, Value: []byte(marker)}}}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var slow []admin.Trace
	for end := time.Now().Add(30 * time.Second); len(slow) == 0; time.Sleep(10 * time.Millisecond) { // a record ends a moment after its answer
		if w.json("/api/v1/traces/slow?api=Produce", &slow); time.Now().After(end) {
			t.Fatal("nothing was recorded")
		}
	}
	for _, path := range []string{"traces/slow", "traces/errors", "traces/healthy", "traces/open", "actors", "work", "health", "doctor", "status"} {
		if strings.Contains(read(t, w.Broker, "/api/v1/"+path), marker) {
			t.Errorf("%s shows a payload", path)
		}
	}
	if dump := w.sys.FlightRecord("test") + fmt.Sprint(w.trace.Open()); strings.Contains(dump, marker) {
		t.Error("a dump shows a payload")
	}
}

// TestDumpIsBounded: with very many requests under way, whose clients have long names, a dump shows the oldest and stays small (T11).
func TestDumpIsBounded(t *testing.T) {
	t.Parallel()
	w := newWard(t, nil)
	name := strings.Repeat("c", 30_000)
	var all []*trace.Op
	for i := range 3000 {
		o := w.trace.Begin(uint64(i), "10.0.0.1")
		o.SetClient(&name)
		o.SetTopic(&name, 0, 1)
		all = append(all, o)
	}
	dump := w.sys.FlightRecord("test")
	if !strings.Contains(dump, "open operations 3000") || len(dump) > 64<<10 {
		t.Errorf("a dump of %d bytes", len(dump))
	}
	for _, o := range all {
		o.End(trace.Gone)
	}
}
