"""kafka-python against a broker."""

import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

import speech

PATIENCE = 45


def produce(bootstrap, topic, partition, codec, _idempotent, records):
    # One batch until flush sends it: a batch that compression would not make smaller is stored plainly.
    p = KafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type=None if codec == "none" else codec,
                      linger_ms=5000, max_in_flight_requests_per_connection=1)
    sent = [p.send(topic, value=r["value"], key=r["key"], headers=r["headers"], partition=partition,
                   timestamp_ms=r["timestamp"]) for r in records]
    p.flush(PATIENCE)
    offsets = [f.get(PATIENCE).offset for f in sent]
    p.close()
    return offsets


def consume(bootstrap, topic, partition, start, until):
    c = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False,
                      consumer_timeout_ms=PATIENCE * 1000, auto_offset_reset="none")
    at = TopicPartition(topic, partition)
    c.assign([at])
    if start == "start":
        c.seek_to_beginning(at)
    elif start.startswith("@"):
        c.seek(at, c.offsets_for_times({at: int(start[1:])})[at].offset)
    else:
        c.seek(at, int(start))
    high = c.end_offsets([at])[at]
    if high != until:
        sys.exit("high watermark %d, want %d" % (high, until))
    for m in c:
        speech.say(m.offset, m.key, m.value, m.headers, m.timestamp)
        if m.offset + 1 >= until:
            c.close()
            return
    sys.exit("consume: too slow")


def admin(bootstrap, topic):
    a = KafkaAdminClient(bootstrap_servers=bootstrap)
    seen = {"created": False, "partitions": 0, "listed": False, "deleted": False}
    a.create_topics([NewTopic(topic, 3, 1, topic_configs={"retention.ms": "3600000"})])
    seen["created"] = True

    def listed():
        if topic not in a.list_topics():
            return False
        seen["partitions"] = len(a.describe_topics([topic])[0]["partitions"])
        return seen["partitions"] == 3

    seen["listed"] = speech.soon(listed)
    a.delete_topics([topic])
    seen["deleted"] = speech.soon(lambda: topic not in a.list_topics())
    return seen


def group(bootstrap, topic, name, stop):
    c = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=name, enable_auto_commit=False, auto_offset_reset="earliest",
                      session_timeout_ms=10000, heartbeat_interval_ms=500)
    while not stop.asked:
        some = c.poll(200)
        for records in some.values():
            for m in records:
                speech.tell(m.partition, m.offset, m.key, m.value)
        if some:
            c.commit()
    c.close(autocommit=False)


speech.main(produce, consume, admin, group)
