package api

import (
	"troupe/storage"
	"troupe/storage/record"
)

// ProduceRequest is a Produce request as the reader of a connection takes it off the socket: names and numbers here, record
// batches in slabs, each batch already checked. It belongs to the reader, then to the conn, until Release.
type ProduceRequest struct {
	TransactionalID *string
	Acks            int16
	TimeoutMs       int32
	Topics          []ProduceTopic
	Slabs           []*storage.Slab // each at most 4 MB, or one batch
}

// ProduceTopic is one topic of a Produce request: by name before v13, by id since.
type ProduceTopic struct {
	Name       string
	ID         [16]byte
	Partitions []ProducePartition
}

// ProducePartition is what a Produce request has for one partition.
type ProducePartition struct {
	Index         int32
	Bytes         int  // as the request says; -1 for null
	Transactional bool // the batch's own mark, also of a batch that is refused
	// Garbled: Err says that not even the frame of the batch can be read. It refuses the whole request.
	Garbled bool
	// Err refuses the batch; then it is in no slab.
	Err  *record.Error
	Slab int // index in Slabs, -1 if there is no batch (refused, or the topic is not known)
	At   int // index in the slab
	Info record.Info
	// KeysChecked: the batch was refused if a record of it had no key (compacted topic).
	KeysChecked bool
}

// Release gives the slabs back; the batches must not be used afterwards.
func (r *ProduceRequest) Release() {
	for _, s := range r.Slabs {
		s.Release()
	}
	r.Slabs = nil
}
