package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"troupe/integration/harness"
)

// stopsWithin bounds an orderly end: the broker gives itself 20 s, and a moment for each of its parts.
const stopsWithin = 30 * time.Second

// TestStopOnFullDisk: another program has taken all space, writes wait for room, and the broker is told to end. It ends in bounded time, in
// order or with code 1, and has acknowledged nothing that is not on the disk: the power is cut then, and all is there. Where space is freed
// while it waits, it ends in order.
func TestStopOnFullDisk(t *testing.T) {
	t.Parallel() // it waits most of the time
	t.Run("the disk stays full", func(t *testing.T) { stopOnFullDisk(t, false) })
	t.Run("space is freed meanwhile", func(t *testing.T) { stopOnFullDisk(t, true) })
}

func stopOnFullDisk(t *testing.T, freed bool) {
	t.Parallel()
	s := newSite(t, harness.NewDisk(t, 256<<20))
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var load sync.WaitGroup
	for range 2 {
		load.Go(func() { s.offerOn(ctx) })
	}
	time.Sleep(300 * time.Millisecond)
	made := s.stick(ctx, &load)

	filler := filepath.Join(s.disk.Dir, "filler")
	began := time.Now()
	if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	room, cancelFill := context.WithCancel(ctx)
	load.Go(func() {
		for ; room.Err() == nil; time.Sleep(20 * time.Millisecond) {
			if freed && time.Since(began) > time.Second {
				os.Remove(filler)
				return
			}
			s.disk.Fill(0) // what the broker gives up is taken too
		}
	})
	code, log := s.Ended(stopsWithin)
	t.Logf("ended after %v with code %d; %d topics were made", time.Since(began).Round(time.Millisecond), code, len(*made))
	if code != 0 && (code != 1 || freed) {
		t.Errorf("ended after %v with code %d; its log:\n%s", time.Since(began), code, log)
	}
	cancelFill()
	cancel()
	load.Wait()
	s.disk.Cut()
	s.disk.Back()
	if err := os.Remove(filler); err != nil && !os.IsNotExist(err) { // that it was removed may be what the cut undid
		t.Fatal(err)
	}
	s.Restart()
	s.connect()
	list, err := s.adm.ListTopics(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range *made {
		if !list.Has(name) {
			t.Errorf("the making of topic %s was acknowledged, and it is not there", name)
		}
	}
	s.recovers("restarted")
	s.readAll("restarted")
	s.Kill()
	s.verify()
}

// offerOn produces until ctx ends, one record after the other.
func (s *site) offerOn(ctx context.Context) {
	for ctx.Err() == nil {
		bad := make(chan error, 1)
		s.offer(50_000, func(err error) { bad <- err })
		select {
		case err := <-bad:
			if err != nil {
				time.Sleep(50 * time.Millisecond)
			}
		case <-ctx.Done():
		}
	}
}

// stick takes all space, and what the broker gives up, while topics are made, which a full disk does not stop, until the broker says that a
// write waits for room. It gives the names of topics whose making is acknowledged; they are all there when load has ended.
func (s *site) stick(ctx context.Context, load *sync.WaitGroup) (made *[]string) {
	s.t.Helper()
	made = new([]string)
	// Each takes 28 KB of the logs, some of whose files have their room already: how many fit is the disk's affair.
	configs := map[string]*string{"leader.replication.throttled.replicas": kadm.StringPtr(strings.Repeat("0:1,", 7<<10) + "0:1")}
	load.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			name := fmt.Sprint("made-", n)
			if res, err := s.adm.CreateTopics(ctx, 1, 1, configs, name); err == nil && res[name].Err == nil {
				*made = append(*made, name)
			}
		}
	})
	said := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.disk.Fill(0)
		said = s.doctor()
		if strings.Contains(said, "waits for room") {
			return made
		}
	}
	s.t.Fatalf("no write waits for room; the doctor says %s", said)
	return nil
}

// doctor is what the broker finds wrong with itself.
func (s *site) doctor() string {
	_, text, err := harness.Get(s.Admin, "/api/v1/doctor")
	return fmt.Sprint(text, err)
}
