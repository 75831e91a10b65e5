package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// metaBatch collects one commit and the first error on the way.
type metaBatch struct {
	*pebble.Batch
	err error
}

func (s *metaStore) batch() *metaBatch { return &metaBatch{Batch: s.db.NewBatch()} }

func (b *metaBatch) set(key, value []byte) {
	if b.err == nil {
		b.err = b.Set(key, value, nil)
	}
}

func (b *metaBatch) drop(from, to []byte) {
	if b.err == nil {
		b.err = b.DeleteRange(from, to, nil)
	}
}

func (b *metaBatch) setHardState(hs *pb.HardState) {
	if hs == nil || b.err != nil {
		return
	}
	v, err := proto.Marshal(hs)
	b.err = err
	b.set([]byte{metaKeyHard}, v)
}

func (b *metaBatch) setApplied(a MetaApplied) {
	v, err := encodeApplied(a)
	if b.err == nil {
		b.err = err
	}
	b.set([]byte{metaKeyApplied}, v)
	for _, r := range a.Records {
		switch {
		case b.err != nil:
		case r.Value == nil:
			b.err = b.Delete(metaRecordKey(r.Key), nil)
		default:
			b.set(metaRecordKey(r.Key), r.Value)
		}
	}
}

// commit writes the batch; what says for the error text what was being written.
func (b *metaBatch) commit(sync bool, what string) error {
	defer b.Close()
	if b.err == nil {
		b.err = b.Commit(syncOption(sync))
	}
	if b.err != nil {
		return fmt.Errorf("DISK: metadata store: %s: %w", what, b.err)
	}
	return nil
}

func syncOption(sync bool) *pebble.WriteOptions {
	if sync {
		return pebble.Sync
	}
	return pebble.NoSync
}

// Append implements Meta.
func (s *metaStore) Append(w MetaAppend, sync bool) error {
	done, err := s.use()
	defer done()
	if err != nil {
		return err
	}
	b := s.batch()
	b.setHardState(w.HardState)
	if len(w.Entries) > 0 {
		if first := w.Entries[0].GetIndex(); first <= w.OldLast {
			b.drop(metaLogKey(first), metaLogKey(w.OldLast+1))
		}
		var buf []byte
		for _, e := range w.Entries {
			buf = encodeMetaEntry(buf[:0], e)
			b.set(metaLogKey(e.GetIndex()), buf)
		}
	}
	return b.commit(sync, "append")
}

// Compact implements Meta.
func (s *metaStore) Compact(index, term uint64) error {
	done, err := s.use()
	defer done()
	if err != nil {
		return err
	}
	b := s.batch()
	b.drop(metaLogKey(0), metaLogKey(index+1))
	b.set([]byte{metaKeyTruncated}, encodeMark(index, term))
	return b.commit(false, "compact")
}

// Apply implements Meta.
func (s *metaStore) Apply(a MetaApplied) error {
	done, err := s.use()
	defer done()
	if err != nil {
		return err
	}
	b := s.batch()
	b.setApplied(a)
	return b.commit(false, "apply")
}

// Install implements Meta.
func (s *metaStore) Install(a MetaApplied, hs *pb.HardState) error {
	done, err := s.use()
	defer done()
	if err != nil {
		return err
	}
	b := s.batch()
	b.drop([]byte{metaKeyRecord}, []byte{metaKeyRecord + 1})
	b.drop([]byte{metaKeyLog}, []byte{metaKeyLog + 1})
	b.setApplied(a)
	b.set([]byte{metaKeyTruncated}, encodeMark(a.Index, a.Term))
	b.setHardState(hs)
	return b.commit(true, "install a snapshot")
}

// SetIdentity implements Meta.
func (s *metaStore) SetIdentity(id Identity) error {
	done, err := s.use()
	defer done()
	if err != nil {
		return err
	}
	b := s.batch()
	b.set([]byte{metaKeyIdentity}, encodeIdentity(id))
	return b.commit(true, "identity")
}
