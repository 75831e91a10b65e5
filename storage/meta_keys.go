package storage

import (
	"encoding/binary"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// Keys of the metadata store. The log actor writes l, h and t; the FSM writes a and f; Install writes all of them at once.
//
//	a                 applied index (8), its term (8), ConfState (protobuf)
//	f <record key>    one state record of the FSM
//	h                 HardState (protobuf)
//	i                 Identity
//	l <index, 8>      one log entry: term (8), type (1), data
//	t                 truncated index (8), its term (8)
//	v                 which store this is, and its layout: see metaStamp
const (
	metaKeyApplied   = 'a'
	metaKeyRecord    = 'f'
	metaKeyHard      = 'h'
	metaKeyIdentity  = 'i'
	metaKeyLog       = 'l'
	metaKeyTruncated = 't'
	metaKeyStamp     = 'v'
)

// metaStamp is the value of the stamp key. A store without it was made by something else, one with another layout by another version.
const metaStamp = "troupe metadata 1"

const (
	metaEntryHead   = 9 // bytes of an entry before its data
	identityVersion = 2 // 1 ended with the cluster id
)

func metaLogKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), metaKeyLog), index)
}

func metaRecordKey(key []byte) []byte {
	return append(append(make([]byte, 0, 1+len(key)), metaKeyRecord), key...)
}

func encodeMetaEntry(dst []byte, e *pb.Entry) []byte {
	dst = binary.BigEndian.AppendUint64(dst, e.GetTerm())
	dst = append(dst, byte(e.GetType()))
	return append(dst, e.GetData()...)
}

func decodeMetaEntry(index uint64, v []byte) (*pb.Entry, error) {
	if len(v) < metaEntryHead {
		return nil, fmt.Errorf("%w: entry %d has %d bytes", ErrMetaDamaged, index, len(v))
	}
	e := &pb.Entry{Index: new(index), Term: new(binary.BigEndian.Uint64(v)), Type: pb.EntryType(v[8]).Enum()}
	if len(v) > metaEntryHead {
		e.Data = append([]byte(nil), v[metaEntryHead:]...)
	}
	return e, nil
}

func encodeMark(index, term uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), index), term)
}

func decodeMark(name string, v []byte) (index, term uint64, rest []byte, err error) {
	if len(v) < 16 {
		return 0, 0, nil, fmt.Errorf("%w: the %s mark has %d bytes", ErrMetaDamaged, name, len(v))
	}
	return binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:]), v[16:], nil
}

func encodeApplied(a MetaApplied) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(encodeMark(a.Index, a.Term), a.ConfState)
}

func encodeIdentity(id Identity) []byte {
	b := append(make([]byte, 0, 128), identityVersion)
	b = append(b, id.StoreID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(id.NodeID))
	b = binary.BigEndian.AppendUint64(b, id.RaftID)
	b = binary.BigEndian.AppendUint64(b, uint64(id.CleanEpoch))
	b = binary.BigEndian.AppendUint64(b, id.Incarnation)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(id.ClusterID))), id.ClusterID...)
	return append(b, id.Founding...)
}

func decodeIdentity(b []byte) (id Identity, err error) {
	const fixed = 1 + 16 + 4 + 8 + 8 + 8
	if len(b) < fixed || b[0] != identityVersion && b[0] != 1 {
		return id, fmt.Errorf("%w: the identity has %d bytes or an unknown format", ErrMetaDamaged, len(b))
	}
	copy(id.StoreID[:], b[1:])
	id.NodeID = int32(binary.BigEndian.Uint32(b[17:]))
	id.RaftID = binary.BigEndian.Uint64(b[21:])
	id.CleanEpoch = int64(binary.BigEndian.Uint64(b[29:]))
	id.Incarnation = binary.BigEndian.Uint64(b[37:])
	if b[0] == 1 {
		id.ClusterID = string(b[fixed:])
		return id, nil
	}
	rest := b[fixed:]
	if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
		return id, fmt.Errorf("%w: the identity ends within the cluster id", ErrMetaDamaged)
	}
	n, rest := binary.BigEndian.Uint16(rest), rest[2:]
	id.ClusterID, id.Founding = string(rest[:n]), string(rest[n:])
	return id, nil
}
