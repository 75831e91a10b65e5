package group

// Config is what a coordinator needs of the broker's settings, by Kafka's names.
type Config struct {
	MinSessionMs    int64 // group.min.session.timeout.ms
	MaxSessionMs    int64 // group.max.session.timeout.ms
	MaxSize         int   // group.max.size
	InitialDelayMs  int64 // group.initial.rebalance.delay.ms
	MaxMetadata     int   // offset.metadata.max.bytes
	RetentionMs     int64 // offsets.retention.minutes
	CheckMs         int64 // offsets.retention.check.interval.ms
	CommitTimeoutMs int64 // offsets.commit.timeout.ms
	Codec           int8  // offsets.topic.compression.codec
	MaxBatch        int   // max.message.bytes of Topic
}
