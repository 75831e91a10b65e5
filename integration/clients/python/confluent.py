"""confluent-kafka (librdkafka) against a broker."""

import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import speech

PATIENCE = 45


def produce(bootstrap, topic, partition, codec, idempotent, records):
    # One batch until flush sends it: librdkafka stores a batch plainly that compression would not make smaller.
    p = Producer({
        "bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": idempotent,
        "acks": "all", "linger.ms": 5000, "message.timeout.ms": PATIENCE * 1000,
    })
    offsets = [None] * len(records)
    errors = []

    def delivered(i):
        def done(err, msg):
            if err is not None:
                errors.append(str(err))
            else:
                offsets[i] = msg.offset()
        return done

    for i, r in enumerate(records):
        p.produce(topic, value=r["value"], key=r["key"], partition=partition, timestamp=r["timestamp"],
                  headers=r["headers"] or None, on_delivery=delivered(i))
    left = p.flush(PATIENCE)
    if errors or left:
        sys.exit("produce: %d left, %s" % (left, errors[:3]))
    return offsets


def consume(bootstrap, topic, partition, start, until):
    c = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                  "enable.auto.offset.store": False, "auto.offset.reset": "error"})
    at = TopicPartition(topic, partition)
    if start == "start":
        at.offset = c.get_watermark_offsets(at, timeout=PATIENCE)[0]
    elif start.startswith("@"):
        at.offset = int(start[1:])
        at.offset = c.offsets_for_times([at], timeout=PATIENCE)[0].offset
    else:
        at.offset = int(start)
    high = c.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)[1]
    if high != until:
        sys.exit("high watermark %d, want %d" % (high, until))
    c.assign([at])
    end = time.time() + PATIENCE
    while time.time() < end:
        m = c.poll(1)
        if m is None:
            continue
        if m.error():
            sys.exit("consume: %s" % m.error())
        speech.say(m.offset(), m.key(), m.value(), m.headers(), m.timestamp()[1])
        if m.offset() + 1 >= until:
            c.close()
            return
    sys.exit("consume: too slow")


def admin(bootstrap, topic):
    a = AdminClient({"bootstrap.servers": bootstrap})
    seen = {"created": False, "partitions": 0, "listed": False, "deleted": False}
    a.create_topics([NewTopic(topic, 3, 1, config={"retention.ms": "3600000"})])[topic].result(PATIENCE)
    seen["created"] = True

    def listed():
        topics = a.list_topics(timeout=PATIENCE).topics
        seen["partitions"] = len(topics[topic].partitions) if topic in topics else 0
        return seen["partitions"] == 3

    seen["listed"] = speech.soon(listed)
    a.delete_topics([topic])[topic].result(PATIENCE)
    seen["deleted"] = speech.soon(lambda: topic not in a.list_topics(timeout=PATIENCE).topics)
    return seen


def group(bootstrap, topic, name, stop):
    c = Consumer({"bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                  "session.timeout.ms": 10000, "heartbeat.interval.ms": 500})
    c.subscribe([topic])
    while not stop.asked:
        m = c.poll(0.2)
        if m is None or m.error():
            continue
        speech.tell(m.partition(), m.offset(), m.key(), m.value())
        c.commit(m, asynchronous=False)
    c.close()


speech.main(produce, consume, admin, group)
