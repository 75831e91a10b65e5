package metadata

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/sim"
)

// broker is one real node: the real kit, and Pebble on a file system.
type broker struct {
	sys   *kit.Troupe
	store storage.Meta
	board *raftnode.Board
	ref   *kit.Ref
	node  *kit.Ref
	epoch int64
}

// looker stands in the node's place: it sees what it is shown.
type looker struct{}

func (looker) Receive(_ kit.Context, m any) {
	if c, ok := m.(*Changed); ok {
		c.Reply(Seen{c})
	}
}

// onDir opens the store of a directory.
func onDir(t testing.TB, dir string) storage.Meta {
	t.Helper()
	store, err := storage.OpenMeta(dir, storage.MetaOptions{})
	must(t, err)
	return store
}

func startBroker(t testing.TB, store storage.Meta) *broker {
	t.Helper()
	b := &broker{sys: kit.New(slog.New(slog.NewTextHandler(io.Discard, nil)), 4), store: store, board: &raftnode.Board{}}
	b.sys.SetFatal(func(reason string) { panic(reason) })
	id, err := b.store.Identity()
	must(t, err)
	id.Incarnation++
	must(t, b.store.SetIdentity(id))
	l, err := raftnode.Found(b.store, []uint64{1})
	must(t, err)
	img, err := LoadImage(l)
	must(t, err)
	b.ref = Spawn(b.sys, Options{Store: b.store, Loaded: l, Image: img, Board: b.board, Node: 1, Incarnation: id.Incarnation, CompactEntries: 500, CompactTail: 100})
	b.node = b.sys.Spawn("node", looker{}, kit.Options{})
	b.ref.Tell(Subscribe{Node: b.node})
	raftnode.Spawn(b.sys, raftnode.Options{ID: 1, Store: b.store, Loaded: l, FSM: b.ref, Board: b.board})
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *broker) stop(t testing.TB) {
	t.Helper()
	for _, name := range []string{"node", raftnode.RaftName, raftnode.LogName, raftnode.MetadataName} {
		if _, ok := kit.Await[bool](b.sys, 5*time.Second, func(r *kit.Ref) { b.sys.Stop(b.sys.Lookup(name), r, true) }); !ok {
			t.Fatalf("%s does not stop", name)
		}
	}
	must(t, b.store.Close())
	b.sys.Close()
}

func (b *broker) propose(cmd meta.Command) (raftnode.Proposed, bool) {
	return kit.Await[raftnode.Proposed](b.sys, 10*time.Second, func(r *kit.Ref) {
		b.ref.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: r}, Cmd: cmd})
	})
}

func (b *broker) serve(t testing.TB) {
	t.Helper()
	f := func(cmd meta.Command) meta.Result {
		p, ok := b.propose(cmd)
		if !ok || p.Result.Code != code.OK {
			t.Fatalf("%T: %v %v", cmd, ok, p.Result)
		}
		return p.Result
	}
	f(meta.InitCluster{ClusterID: "cluster", FeatureLevel: 1, Founders: []meta.Node{{ID: 1, RaftID: 1, StoreID: storeID(1)}}})
	var inc [16]byte
	id, err := b.store.Identity()
	must(t, err)
	inc[0], inc[1] = byte(id.Incarnation), byte(id.Incarnation>>8)
	b.epoch = f(meta.RegisterBroker{BrokerID: 1, StoreID: storeID(1), Incarnation: inc, PrevBrokerEpoch: -1}).Value.(meta.Registered).Epoch
	f(meta.UnfenceBroker{BrokerID: 1, BrokerEpoch: b.epoch})
}

func (b *broker) create(name string) bool {
	var id meta.TopicID
	copy(id[:], name)
	p, ok := b.propose(meta.CreateTopics{Topics: []meta.NewTopic{{Name: name, ID: id, Assignments: [][]int32{{1}}}}})
	return ok && p.Result.Code == code.OK && p.Result.Value.([]meta.TopicResult)[0].Code == code.OK
}

// image is what the metadata actor shows.
func (b *broker) image(t testing.TB) *meta.Image {
	t.Helper()
	c, ok := kit.Await[*Changed](b.sys, 5*time.Second, func(r *kit.Ref) { b.ref.Tell(Subscribe{Node: r}) })
	if !ok {
		t.Fatal("the image is not shown")
	}
	b.ref.Tell(Subscribe{Node: b.node})
	return c.Image
}

// TestRestartOnPebble: a real store on a real disk, orderly stops, and a log that is compacted on the way.
func TestRestartOnPebble(t *testing.T) {
	dir := t.TempDir()
	made := 0
	for range 3 {
		b := startBroker(t, onDir(t, dir))
		b.serve(t)
		for range 400 {
			if !b.create(fmt.Sprintf("topic-%d", made)) {
				t.Fatalf("topic-%d was refused", made)
			}
			made++
		}
		b.stop(t)
	}
	b := startBroker(t, onDir(t, dir))
	defer b.stop(t)
	b.serve(t)
	if n := b.image(t).TopicCount(); n != made {
		t.Errorf("%d topics, want %d", n, made)
	}
	if s := b.board.Status(); s.First < 500 {
		t.Errorf("the log was not compacted: %+v", s)
	}
}

// TestPowerCutOnPebble cuts the power under load, on a file system that forgets what was not synced.
func TestPowerCutOnPebble(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	disk := sim.NewDisk()
	acked := 0
	for range 6 {
		store, err := disk.OpenMeta("meta", storage.MetaOptions{Fatal: func(reason string) { t.Error(reason) }})
		must(t, err)
		b := startBroker(t, store)
		b.serve(t)
		if n := b.image(t).TopicCount(); n < acked {
			t.Fatalf("%d topics, but %d were acknowledged", n, acked)
		}
		b.ref.Tell(Subscribe{Node: kit.NewRef("nobody", deaf{})})
		for range 20 + rng.IntN(100) {
			if !b.create(fmt.Sprintf("topic-%d", acked)) {
				t.Fatalf("topic-%d was refused", acked)
			}
			acked++
		}
		disk = disk.Crash(rng, rng.IntN(101))
		b.stop(t)
	}
}

// deaf is a mailbox that answers what it is told as the kit does for an actor that has stopped.
type deaf struct{}

func (deaf) Post(any) bool    { return false }
func (deaf) TryPost(any) bool { return false }
func (deaf) Depth() int       { return 0 }

// TestKill kills a process under load, again and again, and demands all that it had acknowledged.
func TestKill(t *testing.T) {
	if dir := os.Getenv("METADATA_KILL_DIR"); dir != "" {
		killedChild(t, dir)
		return
	}
	dir := t.TempDir()
	acked := 0
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$", "-test.v")
		cmd.Env = append(os.Environ(), "METADATA_KILL_DIR="+dir, fmt.Sprintf("METADATA_KILL_ACKED=%d", acked))
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		kill := time.AfterFunc(time.Duration(300+100*round)*time.Millisecond, func() { cmd.Process.Kill() })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var n int
			if _, err := fmt.Sscanf(lines.Text(), "acked topic-%d", &n); err == nil {
				acked = max(acked, n+1)
			} else if strings.Contains(lines.Text(), "FAIL") || strings.Contains(lines.Text(), "pebble_test.go") {
				t.Error(lines.Text())
			}
		}
		kill.Stop()
		cmd.Wait() // killed, mostly: what it said before counts
	}
	if acked < 50 {
		t.Errorf("only %d topics were acknowledged", acked)
	}
	b := startBroker(t, onDir(t, dir))
	defer b.stop(t)
	b.serve(t)
	for i := range acked {
		if b.image(t).Topic(fmt.Sprintf("topic-%d", i)) == nil {
			t.Fatalf("topic-%d of %d was acknowledged and is gone", i, acked)
		}
	}
}

// killedChild makes topics until it is killed, and says which are acknowledged.
func killedChild(t *testing.T, dir string) {
	b := startBroker(t, onDir(t, dir))
	b.serve(t)
	var next int
	fmt.Sscan(os.Getenv("METADATA_KILL_ACKED"), &next)
	for i := range next {
		if b.image(t).Topic(fmt.Sprintf("topic-%d", i)) == nil {
			t.Fatalf("topic-%d of %d was acknowledged and is gone", i, next)
		}
	}
	b.ref.Tell(Subscribe{Node: kit.NewRef("nobody", deaf{})})
	for i := next; ; i++ {
		if b.create(fmt.Sprintf("topic-%d", i)) || b.image(t).Topic(fmt.Sprintf("topic-%d", i)) != nil {
			fmt.Printf("acked topic-%d\n", i)
		}
	}
}

// BenchmarkPropose is proposals a second of one node, with fsync, by the number of askers.
func BenchmarkPropose(b *testing.B) {
	for _, askers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("askers=%d", askers), func(b *testing.B) {
			n := startBroker(b, onDir(b, b.TempDir()))
			defer n.stop(b)
			n.serve(b)
			b.ResetTimer()
			work := make(chan struct{})
			done := make(chan bool)
			for range askers {
				go func() {
					ok := true
					for range work {
						p, answered := n.propose(meta.AllocateProducerIds{BrokerID: 1, BrokerEpoch: n.epoch, Count: 1})
						ok = ok && answered && p.Result.Code == code.OK
					}
					done <- ok
				}()
			}
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			for range askers {
				if !<-done {
					b.Error("a proposal was refused")
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proposals/s")
		})
	}
}
