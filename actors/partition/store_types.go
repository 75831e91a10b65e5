package partition

import "troupe/storage"

// What the core knows of the store: values, and nothing that could touch a disk.
type (
	loadedFacts   = storage.Loaded
	segment       = storage.Roll
	epochBegin    = storage.EpochStart
	producerBatch = storage.ProducerBatch
	producerState = storage.Producer
	mark          = storage.Op
)

const (
	opEpoch        = storage.OpEpoch
	opRoll         = storage.OpRoll
	opTruncate     = storage.OpTruncate
	opDropProducer = storage.OpDropProducer
)
