import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.InconsistentGroupProtocolException;

/** Consumer groups of the classic protocol. */
final class Groups {
    private Groups() {
    }

    private static final String PACKAGE = "org.apache.kafka.clients.consumer.";

    static void add() {
        Checks.ALL.put("group/commit-and-resume", Groups::commitAndResume);
        Checks.ALL.put("group/auto-commit", () -> {
            TopicPartition at = filled(1, 20);
            String group = Checks.fresh("group");
            try (KafkaConsumer<String, String> c = Checks.consumer("group.id", group, "enable.auto.commit", "true")) {
                c.subscribe(List.of(at.topic()));
                Checks.read(c, 20);
            }
            Checks.same(committed(group, at).offset(), 20L, "committed");
        });
        Checks.ALL.put("group/commit-async", Groups::commitAsync);
        for (String assignor : List.of("RangeAssignor", "RoundRobinAssignor", "StickyAssignor", "CooperativeStickyAssignor")) {
            Checks.ALL.put("group/rebalance-" + assignor, () -> share(PACKAGE + assignor));
        }
        Checks.ALL.put("group/cooperative-upgrade", Groups::upgrade);
        Checks.ALL.put("group/static-member-comes-back", Groups::staticMember);
        Checks.ALL.put("group/static-member-is-fenced", Groups::fenced);
        Checks.ALL.put("group/inconsistent-protocol", Groups::inconsistent);
        Checks.ALL.put("group/session-expires", Groups::expires);
        Checks.ALL.put("group/enforced-rebalance", Groups::enforced);
        Checks.ALL.put("group/new-partitions-are-assigned", Groups::newPartitions);
    }

    static TopicPartition filled(int partitions, int records) throws Exception {
        TopicPartition at = new TopicPartition(Checks.topic(partitions, Map.of()), 0);
        Checks.produce(at.topic(), records);
        return at;
    }

    private static OffsetAndMetadata committed(String group, TopicPartition at) throws Exception {
        return Checks.admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(at);
    }

    private static void commitAndResume() throws Exception {
        TopicPartition at = filled(1, 20);
        String group = Checks.fresh("group");
        try (KafkaConsumer<String, String> c = Checks.consumer("group.id", group)) {
            c.subscribe(List.of(at.topic()));
            Checks.read(c, 20);
            c.commitSync(Map.of(at, new OffsetAndMetadata(8, "half")));
            Checks.same(c.committed(Set.of(at)).get(at).metadata(), "half", "metadata");
        }
        try (KafkaConsumer<String, String> c = Checks.consumer("group.id", group)) {
            c.subscribe(List.of(at.topic()));
            Checks.same(Checks.read(c, 12).get(0).offset(), 8L, "first offset");
        }
    }

    private static void commitAsync() throws Exception {
        TopicPartition at = filled(1, 5);
        AtomicReference<Object> told = new AtomicReference<>();
        try (KafkaConsumer<String, String> c = Checks.consumer("group.id", Checks.fresh("group"))) {
            c.subscribe(List.of(at.topic()));
            Checks.read(c, 5);
            c.commitAsync((offsets, e) -> told.set(e == null ? offsets.get(at).offset() : e));
            Checks.until("the commit is told", () -> c.poll(Duration.ofMillis(100)) != null && told.get() != null);
        }
        Checks.same(told.get(), 5L, "committed");
    }

    private static boolean polled(int want, KafkaConsumer<String, String> c, List<KafkaConsumer<String, String>> others) {
        others.forEach(o -> o.poll(Duration.ofMillis(50)));
        c.poll(Duration.ofMillis(50));
        return c.assignment().size() == want && others.stream().allMatch(o -> o.assignment().size() == want);
    }

    private static KafkaConsumer<String, String> join(String topic, String group, Object... settings) {
        Object[] all = new Object[settings.length + 2];
        all[0] = "group.id";
        all[1] = group;
        System.arraycopy(settings, 0, all, 2, settings.length);
        KafkaConsumer<String, String> c = Checks.consumer(all);
        c.subscribe(List.of(topic));
        return c;
    }

    private static void share(String assignor) throws Exception {
        String topic = Checks.topic(4, Map.of());
        String group = Checks.fresh("group");
        KafkaConsumer<String, String> a = join(topic, group, "partition.assignment.strategy", assignor);
        Checks.until("the first has four", () -> polled(4, a, List.of()));
        try (KafkaConsumer<String, String> b = join(topic, group, "partition.assignment.strategy", assignor)) {
            Checks.until("both have two", () -> polled(2, b, List.of(a)));
            a.close();
            Checks.until("the second has four", () -> polled(4, b, List.of()));
        }
    }

    /** A rolling change from the range to the cooperative assignor, as KIP-429 tells it: both are offered for a while. */
    private static void upgrade() throws Exception {
        String topic = Checks.topic(4, Map.of());
        String group = Checks.fresh("group");
        String both = PACKAGE + "CooperativeStickyAssignor," + PACKAGE + "RangeAssignor";
        KafkaConsumer<String, String> old = join(topic, group, "partition.assignment.strategy", PACKAGE + "RangeAssignor");
        Checks.until("the first has four", () -> polled(4, old, List.of()));
        try (KafkaConsumer<String, String> next = join(topic, group, "partition.assignment.strategy", both)) {
            Checks.until("both have two", () -> polled(2, next, List.of(old)));
            old.close();
            Checks.until("the new one has four", () -> polled(4, next, List.of()));
            Checks.same(Administration.group(group).partitionAssignor(), "cooperative-sticky", "assignor");
        }
    }

    private static void staticMember() throws Exception {
        String topic = Checks.topic(2, Map.of());
        String group = Checks.fresh("group");
        ConsumerGroupMetadata before;
        try (KafkaConsumer<String, String> c = join(topic, group, "group.instance.id", "one")) {
            Checks.until("an assignment", () -> polled(2, c, List.of()));
            before = c.groupMetadata();
        }
        Checks.same(Administration.group(group).members().size(), 1, "members while it is away");
        try (KafkaConsumer<String, String> c = join(topic, group, "group.instance.id", "one")) {
            Checks.until("an assignment", () -> polled(2, c, List.of()));
            Checks.same(c.groupMetadata().generationId(), before.generationId(), "generation: it came back without a rebalance");
        }
    }

    private static void fenced() throws Exception {
        String topic = Checks.topic(2, Map.of());
        String group = Checks.fresh("group");
        try (KafkaConsumer<String, String> a = join(topic, group, "group.instance.id", "one")) {
            Checks.until("an assignment", () -> polled(2, a, List.of()));
            try (KafkaConsumer<String, String> b = join(topic, group, "group.instance.id", "one")) {
                Checks.until("an assignment of the second", () -> polled(2, b, List.of()));
                Checks.refused(FencedInstanceIdException.class, () -> Checks.until("fenced", () -> {
                    a.poll(Duration.ofMillis(100));
                    a.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(0)));
                    return false;
                }));
            }
        }
    }

    private static void inconsistent() throws Exception {
        String topic = Checks.topic();
        String group = Checks.fresh("group");
        try (KafkaConsumer<String, String> a = join(topic, group, "partition.assignment.strategy", PACKAGE + "RangeAssignor");
             KafkaConsumer<String, String> b = join(topic, group, "partition.assignment.strategy", PACKAGE + "RoundRobinAssignor")) {
            Checks.until("an assignment", () -> polled(1, a, List.of()));
            Checks.refused(InconsistentGroupProtocolException.class, () -> Checks.until("refused", () -> {
                b.poll(Duration.ofMillis(200));
                return false;
            }));
        }
    }

    /** A member that stops polling and heartbeats leaves by itself. */
    private static void expires() throws Exception {
        String topic = Checks.topic(2, Map.of());
        String group = Checks.fresh("group");
        KafkaConsumer<String, String> a = join(topic, group, "max.poll.interval.ms", "6000", "session.timeout.ms", "6000");
        Checks.until("the first has both", () -> polled(2, a, List.of()));
        try (KafkaConsumer<String, String> b = join(topic, group, "session.timeout.ms", "6000")) {
            Checks.until("the second has both, since the first does not poll", () -> polled(2, b, List.of()));
        }
        a.close();
    }

    private static void enforced() throws Exception {
        String topic = Checks.topic(2, Map.of());
        try (KafkaConsumer<String, String> c = join(topic, Checks.fresh("group"))) {
            Checks.until("an assignment", () -> polled(2, c, List.of()));
            int before = c.groupMetadata().generationId();
            c.enforceRebalance("the test wants it");
            Checks.until("the next generation", () -> polled(2, c, List.of()) && c.groupMetadata().generationId() > before);
        }
    }

    private static void newPartitions() throws Exception {
        String topic = Checks.topic(1, Map.of());
        try (KafkaConsumer<String, String> c = join(topic, Checks.fresh("group"), "metadata.max.age.ms", "500")) {
            Checks.until("an assignment", () -> polled(1, c, List.of()));
            Checks.admin.createPartitions(Map.of(topic, org.apache.kafka.clients.admin.NewPartitions.increaseTo(3))).all().get();
            Checks.until("three partitions", () -> polled(3, c, List.of()));
        }
    }
}
