package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"troupe/storage"
	model "troupe/storage/sim"
)

// Fault is how a disk fails for good: the next operation of its kind has an error, and every later one.
type Fault uint8

// The faults.
const (
	WriteError     Fault = iota // of records
	SyncError                   // of records
	MetaWriteError              // of the metadata log and its state
	MetaSyncError               // of the metadata log
	faultKinds     = 4
)

// errDisk is what a failed disk says.
var errDisk = errors.New("input/output error")

// Disk is what a broker's two stores lie on. It outlives the broker.
type Disk interface {
	// Open opens both stores, as a process does at its start.
	Open() (storage.Data, storage.Meta, error)
	// Crash ends the stores as a loss of power does: a random part of what was not synced is lost, in both at the same moment.
	// The disk works again.
	Crash(rng *rand.Rand)
	// Close ends the stores as a process does that ends in order.
	Close() error
	// SetFull makes the disk full, or ends that.
	SetFull(full bool)
	// Fail lets the disk fail until the next crash.
	Fail(f Fault)
	// Hit says whether somebody has met the fault.
	Hit() bool
	// Lost is how many writes all crashes together have lost, and how many they have torn; an engine that cannot tell says 0.
	Lost() (lost, torn int)
}

// models are the two model engines.
type models struct {
	data       *model.Data
	meta       *model.Meta
	lost, torn int
	open       bool
	fault      model.Faults
}

// NewModels is an empty disk of the model engines. An engine with NoSync lies about what is durable.
func NewModels(noSyncData, noSyncMeta bool) Disk {
	m := &models{data: model.NewData(), meta: model.NewMeta()}
	m.data.NoSync, m.meta.NoSync = noSyncData, noSyncMeta
	return m
}

func (m *models) Open() (storage.Data, storage.Meta, error) {
	if m.open {
		return nil, nil, fmt.Errorf("the disk is in use")
	}
	m.open = true
	return m.data, m.meta, nil
}

// drawn remembers what a crash drew: how many units it kept.
type drawn struct {
	rng  *rand.Rand
	kept int
}

// IntN implements storage/sim's Rand.
func (d *drawn) IntN(n int) int {
	d.kept = d.rng.IntN(n)
	return d.kept
}

func (m *models) Crash(rng *rand.Rand) {
	m.open, m.fault = false, model.Faults{}
	d, was := &drawn{rng: rng}, m.data
	n := was.Unsynced()
	m.data = was.Crash(d)
	m.lost += n - d.kept
	if was.Torn(d.kept) {
		m.torn++
	}
	n = m.meta.Unsynced()
	keep := rng.IntN(n + 1)
	m.meta = m.meta.Crash(keep)
	m.lost += n - keep
}

func (m *models) Close() error {
	m.open = false
	m.data = m.data.Reopen()
	m.meta = m.meta.Crash(m.meta.Unsynced())
	return nil
}

func (m *models) SetFull(full bool) {
	m.fault.Full = full
	m.data.SetFaults(m.fault)
}

func (m *models) Fail(f Fault) {
	switch f {
	case WriteError:
		m.fault.Fail = errDisk
	case SyncError:
		m.fault.Sync = errDisk
	case MetaWriteError:
		m.meta.SetFaults(model.MetaFaults{Fail: errDisk})
	case MetaSyncError:
		m.meta.SetFaults(model.MetaFaults{Sync: errDisk})
	}
	m.data.SetFaults(m.fault)
}

func (m *models) Hit() bool        { return m.data.Failed() || m.meta.Failed() }
func (m *models) Lost() (int, int) { return m.lost, m.torn }

// pebbles are the real engines on a file system in memory.
type pebbles struct {
	disk *model.Disk
	data storage.Data
	meta storage.Meta

	fault atomic.Int32 // 1 + Fault
	hit   atomic.Bool
}

// NewPebbles is an empty disk of the real engines.
func NewPebbles() Disk {
	p := &pebbles{}
	p.mount(model.NewDisk())
	return p
}

const (
	dataDir = "log"
	metaDir = "meta"
)

func (p *pebbles) mount(d *model.Disk) {
	p.disk = d
	p.fault.Store(0)
	p.hit.Store(false)
	p.SetFull(false)
	d.Fault = p.error
}

// error is asked about each operation: a failed disk fails the write-ahead log of one of the stores.
func (p *pebbles) error(path string, sync bool) error {
	n := p.fault.Load()
	f, dir := Fault(n-1), dataDir
	if f == MetaWriteError || f == MetaSyncError {
		dir = metaDir
	}
	if n == 0 || !strings.HasPrefix(path, dir+"/") || !strings.HasSuffix(path, ".log") || !sync && (f == SyncError || f == MetaSyncError) {
		return nil
	}
	p.hit.Store(true)
	return errDisk
}

func (p *pebbles) Open() (data storage.Data, meta storage.Meta, err error) {
	ended := func(reason string) {
		if !p.hit.Load() {
			panic(reason)
		}
	}
	if p.data, err = p.disk.Open(dataDir, storage.Options{BufferedIO: true, Ballast: -1, MinFree: 1 << 20, OnFatal: ended}); err != nil {
		return nil, nil, err
	}
	if p.meta, err = p.disk.OpenMeta(metaDir, storage.MetaOptions{Fatal: ended}); err != nil {
		p.data.Close()
		return nil, nil, err
	}
	return p.data, p.meta, nil
}

func (p *pebbles) Crash(rng *rand.Rand) {
	after := p.disk.Crash(rng, rng.IntN(101))
	// The engines of the dead process must let go of their memory; what they write by that lands on the file system it had. One whose disk has
	// failed cannot be closed: Pebble ends the process by it.
	if p.fault.Store(0); !p.hit.Load() {
		_ = p.Close()
	}
	p.mount(after)
}

func (p *pebbles) Close() error { return errors.Join(p.data.Close(), p.meta.Close()) }

func (p *pebbles) SetFull(full bool) { p.disk.SetFull(full) }

func (p *pebbles) Fail(f Fault)     { p.fault.Store(1 + int32(f)) }
func (p *pebbles) Hit() bool        { return p.hit.Load() }
func (p *pebbles) Lost() (int, int) { return 0, 0 }
