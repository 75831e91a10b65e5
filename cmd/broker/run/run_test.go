package run

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/storage"
)

func start(t *testing.T, dir string) *Broker {
	t.Helper()
	b, err := Start(Config{
		DataDir: dir, Memory: 128 << 20, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0",
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func serving(t *testing.T, b *Broker) *Broker {
	t.Helper()
	select {
	case <-b.Ready():
	case <-time.After(10 * time.Second):
		t.Fatalf("not ready: %+v", b.steps.Get())
	}
	return b
}

func stop(t *testing.T, b *Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// identity is what the data directory of a stopped broker says of itself.
func identity(t *testing.T, dir string) storage.Identity {
	t.Helper()
	m, err := storage.OpenMeta(filepath.Join(dir, "meta"), storage.MetaOptions{Fatal: func(r string) { t.Error(r) }, Note: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	id, err := m.Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestCleanMark: the mark of a clean shutdown names the epoch of the run that ended, and each start takes it away.
func TestCleanMark(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		b := serving(t, start(t, dir))
		if id, err := b.stores.meta.Identity(); err != nil || id.CleanEpoch != -1 {
			t.Fatalf("while running: %+v, %v", id, err)
		}
		epoch := b.epoch.Load()
		stop(t, b)
		if id := identity(t, dir); id.CleanEpoch != epoch || epoch <= 0 {
			t.Fatalf("the mark is %d, the epoch was %d", id.CleanEpoch, epoch)
		}
	}
}

// TestStopBeforeReady: a broker that has not got through its start ends too, and leaves its directory usable.
func TestStopBeforeReady(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		stop(t, start(t, dir))
	}
	stop(t, serving(t, start(t, dir)))
}

// TestRecordsWithoutMetadata: a new identity over old records would have them dropped as strays.
func TestRecordsWithoutMetadata(t *testing.T) {
	dir := t.TempDir()
	b := serving(t, start(t, dir))
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.KafkaAddr()), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "a", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	cl.Close()
	stop(t, b)
	if err := os.RemoveAll(filepath.Join(dir, "meta")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a refusal settles nothing
		_, err = Start(Config{DataDir: dir, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
		var bad DataDirError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), "meta/") {
			t.Fatalf("started over records that no metadata names: %v", err)
		}
	}
}

// TestMetricsLint holds what /metrics says against Prometheus's conventions: counters end in _total, every metric has a help text.
// The records of a broker are gone, by another's hand: it must not begin anew under the same name, now or at the next try.
func TestMetadataWithoutRecords(t *testing.T) {
	dir := t.TempDir()
	stop(t, serving(t, start(t, dir)))
	if err := os.RemoveAll(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := Start(Config{DataDir: dir, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
		var refused DataDirError
		if !errors.As(err, &refused) || !strings.Contains(refused.Text, "records in log/ are gone") {
			t.Fatalf("started over lost records: %v", err)
		}
	}
}

func TestMetricsLint(t *testing.T) {
	b := serving(t, start(t, t.TempDir()))
	defer stop(t, b)
	resp, err := http.Get("http://" + b.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	problems, err := promlint.New(resp.Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "broker_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
