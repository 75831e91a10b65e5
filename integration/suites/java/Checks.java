import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Checks of Kafka's Java client against a broker: one line for each, CHECK verdict milliseconds name reason. */
public final class Checks {
    /** A check fails by throwing. */
    interface Check {
        void run() throws Exception;
    }

    /** A question that is asked again until it is answered with yes. */
    interface Question {
        boolean ask() throws Exception;
    }

    static final int PATIENCE = 60; // seconds that one check may take
    static final Map<String, Check> ALL = new LinkedHashMap<>();
    static String bootstrap;
    static Admin admin;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        Pattern only = Pattern.compile(System.getenv().getOrDefault("ONLY", ""));
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        Records.add();
        Groups.add();
        Administration.add();
        ExecutorService thread = Executors.newCachedThreadPool();
        for (Map.Entry<String, Check> c : ALL.entrySet()) {
            if (only.matcher(c.getKey()).find()) {
                one(thread, c.getKey(), c.getValue());
            }
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // a client's threads that hang must not keep the process
    }

    private static void one(ExecutorService thread, String name, Check check) {
        long start = System.nanoTime();
        String verdict = "pass";
        String why = "";
        try {
            thread.submit((Callable<Void>) () -> {
                check.run();
                return null;
            }).get(PATIENCE, TimeUnit.SECONDS);
        } catch (Throwable e) {
            verdict = "fail";
            why = String.valueOf(e.getCause() != null ? e.getCause() : e).replaceAll("\\s+", " ");
            e.printStackTrace();
        }
        System.out.println("CHECK " + verdict + " " + (System.nanoTime() - start) / 1_000_000 + " " + name + " " + why);
    }

    static String fresh(String kind) {
        return kind + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    static void same(Object got, Object want, String what) {
        if (!want.equals(got)) {
            throw new AssertionError(what + ": got " + got + ", want " + want);
        }
    }

    static void until(String what, Question question) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (System.nanoTime() < end) {
            if (question.ask()) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("not within 30 s: " + what);
    }

    /** The call must fail with this error, somewhere in its chain of causes. */
    static void refused(Class<? extends Throwable> want, Check call) {
        try {
            call.run();
        } catch (Throwable e) {
            for (Throwable at = e; at != null; at = at.getCause()) {
                if (want.isInstance(at)) {
                    return;
                }
            }
            throw new AssertionError("want " + want.getSimpleName() + ", got " + e, e);
        }
        throw new AssertionError("want " + want.getSimpleName() + ", got an answer");
    }

    static String topic(int partitions, Map<String, String> configs) throws Exception {
        String name = fresh("topic");
        admin.createTopics(List.of(new org.apache.kafka.clients.admin.NewTopic(name, partitions, (short) 1).configs(configs))).all().get();
        until("the topic is there", () -> admin.listTopics().names().get().contains(name));
        return name;
    }

    static String topic() throws Exception {
        return topic(1, Map.of());
    }

    static KafkaProducer<String, String> producer(Object... settings) {
        return new KafkaProducer<>(properties(settings), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... settings) {
        Properties p = properties("auto.offset.reset", "earliest", "enable.auto.commit", "false", "session.timeout.ms", "10000",
            "heartbeat.interval.ms", "500");
        p.putAll(properties(settings));
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    private static Properties properties(Object... settings) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < settings.length; i += 2) {
            p.put(settings[i], String.valueOf(settings[i + 1]));
        }
        return p;
    }

    /** Writes numbers from 0 on to partition 0 and wants them at these offsets. */
    static void produce(String topic, int count, Object... settings) throws Exception {
        List<java.util.concurrent.Future<org.apache.kafka.clients.producer.RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<String, String> p = producer(settings)) {
            for (int i = 0; i < count; i++) {
                sent.add(p.send(new ProducerRecord<>(topic, 0, null, Integer.toString(i))));
            }
            p.flush();
        }
        for (int i = 0; i < count; i++) {
            same(sent.get(i).get(20, TimeUnit.SECONDS).offset(), (long) i, "offset");
        }
    }

    static List<org.apache.kafka.clients.consumer.ConsumerRecord<String, String>> read(KafkaConsumer<String, String> c, int count) throws Exception {
        List<org.apache.kafka.clients.consumer.ConsumerRecord<String, String>> got = new ArrayList<>();
        until(count + " records", () -> {
            c.poll(Duration.ofMillis(200)).forEach(got::add);
            return got.size() >= count;
        });
        same(got.size(), count, "records");
        return got;
    }

    static Collection<TopicPartition> partitions(String topic, int count) {
        List<TopicPartition> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(new TopicPartition(topic, i));
        }
        return all;
    }
}
