package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// get copies a value; nil if the key is not there.
func (s *metaStore) get(key []byte) ([]byte, error) {
	v, c, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if isDamage(err) {
		return nil, damage(ErrMetaDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(v)), v...)
	return out, c.Close()
}

// walk calls f for the keys of [from, to) in order, until it returns false. Key and value are valid during the call only.
func (s *metaStore) walk(from, to []byte, f func(key, value []byte) (bool, error)) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	for ok := it.First(); ok && err == nil; {
		var v []byte
		if v, err = it.ValueAndErr(); err == nil {
			ok, err = f(it.Key(), v)
		}
		ok = ok && it.Next()
	}
	return errors.Join(err, it.Error(), it.Close())
}

// Load implements Meta.
func (s *metaStore) Load() (MetaLoaded, error) {
	done, err := s.use()
	defer done()
	if err != nil {
		return MetaLoaded{}, err
	}
	l, err := s.load()
	if err == nil {
		err = CheckMetaLoaded(&l)
	}
	if err != nil {
		return MetaLoaded{}, fmt.Errorf("metadata store %s: %w", s.dir, err)
	}
	return l, nil
}

func (s *metaStore) load() (l MetaLoaded, err error) {
	l.HardState, l.ConfState = &pb.HardState{}, &pb.ConfState{}
	marks := func(key byte, f func(v []byte) error) {
		if err != nil {
			return
		}
		var v []byte
		if v, err = s.get([]byte{key}); err == nil && v != nil {
			err = f(v)
		}
	}
	marks(metaKeyHard, func(v []byte) error { return proto.Unmarshal(v, l.HardState) })
	marks(metaKeyTruncated, func(v []byte) (err error) {
		l.TruncIndex, l.TruncTerm, _, err = decodeMark("truncated", v)
		return err
	})
	marks(metaKeyApplied, func(v []byte) error {
		index, term, rest, err := decodeMark("applied", v)
		if err != nil {
			return err
		}
		l.Applied, l.AppliedTerm = index, term
		return proto.Unmarshal(rest, l.ConfState)
	})
	if err == nil {
		err = s.loadLog(&l)
	}
	if err == nil {
		err = s.walk([]byte{metaKeyRecord}, []byte{metaKeyRecord + 1}, func(k, v []byte) (bool, error) {
			l.Records = append(l.Records, KV{append([]byte(nil), k[1:]...), append([]byte{}, v...)})
			return true, nil
		})
	}
	return l, err
}

func (s *metaStore) loadLog(l *MetaLoaded) error {
	l.LastIndex = l.TruncIndex
	return s.walk([]byte{metaKeyLog}, []byte{metaKeyLog + 1}, func(k, v []byte) (bool, error) {
		if len(k) != 9 || len(v) < metaEntryHead {
			return false, fmt.Errorf("%w: a log entry has a key of %d and a value of %d bytes", ErrMetaDamaged, len(k), len(v))
		}
		index, term := binary.BigEndian.Uint64(k[1:]), binary.BigEndian.Uint64(v)
		if index != l.LastIndex+1 {
			return false, fmt.Errorf("%w: log entry %d comes after %d", ErrMetaDamaged, index, l.LastIndex)
		}
		l.LastIndex = index
		if n := len(l.Terms); n == 0 || l.Terms[n-1].Term != term {
			l.Terms = append(l.Terms, TermSpan{index, term})
		}
		return true, nil
	})
}

// CheckMetaLoaded says whether what was read at start fits together, and raises the hard state's commit to the applied index: the state is
// written without a sync of its own, so it may be ahead of the last hard state on disk, and what was applied was committed.
// Every engine's Load ends with it.
func CheckMetaLoaded(l *MetaLoaded) error {
	switch {
	case l.Applied < l.TruncIndex:
		return fmt.Errorf("%w: the log begins after %d, but the state is at %d", ErrMetaDamaged, l.TruncIndex, l.Applied)
	case l.Applied > l.LastIndex:
		return fmt.Errorf("%w: the log ends at %d, but the state is at %d", ErrMetaDamaged, l.LastIndex, l.Applied)
	case l.HardState.GetCommit() > l.LastIndex:
		return fmt.Errorf("%w: the log ends at %d, but %d was committed", ErrMetaDamaged, l.LastIndex, l.HardState.GetCommit())
	}
	if l.HardState.GetCommit() < l.Applied {
		l.HardState.Commit = new(l.Applied)
		if l.HardState.Term == nil {
			l.HardState.Term, l.HardState.Vote = new(l.AppliedTerm), new(uint64(0))
		}
	}
	return nil
}

// Entries implements Meta.
func (s *metaStore) Entries(lo, hi, maxBytes uint64) ([]*pb.Entry, error) {
	done, err := s.use()
	defer done()
	if err != nil {
		return nil, err
	}
	var out []*pb.Entry
	var size uint64
	err = s.walk(metaLogKey(lo), metaLogKey(hi), func(k, v []byte) (bool, error) {
		e, err := decodeMetaEntry(binary.BigEndian.Uint64(k[1:]), v)
		if err != nil {
			return false, err
		}
		if want := lo + uint64(len(out)); e.GetIndex() != want {
			return false, fmt.Errorf("%w: log entry %d where %d should be", ErrMetaDamaged, e.GetIndex(), want)
		}
		size += uint64(proto.Size(e))
		if len(out) > 0 && size > maxBytes {
			return false, nil
		}
		out = append(out, e)
		return true, nil
	})
	if err == nil && len(out) == 0 && lo < hi {
		err = fmt.Errorf("%w: log entry %d is missing", ErrMetaDamaged, lo)
	}
	if err != nil {
		return nil, fmt.Errorf("metadata store %s: %w", s.dir, err)
	}
	return out, nil
}

// Identity implements Meta.
func (s *metaStore) Identity() (Identity, error) {
	done, err := s.use()
	defer done()
	if err != nil {
		return Identity{}, err
	}
	b, err := s.get([]byte{metaKeyIdentity})
	if err != nil || b == nil {
		return Identity{}, err
	}
	return decodeIdentity(b)
}
