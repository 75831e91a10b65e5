package run

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"troupe/actors/bootstrap"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/raftnode"
	"troupe/storage"
)

// stores are the two stores of a data directory, and whose it is.
type stores struct {
	meta  storage.Meta
	data  storage.Data
	watch *storage.DiskWatch // of both
	state place              // what meta holds; only the identity, while that names no cluster
	fresh bool               // the directory was new
}

// place is this node's place in a cluster, with the metadata that it begins with.
type place struct {
	id     storage.Identity
	record *meta.InitCluster // of id.Founding; nil: it founded nothing
	loaded storage.MetaLoaded
	image  *meta.Image // what loaded says
}

// others are the addresses of the other nodes, as they were known when this one last ran.
func (p place) others() (list []string) {
	var nodes []meta.Node
	if p.record != nil {
		nodes = p.record.Founders
	}
	if p.image != nil && p.image.ClusterID() != "" {
		nodes = p.image.Nodes()
	}
	for i := range nodes {
		if a := meta.PeerAddress(&nodes[i]); a != "" && nodes[i].ID != p.id.NodeID {
			list = append(list, a)
		}
	}
	return list
}

// openStores opens both stores side by side and gives a new directory its identity. address is where other brokers reach this one.
func openStores(c Config, sp split, address string, fatal, note func(string)) (s stores, err error) {
	if err := prepareDir(c.DataDir); err != nil {
		return s, err
	}
	s.watch = &storage.DiskWatch{}
	log := filepath.Join(c.DataDir, "log")
	entries, _ := os.ReadDir(log) // not there or not readable: the store will say which
	type opened struct {
		data storage.Data
		err  error
	}
	data := make(chan opened, 1)
	go func() {
		d, err := storage.Open(log, storage.Options{MemTable: uint64(sp.memtable), Cache: sp.blockCache, ReadCache: sp.readCache, OnFatal: fatal, Note: note, FS: c.Files, Watch: s.watch})
		data <- opened{d, err}
	}()
	s.meta, err = storage.OpenMeta(filepath.Join(c.DataDir, "meta"), storage.MetaOptions{MemTable: uint64(sp.metaTable), Cache: sp.metaCache, Fatal: fatal, Note: note, FS: c.Files, Watch: s.watch})
	d := <-data
	s.data = d.data
	if err == nil {
		err = d.err
	}
	if err == nil {
		err = s.identify(c, address)
	}
	if err == nil && !s.fresh && len(entries) == 0 {
		// An identity is written when both stores are there, so the records were taken away. Nobody may begin anew under the same name.
		s.close()
		os.RemoveAll(log) // made by this start
		return stores{}, DataDirError{fmt.Sprintf("data directory %s knows its cluster in meta/, but the records in log/ are gone: "+
			"put log/ back, or name an empty directory with --data-dir", c.DataDir)}
	}
	if err == nil && s.state.id.NodeID != 0 {
		s.state, err = s.load(s.state.id)
	}
	if err != nil {
		s.close()
		return stores{}, explain(c.DataDir, err)
	}
	return s, nil
}

func (s *stores) close() (err error) {
	if s.data != nil {
		err = s.data.Close()
	}
	if s.meta != nil {
		if e := s.meta.Close(); err == nil {
			err = e
		}
	}
	return err
}

// prepareDir makes the data directory, readable by its owner only, and refuses one that is something else.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return explain(dir, err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return explain(dir, err)
	}
	for _, e := range list {
		switch e.Name() {
		case "log", "meta", "dumps", "lost+found":
		default:
			return DataDirError{fmt.Sprintf("data directory %s holds %q, which is not a broker's: name an empty directory with --data-dir", dir, e.Name())}
		}
	}
	return nil
}

// load reads what the metadata store holds for an identity. A founder with a vote begins Raft with the state that all of them share; others
// begin with nothing, and hear from the leader.
func (s *stores) load(id storage.Identity) (p place, err error) {
	p.id = id
	if p.record, err = bootstrap.Decode(id.Founding); err != nil {
		return p, fmt.Errorf("%w: %v", storage.ErrMetaDamaged, err)
	}
	if p.record != nil && slices.Contains(bootstrap.Voters(p.record), id.RaftID) {
		p.loaded, err = raftnode.Found(s.meta, bootstrap.Voters(p.record))
	} else {
		p.loaded, err = s.meta.Load()
	}
	if err == nil {
		p.image, err = metadata.LoadImage(p.loaded)
	}
	return p, err
}

// identify reads whose directory this is, or settles it as far as this node can by itself.
func (s *stores) identify(c Config, address string) error {
	id, err := s.meta.Identity()
	if err != nil {
		return err
	}
	if s.fresh = id.NodeID == 0; s.fresh {
		if err := s.checkEmpty(c.DataDir); err != nil {
			return err
		}
		id = c.newIdentity(id, address)
	}
	if c.NodeID != 0 && id.NodeID != 0 && c.NodeID != id.NodeID {
		return DataDirError{fmt.Sprintf("data directory %s belongs to node %d, not to --node-id %d: leave the flag out, or name another directory", c.DataDir, id.NodeID, c.NodeID)}
	}
	id.Incarnation++
	s.state.id = id
	crashed := id
	crashed.CleanEpoch = -1 // until this run says otherwise
	return s.meta.SetIdentity(crashed)
}

// newIdentity is who a node without a cluster is: one that looks for others, under a store id that stays, or the founder of a cluster of its own.
// The latter is never under a store id that others may have been told: they might have founded a cluster with it.
func (c Config) newIdentity(old storage.Identity, address string) storage.Identity {
	if len(c.Seeds)+len(c.Join) > 0 {
		old.CleanEpoch = -1
		if old.StoreID == [16]byte{} {
			old.StoreID = newUUID()
		}
		return old
	}
	r := bootstrap.Alone(newClusterID(), max(c.NodeID, 1), newUUID(), address, c.Version, time.Now().UnixMilli(), c.founding())
	n := r.Founders[0]
	return storage.Identity{StoreID: n.StoreID, ClusterID: r.ClusterID, NodeID: n.ID, RaftID: n.RaftID, CleanEpoch: -1,
		Incarnation: old.Incarnation, Founding: bootstrap.Encode(r)}
}

// founding are the cluster-wide defaults that a cluster founded by this node begins with.
func (c Config) founding() map[string]string {
	out := map[string]string{}
	if v, ok := c.Static["min.insync.replicas"]; ok {
		out["min.insync.replicas"] = v
	}
	return out
}

// checkEmpty refuses to found a cluster over records: as no metadata names their partitions, they would be dropped as strays.
func (s *stores) checkEmpty(dir string) error {
	ids, err := s.data.Partitions()
	if err != nil || len(ids) == 0 {
		return err
	}
	return DataDirError{fmt.Sprintf("data directory %s holds the records of %d partitions in log/, but meta/ is empty, which would say what they are: "+
		"put meta/ back, or name an empty directory with --data-dir", dir, len(ids))}
}

func newUUID() (u [16]byte) {
	rand.Read(u[:]) // never fails, says its documentation
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

// newClusterID is a UUID as Kafka writes cluster ids: 22 characters base64url, not beginning with '-'.
func newClusterID() string {
	for {
		u := newUUID()
		if s := base64.RawURLEncoding.EncodeToString(u[:]); s[0] != '-' {
			return s
		}
	}
}

// DataDirError is a data directory that cannot be used: exit code 1, one line.
type DataDirError struct{ Text string }

func (e DataDirError) Error() string { return e.Text }

// dieOpening ends the process when a store cannot even be opened and its library will not say so by an error: nothing runs yet
// that a flight record could show, so one line must do.
func dieOpening(dir, reason string) {
	err := errors.New(reason)
	if strings.Contains(reason, syscall.ENOSPC.Error()) {
		err = syscall.ENOSPC
	}
	fmt.Fprintf(os.Stderr, "broker: %s\n", explain(dir, err))
	os.Exit(kit.ExitFatal)
}

// explain says what is wrong with a data directory, why, and what to do, in one line.
func explain(dir string, err error) error {
	var known DataDirError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, storage.ErrMetaLocked), errors.Is(err, storage.ErrLocked):
		return ConflictError{fmt.Sprintf("data directory %s is in use by another broker: stop it, or name another directory with --data-dir", dir)}
	case errors.Is(err, storage.ErrMetaForeign), errors.Is(err, storage.ErrForeign):
		return DataDirError{fmt.Sprintf("data directory %s is not a broker's (%v): name an empty directory with --data-dir", dir, err)}
	case errors.Is(err, fs.ErrPermission):
		return DeniedError{fmt.Sprintf("data directory %s: permission denied: give this user the right to write there, or name another with --data-dir", dir)}
	case errors.Is(err, syscall.ENOSPC):
		return DataDirError{fmt.Sprintf("data directory %s: the disk is full: free some space and start again", dir)}
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EEXIST):
		return DataDirError{fmt.Sprintf("data directory %s is not a directory: name one with --data-dir", dir)}
	default:
		return DataDirError{fmt.Sprintf("data directory %s: %v", dir, err)}
	}
}

// ConflictError is something that is taken: exit code 7.
type ConflictError struct{ Text string }

func (e ConflictError) Error() string { return e.Text }

// DeniedError is something that may not be touched: exit code 5.
type DeniedError struct{ Text string }

func (e DeniedError) Error() string { return e.Text }
