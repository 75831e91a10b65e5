// Package faults runs the real broker on disks that fail: full ones, and ones on which bits flip.
package faults

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/integration/harness"
	"troupe/storage/record"
)

const topic = "orders"

// site is a broker on a disk of its own, and what it has promised.
type site struct {
	*harness.Broker
	t    *testing.T
	ctx  context.Context
	disk *harness.Disk
	cl   *kgo.Client
	adm  *kadm.Client

	mu    sync.Mutex
	acked map[int64]uint64 // offset -> number, of partition 0
	next  uint64
}

func newSite(t *testing.T, disk *harness.Disk) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	t.Cleanup(cancel)
	s := &site{t: t, ctx: ctx, disk: disk, acked: map[int64]uint64{}, Broker: harness.Start(t, filepath.Join(disk.Dir, "data"), "--memory", "256MiB")}
	s.connect()
	s.create(topic)
	return s
}

// connect takes a new client: one remembers the ids of topics.
func (s *site) connect() {
	s.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RecordRetries(0), kgo.DisableIdempotentWrite(),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProduceRequestTimeout(3*time.Second), kgo.MaxProduceRequestsInflightPerBroker(8),
		kgo.MaxBufferedRecords(64), kgo.ProducerLinger(0))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(cl.Close)
	s.cl, s.adm = cl, kadm.NewClient(cl)
}

func (s *site) create(name string) {
	s.t.Helper()
	if res, err := s.adm.CreateTopics(s.ctx, 1, 1, nil, name); err != nil || res[name].Err != nil {
		s.t.Fatal(err, res[name].Err)
	}
}

// offer produces a record of size bytes to partition 0, and remembers it when it is acknowledged.
func (s *site) offer(size int, done func(error)) {
	s.mu.Lock()
	n := s.next
	s.next++
	s.mu.Unlock()
	v := make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		binary.BigEndian.PutUint64(v[i:], n*0x9e3779b97f4a7c15+uint64(i))
	}
	binary.BigEndian.PutUint64(v, n)
	s.cl.Produce(s.ctx, &kgo.Record{Topic: topic, Value: v}, func(r *kgo.Record, err error) {
		if err == nil {
			s.mu.Lock()
			s.acked[r.Offset] = n
			s.mu.Unlock()
		}
		done(err)
	})
}

// offerUntil produces until a record is refused for another reason than that the disk is slow, and gives the error.
func (s *site) offerUntil(size int) error {
	s.t.Helper()
	bad := make(chan error, 1)
	for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); {
		s.offer(size, func(err error) {
			if err != nil && !errors.Is(err, kerr.RequestTimedOut) {
				select {
				case bad <- err:
				default:
				}
			}
		})
		select {
		case err := <-bad:
			_ = s.cl.Flush(s.ctx)
			return err
		default:
		}
	}
	s.t.Fatal("the disk did not become full")
	return nil
}

// refusal is code and text of the answer to one batch.
func (s *site) refusal() (code int16, text string) {
	s.t.Helper()
	b, err := record.Build(record.Plain(), []record.Record{{Value: []byte("one more")}})
	if err != nil {
		s.t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 3000
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = b
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID, t.Partitions = topic, s.topicID(), append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(s.ctx, s.cl)
	if err != nil {
		s.t.Fatal(err)
	}
	out := resp.Topics[0].Partitions[0]
	if out.ErrorMessage != nil {
		text = *out.ErrorMessage
	}
	return out.ErrorCode, text
}

// refuses fills the disk and demands that a record is refused. It is tried again where one was accepted, for the space of what was deleted
// before may have been given back between the two.
func (s *site) refuses(what string) {
	s.t.Helper()
	for range 20 {
		s.disk.Fill(0)
		if code, _ := s.refusal(); code != 0 {
			return
		}
	}
	s.t.Errorf("%s: records are accepted by a full disk", what)
}

func (s *site) topicID() [16]byte {
	list, err := s.adm.ListTopics(s.ctx, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	return list[topic].ID
}

// goesOn checks what a full disk must not stop: reading, commits, metadata, new topics.
func (s *site) goesOn(what string) {
	s.t.Helper()
	s.readAll(what)
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: topic, At: int64(len(what)), LeaderEpoch: -1})
	if err := s.adm.CommitAllOffsets(s.ctx, "readers", o); err != nil {
		s.t.Errorf("%s: commit: %v", what, err)
	}
	if got, err := s.adm.FetchOffsets(s.ctx, "readers"); err != nil || got[topic][0].At != int64(len(what)) {
		s.t.Errorf("%s: committed %v, %v", what, got, err)
	}
	s.create(strings.ReplaceAll(what, " ", "-"))
}

// readAll reads partition 0 and holds it against what was acknowledged.
func (s *site) readAll(what string) {
	s.t.Helper()
	starts, err := s.adm.ListStartOffsets(s.ctx, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	ends, err := s.adm.ListEndOffsets(s.ctx, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	start, end := starts[topic][0].Offset, ends[topic][0].Offset
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(start)}}))
	if err != nil {
		s.t.Fatal(err)
	}
	defer cl.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for next := start; next < end; {
		fs := cl.PollFetches(s.ctx)
		if s.ctx.Err() != nil {
			s.t.Fatalf("%s: read up to %d of %d, then no more", what, next, end)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if r.Offset != next {
				s.t.Errorf("%s: offset %d where %d should be", what, r.Offset, next)
			}
			next = r.Offset + 1
			if n, ok := s.acked[r.Offset]; ok && binary.BigEndian.Uint64(r.Value) != n {
				s.t.Errorf("%s: offset %d holds record %d, acknowledged was %d", what, r.Offset, binary.BigEndian.Uint64(r.Value), n)
			}
		})
	}
	for at := range s.acked {
		if at >= end {
			s.t.Errorf("%s: offset %d was acknowledged, and the log ends at %d", what, at, end)
		}
	}
}

// recovers waits until records are accepted again, by the same process.
func (s *site) recovers(what string) {
	s.t.Helper()
	pid := s.PID
	var err error
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		bad := make(chan error, 1)
		s.offer(100, func(err error) { bad <- err })
		if err = <-bad; err == nil {
			if s.PID != pid {
				s.t.Errorf("%s: another process", what)
			}
			return
		}
	}
	s.t.Fatalf("%s: %d MiB are free, and records are refused: %v\n%s", what, s.disk.Free()>>20, err, s.Log())
}

// deleteBelow deletes the records of partition 0 up to its end.
func (s *site) deleteAll(what string) {
	s.t.Helper()
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: topic, At: -1, LeaderEpoch: -1})
	if res, err := s.adm.DeleteRecords(s.ctx, o); err != nil || res[topic][0].Err != nil {
		s.t.Errorf("%s: DeleteRecords: %v %v", what, err, res[topic][0].Err)
	}
}

// TestFullByRecords: a broker that fills its own disk refuses records early, with a code that is tried again and a text, and goes on with the
// rest; deleted records and a deleted topic each bring it back, without a restart.
func TestFullByRecords(t *testing.T) {
	t.Parallel()
	s := newSite(t, harness.NewDisk(t, 192<<20))
	s.fill("filled once")
	s.deleteAll("filled once")
	s.recovers("records deleted")

	s.fill("filled twice")
	if res, err := s.adm.DeleteTopics(s.ctx, topic); err != nil || res[topic].Err != nil {
		t.Fatal(err, res[topic].Err)
	}
	s.mu.Lock()
	s.acked = map[int64]uint64{}
	s.mu.Unlock()
	s.connect()
	s.create(topic)
	s.recovers("topic deleted")

	s.readAll("topic deleted")
	s.Kill()
	s.verify()
}

// TestDiskEnlarged: a larger disk brings it back too.
func TestDiskEnlarged(t *testing.T) {
	t.Parallel()
	s := newSite(t, harness.NewMemoryDisk(t, 96<<20))
	s.fill("filled")
	s.disk.Enlarge(256 << 20)
	s.recovers("disk enlarged")
	s.readAll("disk enlarged")
	s.Kill()
	s.verify()
}

// fill produces until the broker refuses, and checks how it does.
func (s *site) fill(what string) {
	s.t.Helper()
	if err := s.offerUntil(100_000); !errors.Is(err, kerr.KafkaStorageError) {
		s.t.Errorf("%s: refused with %v", what, err)
	}
	if code, text := s.refusal(); code != kerr.KafkaStorageError.Code || !strings.Contains(text, "nearly full") {
		s.t.Errorf("%s: refused with %d %q", what, code, text)
	}
	if free := s.disk.Free(); free < 4<<20 {
		s.t.Errorf("%s: only %d bytes are left", what, free)
	}
	s.goesOn(what)
}

func (s *site) verify() {
	s.t.Helper()
	if out, errOut, code := s.CLI("", "debug", "verify", "--data-dir", s.Dir); code != 0 {
		s.t.Errorf("debug verify: code %d\n%s%s", code, out, errOut)
	}
}

// TestFullByOthers: another program takes all space in the midst of load. Nobody dies, nothing that was acknowledged is lost or changed, reads go
// on, and when space is free again all goes on without a restart. A start on a full disk works or says why not in one line.
func TestFullByOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t, harness.NewDisk(t, 256<<20))
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				bad := make(chan error, 1)
				s.offer(50_000, func(err error) { bad <- err })
				if err := <-bad; err != nil {
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
	for round := range 3 {
		what := fmt.Sprintf("taken %d", round)
		time.Sleep(700 * time.Millisecond)
		filler := s.disk.Fill(0)
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			s.disk.Fill(0) // what the broker gives up is taken too
		}
		s.readAll(what)
		s.refuses(what)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		s.recovers(what)
		s.deleteAll(what)
	}
	close(stop)
	load.Wait()
	_ = s.cl.Flush(s.ctx)
	s.readAll("after all")

	s.disk.Fill(0)
	s.Kill()
	filler := filepath.Join(s.disk.Dir, "filler")
	if out, errOut, code := s.StartOrRefuse(); code != 0 && (code != 1 || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, "the disk is full")) {
		t.Errorf("start on a full disk: code %d\n%s%s", code, out, errOut)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Restart()
	s.recovers("restarted")
	s.readAll("restarted")
	s.Kill()
	s.verify()
}
