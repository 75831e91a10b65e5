package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"troupe/storage"
	model "troupe/storage/sim"
)

// Disk is what a broker's two stores lie on. It outlives the broker.
type Disk interface {
	// Open opens both stores, as a process does at its start.
	Open() (storage.Data, storage.Meta, error)
	// Crash ends the stores as a loss of power does: a random part of what was not synced is lost, in both at the same moment.
	Crash(rng *rand.Rand)
	// Close ends the stores as a process does that ends in order.
	Close() error
	// SetFull makes the disk full, or ends that. An engine that cannot do so ignores it.
	SetFull(full bool)
	// Fail makes the next write or sync of records fail, and everything after. An engine that cannot do so says false.
	Fail() bool
	// Lost is how many writes all crashes together have lost; an engine that cannot tell says 0.
	Lost() int
	// Exact says whether the same seed gives the same trace on this disk.
	Exact() bool
}

// models are the two model engines.
type models struct {
	data *model.Data
	meta *model.Meta
	lost int
	open bool
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
	m.open = false
	d := &drawn{rng: rng}
	n := m.data.Unsynced()
	m.data = m.data.Crash(d)
	m.lost += n - d.kept
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

func (m *models) SetFull(full bool) { m.data.SetFaults(model.Faults{Full: full}) }

// Fail implements Disk.
func (m *models) Fail() bool {
	m.data.SetFaults(model.Faults{Fail: errors.New("input/output error")})
	return true
}

func (m *models) Lost() int   { return m.lost }
func (m *models) Exact() bool { return true }

// pebbles are the real engines on a file system in memory.
type pebbles struct {
	disk *model.Disk
	data storage.Data
	meta storage.Meta
}

// NewPebbles is an empty disk of the real engines.
func NewPebbles() Disk { return &pebbles{disk: model.NewDisk()} }

func (p *pebbles) Open() (data storage.Data, meta storage.Meta, err error) {
	if p.data, err = p.disk.Open("log", storage.Options{BufferedIO: true, Ballast: -1, MinFree: 1}); err != nil {
		return nil, nil, err
	}
	p.meta, err = storage.OpenMeta("meta", storage.MetaOptions{FS: p.disk.FS, Fatal: func(reason string) { panic(reason) }})
	if err != nil {
		p.data.Close()
		return nil, nil, err
	}
	return p.data, p.meta, nil
}

func (p *pebbles) Crash(rng *rand.Rand) {
	after := p.disk.Crash(rng, rng.IntN(101))
	// The engines of the dead process must let go of their memory; what they write by that lands on the file system it had.
	_ = p.Close()
	p.disk = after
}

func (p *pebbles) Close() error {
	err := p.data.Close()
	if e := p.meta.Close(); err == nil {
		err = e
	}
	return err
}

func (p *pebbles) SetFull(bool) {}
func (p *pebbles) Fail() bool   { return false }
func (p *pebbles) Lost() int    { return 0 }
func (p *pebbles) Exact() bool  { return false }
