"""Checks of confluent-kafka (librdkafka): records and groups. Admin is in confluent_admin.py."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from checks import BOOTSTRAP, check, fresh, refused, same, until

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


_admin = AdminClient({"bootstrap.servers": BOOTSTRAP})  # one for all: a client that is dropped cancels what it was asked


def admin():
    return _admin


def topic(partitions=1, **config):
    name = fresh("topic")
    admin().create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(20)
    return name


def produce(name, values, key=None, partition=0, **config):
    p, failures, offsets = Producer({"bootstrap.servers": BOOTSTRAP, "acks": "all", **config}), [], []

    def done(err, msg):
        if err is not None:
            failures.append(err)
        else:
            offsets.append(msg.offset())
    for v in values:
        p.produce(name, value=v, key=key, partition=partition, on_delivery=done)
    same(p.flush(30), 0, "records left")
    if failures:
        raise KafkaException(failures[0])
    return offsets


def consumer(group=None, **config):
    return Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group or fresh("group"), "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, "session.timeout.ms": 6000, **config})


def read(c, count, seconds=30):
    got, end = [], time.time() + seconds
    while len(got) < count and time.time() < end:
        m = c.poll(0.2)
        if m is None:
            continue
        if m.error():
            raise KafkaException(m.error())
        got.append(m)
    same(len(got), count, "records read")
    return got


def values(messages):
    return [m.value() for m in messages]


def numbers(count, start=0):
    return [b"%d" % i for i in range(start, start + count)]


for codec in CODECS:
    def round_trip(codec=codec):
        name = topic()
        sent = [b"value %d " % i + b"x" * 200 for i in range(500)]
        produce(name, sent, **{"compression.type": codec})
        c = consumer()
        c.subscribe([name])
        same(values(read(c, 500)), sent, codec)
        c.close()
    check("produce/codec-" + codec)(round_trip)


@check("produce/idempotent")
def idempotent():
    name = topic()
    same(produce(name, numbers(300), **{"enable.idempotence": True}), list(range(300)), "offsets")


@check("produce/acks-0")
def acks_0():
    name = topic()
    produce(name, numbers(10), acks="0")
    c = consumer()
    c.subscribe([name])
    same(values(read(c, 10)), numbers(10))
    c.close()


@check("produce/too-large")
def too_large():
    name = topic(**{"max.message.bytes": "1000"})
    refused(lambda: produce(name, [b"x" * 5000]), "MSG_SIZE_TOO_LARGE")


@check("produce/large")
def large():
    name = topic(**{"max.message.bytes": "10000000"})
    produce(name, [b"x" * 5_000_000], **{"message.max.bytes": 9_000_000})
    c = consumer()
    c.subscribe([name])
    same(len(read(c, 1)[0].value()), 5_000_000)
    c.close()


@check("produce/auto-create")
def auto_create():
    name = fresh("topic")
    produce(name, numbers(3))
    same(len(admin().list_topics(name, timeout=10).topics[name].partitions), 1)


@check("records/keys-headers-tombstones")
def records():
    name, p = topic(), Producer({"bootstrap.servers": BOOTSTRAP})
    headers = [("a", b"1"), ("a", b"2"), ("empty", b""), ("null", None)]
    p.produce(name, key=b"k", value=b"v", headers=headers, timestamp=1_600_000_000_123)
    p.produce(name, key=b"k", value=None)
    p.produce(name, key=None, value=b"no key")
    p.produce(name, key=b"", value=b"")
    same(p.flush(20), 0)
    c = consumer()
    c.subscribe([name])
    got = read(c, 4)
    same([(m.key(), m.value()) for m in got], [(b"k", b"v"), (b"k", None), (None, b"no key"), (b"", b"")])
    same(got[0].headers(), headers)
    same(got[0].timestamp(), (1, 1_600_000_000_123))
    c.close()


@check("records/log-append-time")
def append_time():
    name, p = topic(**{"message.timestamp.type": "LogAppendTime"}), Producer({"bootstrap.servers": BOOTSTRAP})
    p.produce(name, b"v", timestamp=1)
    same(p.flush(20), 0)
    c = consumer()
    c.subscribe([name])
    kind, stamp = read(c, 1)[0].timestamp()
    same(kind, 2, "kind of timestamp")
    assert abs(stamp - time.time() * 1000) < 60_000, stamp
    c.close()


@check("consume/seek")
def seek():
    name = topic()
    produce(name, numbers(100))
    c = consumer()
    c.assign([TopicPartition(name, 0, OFFSET_BEGINNING)])
    read(c, 100)
    c.seek(TopicPartition(name, 0, 42))
    same(read(c, 1)[0].offset(), 42)
    c.close()


@check("consume/watermarks-and-times")
def watermarks():
    name, p = topic(), Producer({"bootstrap.servers": BOOTSTRAP})
    for i in range(10):
        p.produce(name, b"%d" % i, partition=0, timestamp=1_600_000_000_000 + i * 1000)
    same(p.flush(20), 0)
    c = consumer()
    same(c.get_watermark_offsets(TopicPartition(name, 0), timeout=10), (0, 10))
    at = c.offsets_for_times([TopicPartition(name, 0, 1_600_000_004_500)], timeout=10)
    same(at[0].offset, 5)
    c.close()


@check("consume/out-of-range")
def out_of_range():
    name = topic()
    produce(name, numbers(5))
    c = consumer(**{"auto.offset.reset": "error"})
    c.assign([TopicPartition(name, 0, 50)])

    def ask():
        m = c.poll(0.5)
        return m is not None and m.error() is not None and m.error().code()
    code = until(ask, "an error of the consumer")
    same(code, KafkaError._AUTO_OFFSET_RESET)
    c.close()


@check("consume/partition-eof")
def eof():
    name = topic()
    produce(name, numbers(5))
    c = consumer(**{"enable.partition.eof": True})
    c.assign([TopicPartition(name, 0, 0)])
    got = []
    until(lambda: (lambda m: m is not None and (got.append(m) or m.error() is not None))(c.poll(0.5)), "the end of the partition")
    same([m.error() is None for m in got], [True] * 5 + [False])
    c.close()


@check("consume/unknown-topic")
def unknown_topic():
    c = consumer(**{"allow.auto.create.topics": False})
    c.subscribe([fresh("nobody")])
    until(lambda: (lambda m: m is not None and m.error() is not None and m.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART)(c.poll(0.5)),
          "UNKNOWN_TOPIC_OR_PART")
    c.close()


@check("consume/fetch-from-many-partitions")
def many_partitions():
    name, p = topic(12), Producer({"bootstrap.servers": BOOTSTRAP})
    for i in range(600):
        p.produce(name, b"%d" % i, partition=i % 12)
    same(p.flush(30), 0)
    c = consumer()
    c.subscribe([name])
    same(sorted(int(m.value()) for m in read(c, 600)), list(range(600)))
    c.close()


@check("group/commit-and-resume")
def resume():
    name, group = topic(), fresh("group")
    produce(name, numbers(20))
    c = consumer(group)
    c.subscribe([name])
    read(c, 8)
    c.commit(offsets=[TopicPartition(name, 0, 8, metadata="half")], asynchronous=False)
    at = c.committed([TopicPartition(name, 0)], timeout=10)[0]
    same((at.offset, at.metadata), (8, "half"))
    c.close()
    c = consumer(group)
    c.subscribe([name])
    same(read(c, 1)[0].offset(), 8)
    c.close()


@check("group/auto-commit")
def auto_commit():
    name, group = topic(), fresh("group")
    produce(name, numbers(20))
    c = consumer(group, **{"enable.auto.commit": True})
    c.subscribe([name])
    read(c, 20)
    c.close()
    c = consumer(group)
    same(c.committed([TopicPartition(name, 0)], timeout=10)[0].offset, 20)
    c.close()


@check("group/unknown-group-has-no-offsets")
def no_offsets():
    name = topic()
    c = consumer()
    at = c.committed([TopicPartition(name, 0)], timeout=10)[0]
    same((at.offset, at.error), (-1001, None))
    c.close()


def share(strategy):
    name, group, c = topic(4), fresh("group"), []
    held = [set(), set()]

    def hooks(i):
        def got(consumer, partitions):
            held[i].update(p.partition for p in partitions)
            (consumer.incremental_assign if strategy == "cooperative-sticky" else consumer.assign)(partitions)

        def lost(consumer, partitions):
            held[i].difference_update(p.partition for p in partitions)
            (consumer.incremental_unassign(partitions) if strategy == "cooperative-sticky" else consumer.unassign())
        return {"on_assign": got, "on_revoke": lost}

    def settled(want):
        for one in c:
            one.poll(0.1)
        return sorted(len(h) for h in held) == want and set.union(*held) == {0, 1, 2, 3}
    for i in range(2):
        c.append(consumer(group, **{"partition.assignment.strategy": strategy}))
        c[i].subscribe([name], **hooks(i))
        until(lambda: settled([0, 4] if i == 0 else [2, 2]), "%d members share four partitions: %r" % (i + 1, held), 40)
    c.pop().close()
    held[1].clear()
    until(lambda: settled([0, 4]), "the member that is left has all: %r" % held, 40)
    c.pop().close()


for strategy in ["range", "roundrobin", "cooperative-sticky"]:
    check("group/rebalance-" + strategy)(lambda strategy=strategy: share(strategy))


@check("group/static-member-comes-back")
def static_member():
    name, group = topic(2), fresh("group")
    settings = {"group.instance.id": "one", "session.timeout.ms": 20000}
    c = consumer(group, **settings)
    c.subscribe([name])
    until(lambda: c.poll(0.1) or len(c.assignment()) == 2, "an assignment")
    before = c.memberid()
    c.close()
    described = admin().describe_consumer_groups([group])[group].result(10)
    same([m.group_instance_id for m in described.members], ["one"], "the member that is away")
    c = consumer(group, **settings)
    c.subscribe([name])
    until(lambda: c.poll(0.1) or len(c.assignment()) == 2, "an assignment")
    assert c.memberid() != before, "a new member id"
    c.close()


@check("group/static-member-is-fenced")
def fenced():
    name, group = topic(2), fresh("group")
    settings = {"group.instance.id": "one", "session.timeout.ms": 20000, "heartbeat.interval.ms": 500}
    first = consumer(group, **settings)
    first.subscribe([name])
    until(lambda: first.poll(0.1) or first.assignment(), "an assignment")
    second = consumer(group, **settings)
    second.subscribe([name])
    until(lambda: second.poll(0.1) or second.assignment(), "an assignment of the second")

    def fatal():
        m = first.poll(0.2)
        return m is not None and m.error() is not None and m.error().code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID)
    until(fatal, "the first is fenced")
    second.close()
    first.close()


@check("group/inconsistent-protocol")
def inconsistent():
    name, group = topic(), fresh("group")
    a = consumer(group, **{"partition.assignment.strategy": "range"})
    a.subscribe([name])
    until(lambda: a.poll(0.1) or a.assignment(), "an assignment")
    b = consumer(group, **{"partition.assignment.strategy": "cooperative-sticky"})
    b.subscribe([name])

    def told():
        a.poll(0.05)
        m = b.poll(0.2)
        return m is not None and m.error() is not None and m.error().code() == KafkaError.INCONSISTENT_GROUP_PROTOCOL
    until(told, "INCONSISTENT_GROUP_PROTOCOL")
    b.close()
    a.close()


@check("group/regex-subscription")
def regex():
    prefix = fresh("re")
    for i in range(3):
        admin().create_topics([NewTopic("%s-%d" % (prefix, i), 1, 1)])["%s-%d" % (prefix, i)].result(20)
    c = consumer()
    c.subscribe(["^%s-.*" % prefix])
    until(lambda: c.poll(0.1) or len(c.assignment()) == 3, "three partitions")
    c.close()
