package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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

// row is one partition as `debug verify` tells it.
type row struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Pending   bool     `json:"pending"`
	Start     int64    `json:"start"`
	End       int64    `json:"end"`
	Batches   int64    `json:"batches"`
	Records   int64    `json:"records"`
	Bytes     int64    `json:"bytes"`
	Gaps      int64    `json:"gaps"`
	Producers int      `json:"producers"`
	Problems  []string `json:"problems"`
}

func (r row) name() string { return fmt.Sprintf("%s/%d", r.Topic, r.Partition) }

// specimen is a data directory that the real broker made and left behind in a crash, and what is in it.
type specimen struct {
	t     *testing.T
	dir   string
	rows  map[string]row // by name
	image string         // what `debug dump` says
	files []string       // relative to dir, those with bytes in them
	reads map[string]map[int64]uint64
	ends  map[string]int64
}

var specimenTopics = map[string]int32{"orders": 3, "small": 2, "keyed": 1}

// newSpecimen runs a broker twice and kills it twice: so there are tables, values, a manifest with history and logs in both stores.
func newSpecimen(t *testing.T) *specimen {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := &specimen{t: t, dir: filepath.Join(t.TempDir(), "data"), rows: map[string]row{}}
	b := harness.Start(t, s.dir, "--memory", "256MiB")
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Kafka), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	compact := "compact"
	for name, n := range specimenTopics {
		var config map[string]*string
		if name == "keyed" {
			config = map[string]*string{"cleanup.policy": &compact}
		}
		if res, err := adm.CreateTopics(ctx, n, 1, config, name); err != nil || res[name].Err != nil {
			t.Fatal(err, res[name].Err)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	produce := func(topic string, count, size int) {
		for i := range count {
			v := make([]byte, size)
			for k := range v {
				v[k] = byte(rng.Uint32())
			}
			cl.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(i) % specimenTopics[topic], Key: fmt.Append(nil, i%50), Value: v}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
			if i%20 == 19 {
				if err := cl.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cl.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		produce("orders", 240, 30_000)
		produce("small", 600, 100)
		produce("keyed", 200, 1000)
		var o kadm.Offsets
		o.Add(kadm.Offset{Topic: "orders", Partition: 1, At: 7, LeaderEpoch: -1})
		if err := adm.CommitAllOffsets(ctx, "readers", o); err != nil {
			t.Fatal(err)
		}
		b.Kill()
		b.Restart()
	}
	var del kadm.Offsets
	del.Add(kadm.Offset{Topic: "small", Partition: 1, At: 100, LeaderEpoch: -1})
	if _, err := adm.DeleteRecords(ctx, del); err != nil {
		t.Fatal(err)
	}
	produce("orders", 60, 30_000)
	produce("small", 100, 100)
	if s.reads, s.ends, err = readPartitions(ctx, t, b.Kafka); err != nil {
		t.Fatal(err)
	}
	b.Kill()
	if code, _, errOut := s.verify(s.dir, func(r row) { s.rows[r.name()] = r }); code != 0 {
		t.Fatalf("the specimen is damaged: %s", errOut)
	}
	out, err := exec.Command(harness.Binary(t), "debug", "dump", "--data-dir", s.dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	s.image = string(out)
	err = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.dir, path)
		if i, ierr := d.Info(); err == nil && ierr == nil && d.Type().IsRegular() && i.Size() > 0 && filepath.Base(path) != "BALLAST" && !strings.HasPrefix(rel, "dumps") {
			s.files = append(s.files, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.files)
	t.Logf("files: %v", s.files)
	return s
}

// verify runs `debug verify` on a directory and tells each partition.
func (s *specimen) verify(dir string, tell func(row)) (code int, out, errOut string) {
	cmd := exec.Command(harness.Binary(s.t), "debug", "verify", "-o", "json", "--data-dir", dir)
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Run()
	var rows []row
	_ = json.Unmarshal([]byte(o.String()), &rows) // nothing is printed where the directory is refused
	for _, r := range rows {
		tell(r)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// flip is one bit of one file.
type flip struct {
	file string
	at   int64
	bit  uint
}

func (f flip) String() string { return fmt.Sprintf("%s byte %d bit %d", f.file, f.at, f.bit) }

// flips are n of them: each file gets its share, a third of it at the begin and the end, where headers and footers are.
func (s *specimen) flips(n int, seed uint64) (out []flip) {
	rng := rand.New(rand.NewPCG(seed, 0))
	weight := func(file string) int {
		switch ext := filepath.Ext(file); {
		case ext == ".log" || ext == ".sst" || ext == ".blob":
			return 3
		case strings.Contains(file, "MANIFEST"):
			return 3
		}
		return 1
	}
	var bag []string
	for _, f := range s.files {
		for range weight(f) {
			bag = append(bag, f)
		}
	}
	for i := range n {
		file := bag[i%len(bag)]
		st, err := os.Stat(filepath.Join(s.dir, file))
		if err != nil {
			s.t.Fatal(err)
		}
		at := rng.Int64N(s.used(file, st.Size()))
		switch rng.IntN(6) {
		case 0:
			at = rng.Int64N(min(64, st.Size()))
		case 1:
			if filepath.Ext(file) != ".log" {
				at = st.Size() - 1 - rng.Int64N(min(128, st.Size()))
			}
		}
		out = append(out, flip{file, at, uint(rng.IntN(8))})
	}
	return out
}

// used is how much of a file is not just zeros at its end: logs are made at full size.
func (s *specimen) used(file string, size int64) int64 {
	if filepath.Ext(file) != ".log" {
		return size
	}
	b, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		s.t.Fatal(err)
	}
	for size > 1 && b[size-1] == 0 {
		size--
	}
	return size
}

func turn(t *testing.T, dir string, f flip) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, f.file), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var b [1]byte
	if _, err := file.ReadAt(b[:], f.at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << f.bit
	if _, err := file.WriteAt(b[:], f.at); err != nil {
		t.Fatal(err)
	}
}

// refused checks the one line with which a damaged directory is refused: it names what is damaged.
func (s *specimen) refused(what string, f flip, errOut string) {
	s.t.Helper()
	line := strings.TrimSuffix(errOut, "\n")
	if what == "start" && strings.Contains(line, "level=ERROR") { // it had begun to speak: of its log the one line counts that says why it ended
		var why []string
		for l := range strings.SplitSeq(line, "\n") {
			if strings.Contains(l, "level=ERROR") {
				why = append(why, l)
			}
		}
		line = strings.Join(why, "\n")
	}
	named := strings.Contains(line, filepath.Base(f.file)) || strings.Contains(line, "partition") || names(f.file, line, "MANIFEST") || names(f.file, line, "OPTIONS") || strings.Contains(line, strings.TrimLeft(strings.TrimSuffix(filepath.Base(f.file), filepath.Ext(f.file)), "0"))
	if strings.Contains(line, "\n") || !named {
		s.t.Errorf("%s: %v: refused with\n%s", what, f, errOut)
	}
}

// names says whether it is that kind of file and the line says so.
func names(file, line, kind string) bool {
	return strings.Contains(file, kind) && strings.Contains(line, kind)
}

// examine flips one bit and looks with `debug verify`, which changes nothing; then the bit is turned back. It says what became of it.
func (s *specimen) examine(f flip) string {
	s.t.Helper()
	turn(s.t, s.dir, f)
	defer turn(s.t, s.dir, f)
	seen := map[string]row{}
	code, out, errOut := s.verify(s.dir, func(r row) { seen[r.name()] = r })
	if code == 1 {
		s.refused("verify", f, errOut)
		return "refused"
	}
	if code != 0 && code != 3 {
		s.t.Errorf("%v: verify: code %d\n%s%s", f, code, out, errOut)
		return "failed"
	}
	bad := 0
	for name, want := range s.rows {
		got, ok := seen[name]
		switch {
		case !ok:
			s.t.Errorf("%v: verify: partition %s is gone, in silence: code %d", f, name, code)
		case len(got.Problems) > 0:
			bad++
		case fmt.Sprint(got) != fmt.Sprint(want):
			s.t.Errorf("%v: verify: partition %s is %+v, and was %+v", f, name, got, want)
		}
	}
	if (bad > 0) != (code == 3) {
		s.t.Errorf("%v: verify: %d partitions with problems, code %d", f, bad, code)
	}
	if code == 3 {
		return "named"
	}
	if out, err := exec.Command(harness.Binary(s.t), "debug", "dump", "--data-dir", s.dir).Output(); err != nil || string(out) != s.image {
		s.t.Errorf("%v: dump: %v: the metadata is\n%s\nand was\n%s", f, err, out, s.image)
	}
	return "harmless"
}

// serve flips one bit in a copy and starts a broker on it: what it serves is right, and what it does not serve is refused.
func (s *specimen) serve(f flip) string {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "data")
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		s.t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	turn(s.t, dir, f)
	b := harness.New(s.t, dir, "--memory", "256MiB")
	defer b.Kill()
	if out, errOut, code := b.StartOrRefuse(); code != 0 {
		if code != 1 || out != "" {
			s.t.Errorf("%v: start: code %d\n%s%s", f, code, out, errOut)
		}
		s.refused("start", f, errOut)
		return "refused"
	}
	// Each fetch of a damaged block searches it for the bit that flipped, for a second and more on a busy machine, and many offsets may lie in it.
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	got, ends, err := readPartitions(ctx, s.t, b.Kafka)
	if err != nil {
		code, errOut := b.Ended(5 * time.Second)
		if code != 1 {
			s.t.Errorf("%v: served: %v; code %d\n%s", f, err, code, errOut)
		}
		s.refused("start", f, errOut)
		return "ended"
	}
	outcome := "harmless"
	for name, want := range s.reads {
		have, ok := got[name]
		if !ok {
			s.t.Errorf("%v: served: partition %s is gone", f, name)
			continue
		}
		if ends[name] >= 0 && ends[name] != s.ends[name] {
			s.t.Errorf("%v: served: partition %s ends at %d, and ended at %d", f, name, ends[name], s.ends[name])
		}
		for at, sum := range have {
			if want[at] != sum && sum != refusedBatch {
				s.t.Errorf("%v: served: partition %s holds another record at offset %d", f, name, at)
			}
		}
		for at := range want {
			if sum, ok := have[at]; ends[name] >= 0 && !ok {
				s.t.Errorf("%v: served: partition %s: offset %d is gone, in silence", f, name, at)
				break
			} else if sum == refusedBatch || !ok {
				outcome = "refused in part"
			}
		}
	}
	return outcome
}

// refusedBatch stands for a record that a fetch refuses.
const refusedBatch = 0

// readPartitions reads all that the topics hold: for each partition offset -> sum of the record, and its end. Where the broker refuses the offset
// it goes on behind it; a partition that refuses everything has end -1.
func readPartitions(ctx context.Context, t *testing.T, boot string) (out map[string]map[int64]uint64, ends map[string]int64, err error) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot), kgo.RequestRetries(2), kgo.RetryTimeout(3*time.Second),
		kgo.RequestTimeoutOverhead(50*time.Second)) // a damaged block is searched for the bit, which takes long on a busy machine
	if err != nil {
		return nil, nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	list, err := adm.ListTopics(ctx, slices.Collect(maps.Keys(specimenTopics))...)
	if err != nil {
		return nil, nil, err
	}
	starts, _ := adm.ListStartOffsets(ctx, slices.Collect(maps.Keys(specimenTopics))...)
	stops, _ := adm.ListEndOffsets(ctx, slices.Collect(maps.Keys(specimenTopics))...)
	out, ends = map[string]map[int64]uint64{}, map[string]int64{}
	for topic, n := range specimenTopics {
		d, ok := list[topic]
		if !ok || d.Err != nil || len(d.Partitions) != int(n) {
			continue
		}
		for p := range n {
			name := fmt.Sprintf("%s/%d", topic, p)
			out[name], ends[name] = map[int64]uint64{}, -1
			start, end := starts[topic][p], stops[topic][p]
			if start.Err == nil && end.Err == nil && end.Topic != "" {
				ends[name] = end.Offset
				if err := readPartition(ctx, t, cl, d.ID, topic, p, start.Offset, end.Offset, out[name]); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	return out, ends, nil
}

func readPartition(ctx context.Context, t *testing.T, cl *kgo.Client, id [16]byte, topic string, p int32, at, end int64, out map[int64]uint64) error {
	t.Helper()
	for refused := 0; at < end; {
		req := kmsg.NewPtrFetchRequest()
		req.MaxBytes, req.MinBytes, req.MaxWaitMillis = 1<<20, 1, 100
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = p, at, 1<<20
		rt := kmsg.NewFetchRequestTopic()
		rt.Topic, rt.TopicID, rt.Partitions = topic, id, append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		resp, err := req.RequestWith(ctx, cl)
		if err != nil || len(resp.Topics) != 1 {
			return fmt.Errorf("fetch of %s/%d at %d: %w", topic, p, at, err)
		}
		got := resp.Topics[0].Partitions[0]
		if got.ErrorCode != 0 {
			if refused++; got.ErrorCode != kerr.KafkaStorageError.Code || refused > 5000 {
				t.Errorf("fetch of %s/%d at %d: %v", topic, p, at, kerr.ErrorForCode(got.ErrorCode))
				return nil
			}
			out[at] = refusedBatch
			at++
			continue
		}
		next := at
		for b := got.RecordBatches; len(b) > 0; {
			batch := record.Batch(b[:int(record.Batch(b).Length())+record.Overhead])
			b = b[len(batch):]
			list, err := record.Records(batch)
			if err != nil || batch.Sum() != batch.CRC() {
				t.Errorf("fetch of %s/%d at %d: a damaged batch was served: %v", topic, p, at, err)
				return nil
			}
			for _, r := range list {
				if r.Offset >= at {
					h := fnv.New64a()
					h.Write(r.Key)
					h.Write(r.Value)
					out[r.Offset] = h.Sum64() | 1
				}
			}
			next = batch.LastOffset() + 1
		}
		if next == at {
			t.Errorf("fetch of %s/%d at %d of %d: nothing", topic, p, at, end)
			return nil
		}
		at = next
	}
	return nil
}

func number(name string, n int) int {
	if k, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return k
	}
	return n
}

// twin is the same specimen in a folder of its own.
func (s *specimen) twin(t *testing.T) *specimen {
	t.Helper()
	own := *s
	own.t, own.dir = t, filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(own.dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	return &own
}

// lanes is how many flips are tried at a time, each lane on its own twin: most of the time goes to programs that start and end.
const lanes = 2

// TestFlips: one bit that flips anywhere on the disk of a broker is named, or does no harm; nothing is changed or missing in silence.
func TestFlips(t *testing.T) {
	s := newSpecimen(t)
	all := s.flips(number("FLIPS", 40), uint64(number("SEED", 1)))
	var mu sync.Mutex
	looked, served := map[string]int{}, map[string]int{}
	note := func(to map[string]int, what string) {
		mu.Lock()
		defer mu.Unlock()
		to[what]++
	}
	t.Run("lanes", func(t *testing.T) {
		for lane := range lanes {
			t.Run(strconv.Itoa(lane), func(t *testing.T) {
				t.Parallel()
				own := s.twin(t)
				for i := lane; i < len(all) && (i <= 300 || !t.Failed()); i += lanes {
					note(looked, own.examine(all[i]))
					if i%5 == 0 {
						note(served, own.serve(all[i]))
					}
				}
			})
		}
	})
	t.Logf("looked at by verify: %v; served: %v", looked, served)
	if looked["refused"] == 0 || looked["named"] == 0 {
		t.Error("no flip was refused, or none was named: the test proves little")
	}
}
