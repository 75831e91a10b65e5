// Package origin keeps the three faults that this project was born from impossible, on a whole broker in this process:
// entries that are persisted and never applied, a start that waits for a leader before the Raft loop runs, and topics that a broker
// made on its own.
package origin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/cmd/broker/admin"
	"troupe/cmd/broker/run"
	"troupe/integration/harness"
	"troupe/raftnode"
	"troupe/storage"
)

func start(t *testing.T, dir string, faults raftnode.Faults) *run.Broker {
	t.Helper()
	began := time.Now()
	b, err := run.Start(run.Config{DataDir: dir, Listen: []string{"127.0.0.1:0"}, Admin: "127.0.0.1:0", PeerListen: "127.0.0.1:0", Faults: faults},
		slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Fatalf("Start took %v: it waits for somebody", took)
	}
	return b
}

func stop(t *testing.T, b *run.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func ready(t *testing.T, b *run.Broker) {
	t.Helper()
	select {
	case <-b.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("not ready: " + get(t, b, "/readyz?verbose"))
	}
}

func get(t *testing.T, b *run.Broker, path string) string {
	t.Helper()
	_, body, err := harness.Get(b.AdminAddr(), path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// finding waits until the doctor names code. What waits since the start it names after 4 s.
func finding(t *testing.T, b *run.Broker, code string) string {
	t.Helper()
	var list []admin.Finding
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err := json.Unmarshal([]byte(get(t, b, "/api/v1/doctor")), &list); err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if f.Code == code {
				return f.Text
			}
		}
	}
	t.Fatalf("the doctor does not name %s within 15 s, but %+v", code, list)
	return ""
}

func client(t *testing.T, b *run.Broker) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.KafkaAddr()), kgo.RequestRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// (a) Entries are committed and their application is never reported back to Raft, or they are persisted and never committed: the gauge
// shows it, the doctor names it, and whoever proposed gets an answer all the same.
func TestPersistedButNeverApplied(t *testing.T) {
	for name, want := range map[string]string{"apply": "not-applied", "append": "not-committed"} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			drop := func(int) bool { return broken.Load() }
			faults := raftnode.Faults{DropApplyResponse: drop}
			if name == "append" {
				faults = raftnode.Faults{DropAppendResponse: drop}
			}
			b := start(t, t.TempDir(), faults)
			defer stop(t, b)
			ready(t, b)
			if text := get(t, b, "/api/v1/doctor"); strings.TrimSpace(text) != "[]" {
				t.Fatalf("a healthy broker: %s", text)
			}
			broken.Store(true)
			cl := client(t, b)
			answered := make(chan error, 1)
			go func() {
				adm := kadm.NewClient(cl)
				adm.SetTimeoutMillis(3000)
				r, err := adm.CreateTopic(context.Background(), 1, 1, nil, "stuck")
				if err == nil {
					err = r.Err
				}
				answered <- err
			}()
			text := finding(t, b, want)
			if !strings.Contains(text, "persisted") || !strings.Contains(text, "committed") {
				t.Errorf("the doctor says %q", text)
			}
			if name == "apply" && !strings.Contains(get(t, b, "/metrics"), "\nbroker_raft_unapplied_entries ") ||
				name == "apply" && strings.Contains(get(t, b, "/metrics"), "\nbroker_raft_unapplied_entries 0\n") {
				t.Error("the gauge of entries that are not applied does not show it")
			}
			select {
			case err := <-answered:
				var ke *kerr.Error
				if name == "append" && (!errors.As(err, &ke) || ke != kerr.RequestTimedOut) {
					t.Errorf("the proposer got %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("the proposer got no answer")
			}
		})
	}
}

// (b) There is no leader, ever, for its own vote is lost: the start waits for nobody, says what it waits for, and serves what it can.
func TestStartWaitsForNoLeader(t *testing.T) {
	b := start(t, t.TempDir(), raftnode.Faults{DropAppendResponse: func(int) bool { return true }})
	defer stop(t, b)
	if text := finding(t, b, "boot-waits"); !strings.Contains(text, "metadata leader known") {
		t.Errorf("the doctor says %q", text)
	}
	verbose := get(t, b, "/readyz?verbose")
	if !strings.Contains(verbose, "[+] raft loop running") || !strings.Contains(verbose, "[-] metadata leader known  waits for an election") {
		t.Errorf("readyz:\n%s", verbose)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client(t, b)); err != nil {
		t.Errorf("ApiVersions without a leader: %v", err)
	}
}

// (b) again, after a restart: what the disk holds may not be all that was committed, so nobody is told that a topic does not exist, nor that
// there are none, before the log has caught up. Here it never does.
func TestNothingIsSaidBeforeTheLogHasCaughtUp(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, raftnode.Faults{})
	ready(t, b)
	if r, err := kadm.NewClient(client(t, b)).CreateTopic(context.Background(), 1, 1, nil, "known"); err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	stop(t, b)
	b = start(t, dir, raftnode.Faults{DropAppendResponse: func(int) bool { return true }})
	defer stop(t, b)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client(t, b)); err == nil {
		t.Errorf("a broker that does not know the cluster names %d brokers and %d topics", len(resp.Brokers), len(resp.Topics))
	}
	finding(t, b, "boot-waits")
}

// (c) A topic is only where the metadata says: what a crash or another hand left in the store is no topic, is dropped, and asking for
// a topic that nobody made does not make one here.
func TestNoTopicBesideTheMetadata(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, raftnode.Faults{})
	ready(t, b)
	adm := kadm.NewClient(client(t, b))
	if r, err := adm.CreateTopic(context.Background(), 2, 1, nil, "known"); err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	stop(t, b)

	d, err := storage.Open(dir+"/log", storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &storage.Write{Ops: []storage.Op{{Kind: storage.OpEpoch, PartID: 77, Epoch: 0, Offset: 0}}}
	if err := errors.Join(d.Apply(w), d.Wait(w), d.Close()); err != nil {
		t.Fatal(err)
	}

	b = start(t, dir, raftnode.Faults{})
	defer stop(t, b)
	ready(t, b)
	actors := get(t, b, "/api/v1/actors")
	if n := strings.Count(actors, `"kind": "partition"`); n != 2 {
		t.Errorf("%d partition actors, want the 2 of the topic", n)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		text := get(t, b, "/api/v1/doctor")
		if strings.TrimSpace(text) == "[]" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("data of a partition that nobody knows is still there: %s", text)
		}
	}
	cl := client(t, b)
	req := kmsg.NewPtrMetadataRequest()
	name := "unknown"
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	req.AllowAutoTopicCreation = false
	resp, err := req.RequestWith(context.Background(), cl)
	if err != nil || resp.Topics[0].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Fatal(resp, err)
	}
	if strings.Count(get(t, b, "/api/v1/actors"), `"kind": "partition"`) != 2 {
		t.Error("asking for a topic made one")
	}
}
