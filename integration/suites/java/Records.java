import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;

/** Records: written and read. */
final class Records {
    private Records() {
    }

    static void add() {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            Checks.ALL.put("produce/codec-" + codec, () -> roundTrip("compression.type", codec));
            Checks.ALL.put("topic/recompresses-" + codec, () -> recompressed(codec));
        }
        Checks.ALL.put("produce/not-idempotent", () -> roundTrip("enable.idempotence", "false", "acks", "1"));
        Checks.ALL.put("produce/acks-0", () -> {
            String topic = Checks.topic();
            try (KafkaProducer<String, String> p = Checks.producer("acks", "0", "enable.idempotence", "false")) {
                p.send(new ProducerRecord<>(topic, "x")).get();
            }
            readAll(topic, 1);
        });
        Checks.ALL.put("produce/errors", Records::errors);
        Checks.ALL.put("produce/compacted-topic-wants-keys", () -> {
            String topic = Checks.topic(1, Map.of("cleanup.policy", "compact"));
            Checks.refused(InvalidRecordException.class, () -> Checks.produce(topic, 1));
        });
        Checks.ALL.put("records/keys-headers-tombstones", Records::keysHeadersTombstones);
        Checks.ALL.put("records/log-append-time", () -> {
            String topic = Checks.topic(1, Map.of("message.timestamp.type", "LogAppendTime"));
            Checks.produce(topic, 1);
            ConsumerRecord<String, String> got = readAll(topic, 1).get(0);
            Checks.same(got.timestampType(), TimestampType.LOG_APPEND_TIME, "type of timestamp");
        });
        Checks.ALL.put("consume/seek", Records::seek);
        Checks.ALL.put("consume/offsets-and-times", Records::offsetsAndTimes);
        Checks.ALL.put("consume/out-of-range", () -> {
            TopicPartition at = new TopicPartition(Checks.topic(), 0);
            try (KafkaConsumer<String, String> c = Checks.consumer("auto.offset.reset", "none")) {
                c.assign(List.of(at));
                Checks.refused(NoOffsetForPartitionException.class, () -> Checks.read(c, 1));
                c.seek(at, 50);
                Checks.refused(OffsetOutOfRangeException.class, () -> Checks.read(c, 1));
            }
        });
        Checks.ALL.put("consume/pause-and-resume", Records::pause);
    }

    private static List<ConsumerRecord<String, String>> readAll(String topic, int count) throws Exception {
        try (KafkaConsumer<String, String> c = Checks.consumer()) {
            c.assign(Checks.partitions(topic, 1));
            c.seekToBeginning(c.assignment());
            return Checks.read(c, count);
        }
    }

    private static void roundTrip(Object... settings) throws Exception {
        String topic = Checks.topic();
        Checks.produce(topic, 500, settings);
        List<ConsumerRecord<String, String>> got = readAll(topic, 500);
        for (int i = 0; i < 500; i++) {
            Checks.same(got.get(i).value(), Integer.toString(i), "value " + i);
        }
    }

    /** compression.type of a topic: whatever comes in, what is read is the same. */
    private static void recompressed(String codec) throws Exception {
        String topic = Checks.topic(1, Map.of("compression.type", codec.equals("none") ? "uncompressed" : codec));
        Checks.produce(topic, 300, "compression.type", codec.equals("zstd") ? "gzip" : "zstd");
        Checks.same(readAll(topic, 300).get(299).value(), "299", "last value");
    }

    private static void errors() throws Exception {
        String small = Checks.topic(1, Map.of("max.message.bytes", "1000"));
        try (KafkaProducer<String, String> p = Checks.producer("max.block.ms", "3000")) {
            Checks.refused(RecordTooLargeException.class, () -> p.send(new ProducerRecord<>(small, "x".repeat(5000))).get());
            Checks.refused(InvalidTopicException.class, () -> p.send(new ProducerRecord<>("a b", "x")).get());
            Checks.refused(TimeoutException.class, () -> p.send(new ProducerRecord<>(small, 7, null, "x")).get());
        }
    }

    private static void keysHeadersTombstones() throws Exception {
        String topic = Checks.topic();
        try (KafkaProducer<String, String> p = Checks.producer()) {
            byte[] one = "1".getBytes(StandardCharsets.UTF_8);
            p.send(new ProducerRecord<>(topic, 0, 1_600_000_000_123L, "k", "v", List.of(new RecordHeader("a", one), new RecordHeader("null", (byte[]) null))));
            p.send(new ProducerRecord<>(topic, 0, "k", null)).get(20, TimeUnit.SECONDS);
        }
        List<ConsumerRecord<String, String>> got = readAll(topic, 2);
        Checks.same(got.get(0).key() + got.get(0).value() + got.get(0).timestamp(), "kv1600000000123", "first record");
        Checks.same(got.get(0).headers().toArray().length, 2, "headers");
        Checks.same(got.get(0).headers().lastHeader("null").value() == null, true, "a header without a value");
        Checks.same(got.get(1).value() == null, true, "a tombstone");
    }

    private static void seek() throws Exception {
        TopicPartition at = new TopicPartition(Checks.topic(), 0);
        Checks.produce(at.topic(), 100);
        try (KafkaConsumer<String, String> c = Checks.consumer()) {
            c.assign(List.of(at));
            c.seek(at, 42);
            Checks.same(Checks.read(c, 58).get(0).offset(), 42L, "first offset");
            c.seekToEnd(List.of(at));
            Checks.same(c.position(at), 100L, "the end");
        }
    }

    private static void offsetsAndTimes() throws Exception {
        TopicPartition at = new TopicPartition(Checks.topic(), 0);
        try (KafkaProducer<String, String> p = Checks.producer()) {
            for (int i = 0; i < 10; i++) {
                p.send(new ProducerRecord<>(at.topic(), 0, 1_600_000_000_000L + i * 1000, null, "x")).get();
            }
        }
        try (KafkaConsumer<String, String> c = Checks.consumer()) {
            Checks.same(c.beginningOffsets(List.of(at)).get(at), 0L, "beginning");
            Checks.same(c.endOffsets(List.of(at)).get(at), 10L, "end");
            Checks.same(c.offsetsForTimes(Map.of(at, 1_600_000_004_500L)).get(at).offset(), 5L, "offset at a time");
            Checks.same(c.listTopics().containsKey(at.topic()), true, "listed");
            Checks.same(c.partitionsFor(at.topic()).size(), 1, "partitions");
        }
    }

    private static void pause() throws Exception {
        TopicPartition at = new TopicPartition(Checks.topic(), 0);
        Checks.produce(at.topic(), 10);
        try (KafkaConsumer<String, String> c = Checks.consumer()) {
            c.assign(List.of(at));
            c.seekToBeginning(List.of(at));
            c.pause(List.of(at));
            Checks.same(c.poll(Duration.ofMillis(500)).count(), 0, "records while paused");
            c.resume(List.of(at));
            Checks.read(c, 10);
        }
    }
}
