"""Checks of kafka-python 3: records, groups, and all of its admin client that one broker without security can serve."""

import threading
import time
import uuid

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient, MemberToRemove, OffsetSpec
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from checks import BOOTSTRAP, check, fresh, main, refused, same, until

# Milliseconds that a poll waits. When a poll's time ends just while SyncGroup is answered, the client (3.0.12) drops the
# assignment and never asks again; a long poll makes that rare.
POLL = 1000

_admin = []


def admin():
    if not _admin:
        _admin.append(KafkaAdminClient(bootstrap_servers=BOOTSTRAP))
    return _admin[0]


def topic(partitions=1, **config):
    name = fresh("topic")
    admin().create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": config}}, wait_for_metadata=True)
    return name


def produce(name, values, **config):
    p = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", **config)
    sent = [p.send(name, value=v, partition=0) for v in values]
    p.flush(30)
    offsets = [s.get(20).offset for s in sent]
    p.close()
    return offsets


def consumer(*topics, group=None, **config):
    return KafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, group_id=group, **{
        "auto_offset_reset": "earliest", "enable_auto_commit": False, "session_timeout_ms": 10000, **config})


def read(c, count, seconds=30):
    got, end = [], time.time() + seconds
    while len(got) < count and time.time() < end:
        for records in c.poll(POLL).values():
            got += records
    same(len(got), count, "records read")
    return got


def numbers(count):
    return [b"%d" % i for i in range(count)]


for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
    def round_trip(codec=codec):
        name = topic()
        sent = [b"value %d " % i + b"x" * 200 for i in range(500)]
        same(produce(name, sent, compression_type=codec), list(range(500)))
        c = consumer(name)
        same([r.value for r in read(c, 500)], sent)
        c.close()
    check("produce/codec-%s" % (codec or "none"))(round_trip)


@check("produce/idempotent")
def idempotent():
    name = topic()
    same(produce(name, numbers(300), enable_idempotence=True), list(range(300)))
    state = admin().describe_producers([TopicPartition(name, 0)])
    same(len(list(state.values())[0].active_producers), 1, "active producers")


@check("produce/too-large")
def too_large():
    name = topic(**{"max.message.bytes": "1000"})
    refused(lambda: produce(name, [b"x" * 5000]), "MessageSizeTooLarge")


@check("produce/auto-create")
def auto_create():
    name = fresh("topic")
    same(produce(name, numbers(3)), [0, 1, 2])


@check("produce/compacted-topic-wants-keys")
def no_key():
    name = topic(**{"cleanup.policy": "compact"})
    refused(lambda: produce(name, numbers(1)), "InvalidRecord", "InvalidMessage")


@check("records/keys-headers-tombstones")
def records():
    name, p = topic(), KafkaProducer(bootstrap_servers=BOOTSTRAP)
    headers = [("a", b"1"), ("a", b"2"), ("empty", b"")]
    p.send(name, key=b"k", value=b"v", headers=headers, timestamp_ms=1_600_000_000_123)
    p.send(name, key=b"k", value=None)
    p.send(name, key=None, value=b"no key")
    p.flush(20)
    p.close()
    c = consumer(name)
    got = read(c, 3)
    same([(r.key, r.value) for r in got], [(b"k", b"v"), (b"k", None), (None, b"no key")])
    same((list(got[0].headers), got[0].timestamp, got[0].timestamp_type), (headers, 1_600_000_000_123, 0))
    c.close()


@check("consume/seek")
def seek():
    name, at = topic(), None
    produce(name, numbers(100))
    c, at = consumer(), TopicPartition(name, 0)
    c.assign([at])
    c.seek(at, 42)
    same(read(c, 58)[0].offset, 42)
    c.seek_to_beginning(at)
    same(c.position(at), 0)
    c.seek_to_end(at)
    same(c.position(at), 100)
    c.close()


@check("consume/offsets-and-times")
def offsets():
    name, p = topic(), KafkaProducer(bootstrap_servers=BOOTSTRAP)
    for i in range(10):
        p.send(name, b"%d" % i, timestamp_ms=1_600_000_000_000 + i * 1000)
    p.flush(20)
    p.close()
    c, at = consumer(), TopicPartition(name, 0)
    same((c.beginning_offsets([at])[at], c.end_offsets([at])[at]), (0, 10))
    found = c.offsets_for_times({at: 1_600_000_004_500})[at]
    same((found.offset, found.timestamp), (5, 1_600_000_005_000))
    same(c.offsets_for_times({at: 1_700_000_000_000})[at], None)
    c.close()


@check("consume/out-of-range")
def out_of_range():
    name = topic()
    produce(name, numbers(5))
    c, at = consumer(auto_offset_reset="none"), TopicPartition(name, 0)
    c.assign([at])
    c.seek(at, 50)
    refused(lambda: read(c, 1, 5), "OffsetOutOfRange")
    c.close()


@check("group/commit-and-resume")
def resume():
    name, group = topic(), fresh("group")
    produce(name, numbers(20))
    c, at = consumer(name, group=group), TopicPartition(name, 0)
    read(c, 20)
    c.commit({at: OffsetAndMetadata(8, "half", -1)})
    same((c.committed(at), c.committed(at, metadata=True).metadata), (8, "half"))
    c.close()
    c = consumer(name, group=group)
    same(read(c, 12)[0].offset, 8)
    c.close()


@check("group/auto-commit")
def auto_commit():
    name, group = topic(), fresh("group")
    produce(name, numbers(20))
    c = consumer(name, group=group, enable_auto_commit=True)
    read(c, 20)
    c.close()
    c = consumer(group=group)
    same(c.committed(TopicPartition(name, 0)), 20)
    c.close()


class Member(threading.Thread):
    """A consumer of a group in a thread of its own, as applications have it; held are its partitions."""

    def __init__(self, name, group, assignor):
        super().__init__(daemon=True)
        self.c = consumer(name, group=group, partition_assignment_strategy=[assignor], heartbeat_interval_ms=500)
        self.held, self.ends = set(), threading.Event()
        self.start()

    def run(self):
        while not self.ends.is_set():
            self.c.poll(POLL)
            self.held = {p.partition for p in self.c.assignment()}
        self.c.close()

    def end(self):
        self.ends.set()
        self.join()


def share(assignor):
    name, group, members = topic(4), fresh("group"), []

    def settled(want):
        return sorted(len(m.held) for m in members) == want and set().union(*[m.held for m in members]) == {0, 1, 2, 3}
    for want in [[4], [2, 2]]:
        members.append(Member(name, group, assignor))
        until(lambda: settled(want), "partitions are shared as %r" % want, 30)
    members.pop().end()
    until(lambda: settled([4]), "the member that is left has all", 30)
    members.pop().end()


for assignor in [RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor]:
    check("group/rebalance-" + assignor.name)(lambda assignor=assignor: share(assignor))


@check("group/rebalance-listener")
def listener():
    name, group, seen = topic(2), fresh("group"), []

    class Listener(ConsumerRebalanceListener):
        def on_partitions_assigned(self, assigned):
            seen.append(("assigned", len(assigned)))

        def on_partitions_revoked(self, revoked):
            seen.append(("revoked", len(revoked)))
    c = consumer(group=group)
    c.subscribe([name], listener=Listener())
    until(lambda: c.poll(POLL) or c.assignment(), "an assignment")
    c.close()
    assert ("assigned", 2) in seen, seen


@check("group/static-member-comes-back")
def static_member():
    name, group = topic(2), fresh("group")
    settings = {"group_instance_id": "one", "session_timeout_ms": 20000}
    c = consumer(name, group=group, **settings)
    until(lambda: c.poll(POLL) or c.assignment(), "an assignment")
    c.close()
    same([m["group_instance_id"] for m in describe(group)["members"]], ["one"], "the member that is away")
    c = consumer(name, group=group, **settings)
    until(lambda: c.poll(POLL) or c.assignment(), "an assignment")
    removed = admin().remove_group_members(group, [MemberToRemove(group_instance_id="one")])
    same([e.__name__ for e in removed.values()], ["NoError"])
    c.close()


def describe(group):
    return admin().describe_groups([group])[group]


def busy_group():
    name, group = topic(2), fresh("group")
    produce(name, numbers(8))
    c = consumer(name, group=group)
    read(c, 8)
    c.commit({TopicPartition(name, 0): OffsetAndMetadata(8, "", -1)})
    return name, group, c


@check("admin/list-groups")
def list_groups():
    _, group, c = busy_group()
    found = [g for g in admin().list_groups() if g["group_id"] == group]
    same([(g["protocol_type"], g["group_state"]) for g in found], [("consumer", "Stable")])
    same([g for g in admin().list_groups(states_filter=["Empty"]) if g["group_id"] == group], [])
    same([g["group_id"] for g in admin().list_groups(types_filter=["classic"]) if g["group_id"] == group], [group])
    c.close()
    same(len([g for g in admin().list_groups(states_filter=["Empty"]) if g["group_id"] == group]), 1)


@check("admin/describe-group")
def describe_group():
    name, group, c = busy_group()
    got = describe(group)
    same((got["group_state"], got["protocol_type"], got["protocol_data"], len(got["members"])), ("Stable", "consumer", "range", 1))
    c.close()
    same((describe(group)["group_state"], describe(group)["members"]), ("Empty", []))


@check("admin/group-offsets")
def group_offsets():
    name, group, c = busy_group()
    at = TopicPartition(name, 0)
    same({p: o.offset for p, o in admin().list_group_offsets(group)[group].items()}, {at: 8})
    same([e.__name__ for e in admin().alter_group_offsets(group, {at: OffsetAndMetadata(3, "", -1)}).values()], ["UnknownMemberIdError"])
    same([e.__name__ for e in admin().delete_group_offsets(group, [at]).values()], ["GroupSubscribedToTopicError"])
    c.close()
    same([e.__name__ for e in admin().alter_group_offsets(group, {at: OffsetAndMetadata(3, "", -1)}).values()], ["NoError"])
    same(admin().list_group_offsets(group)[group][at].offset, 3)
    admin().reset_group_offsets(group, {at: OffsetSpec.EARLIEST})
    same(admin().list_group_offsets(group)[group][at].offset, 0)
    same([e.__name__ for e in admin().delete_group_offsets(group, [at]).values()], ["NoError"])
    same(admin().list_group_offsets(group)[group], {})


@check("admin/delete-group")
def delete_group():
    _, group, c = busy_group()

    def delete():
        return [getattr(e, "__name__", str(e)) for e in (admin().delete_groups([group])).values()]
    same(delete(), ["NonEmptyGroupError"])
    c.close()
    same(delete(), ["OK"])
    same(delete(), ["GroupIdNotFoundError"])


@check("admin/cluster-and-quorum")
def cluster():
    got = admin().describe_cluster()
    same([b["broker_id"] for b in got["brokers"]], [1])
    same((got["controller_id"], bool(got["cluster_id"])), (1, True))
    quorum = admin().describe_metadata_quorum()
    same([v["replica_id"] for v in quorum["topics"][0]["partitions"][0]["current_voters"]], [1])


@check("admin/features")
def features():
    got = admin().describe_features()
    assert "metadata.version" in got and got["metadata.version"]["finalized"], got


@check("admin/create-describe-delete-topic")
def create():
    name = topic(3)
    got = admin().describe_topics([name])[0]
    same(sorted((p["partition_index"], p["leader_id"]) for p in got["partitions"]), [(0, 1), (1, 1), (2, 1)])
    assert name in admin().list_topics()
    admin().delete_topics([name])
    until(lambda: name not in admin().list_topics(), "the topic is gone")


@check("admin/topic-by-id")
def by_id():
    name = topic(1)
    ident = admin().describe_topics([name])[0]["topic_id"]
    same(len(admin().describe_topics([uuid.UUID(str(ident))])[0]["partitions"]), 1)
    admin().delete_topics([uuid.UUID(str(ident))])
    until(lambda: name not in admin().list_topics(), "the topic is gone")


@check("admin/describe-topic-partitions")
def topic_partitions():
    name = topic(3)
    got = admin().describe_topic_partitions([name])
    assert str(got).count("'partition_index'") == 3, got


@check("admin/create-topic-errors")
def create_errors():
    name = topic()
    refused(lambda: admin().create_topics([name]), "TopicAlreadyExists")
    refused(lambda: admin().create_topics(["a b"]), "InvalidTopic")
    refused(lambda: admin().create_topics({fresh("t"): {"replication_factor": 3}}), "InvalidReplicationFactor")
    refused(lambda: admin().create_topics({fresh("t"): {"num_partitions": 0}}), "InvalidPartitions")
    refused(lambda: admin().create_topics({fresh("t"): {"configs": {"no.such": "1"}}}), "InvalidConfiguration")
    refused(lambda: admin().delete_topics([fresh("t")]), "UnknownTopicOrPartition")


@check("admin/create-topic-with-assignment")
def assignment():
    name = fresh("topic")
    admin().create_topics({name: {"assignments": {0: [1], 1: [1]}}}, wait_for_metadata=True)
    same(len(admin().describe_topics([name])[0]["partitions"]), 2)
    refused(lambda: admin().create_topics({fresh("t"): {"assignments": {0: [7]}}}), "InvalidReplicationAssignment")


@check("admin/create-partitions")
def create_partitions():
    name = topic(1)
    admin().create_partitions({name: 4})
    until(lambda: len(admin().describe_topics([name])[0]["partitions"]) == 4, "four partitions")
    refused(lambda: admin().create_partitions({name: 2}), "InvalidPartitions")


def config(kind, name, which="all"):
    return admin().describe_configs([ConfigResource(kind, name)], include_synonyms=True, config_filter=which)[kind.lower()][name]


@check("admin/describe-configs")
def describe_configs():
    name = topic(**{"retention.ms": "12345"})
    same(config("TOPIC", name)["retention.ms"]["value"], "12345")
    same(list(config("TOPIC", name, "modified")), ["retention.ms"])
    assert "num.partitions" in config("BROKER", "1")


@check("admin/alter-configs")
def alter_configs():
    name = topic()

    def alter(incremental, **configs):
        got = admin().alter_configs([ConfigResource("TOPIC", name, {k.replace("_", "."): v for k, v in configs.items()})],
                                    incremental=incremental)
        return got["topic"][name]
    alter(True, retention_ms="777")
    until(lambda: config("TOPIC", name)["retention.ms"]["value"] == "777", "the new value")
    alter(False, segment_ms="888888")
    until(lambda: config("TOPIC", name)["segment.ms"]["value"] == "888888", "the new value, the old way")
    admin().reset_configs([ConfigResource("TOPIC", name, ["segment.ms"])])
    until(lambda: list(config("TOPIC", name, "modified")) in ([], ["retention.ms"]), "the defaults")
    assert "NoError" not in str(alter(True, retention_ms="soon")), "a value that is no number"


@check("admin/list-config-resources")
def config_resources():
    name = topic()
    got = admin().list_config_resources(["TOPIC", "BROKER"])
    assert name in got["topic"], got
    same(got["broker"], ["1"])


@check("admin/delete-records")
def delete_records():
    name = topic()
    produce(name, numbers(10))
    at = TopicPartition(name, 0)
    same(admin().delete_records({at: 4})[at]["low_watermark"], 4)
    same(admin().list_partition_offsets({at: OffsetSpec.EARLIEST})[at].offset, 4)
    refused(lambda: admin().delete_records({at: 40}), "OffsetOutOfRange")


@check("admin/list-offsets")
def list_offsets():
    name = topic()
    produce(name, numbers(10))
    at = TopicPartition(name, 0)
    same([admin().list_partition_offsets({at: s})[at].offset for s in [OffsetSpec.EARLIEST, OffsetSpec.LATEST]], [0, 10])
    assert admin().list_partition_offsets({at: OffsetSpec.MAX_TIMESTAMP})[at].offset >= 0


@check("admin/log-dirs")
def log_dirs():
    name = topic(2)
    produce(name, numbers(10))
    got = str(admin().describe_log_dirs([name]))
    assert name in got and "partition_size" in got, got


@check("admin/elect-and-reassign")
def elect():
    name = topic()
    admin().elect_leaders(0, {name: [0]})
    same(admin().list_partition_reassignments(), {})
    same(list(admin().alter_partition_reassignments({TopicPartition(name, 0): [1]}).values()), [None])


@check("admin/api-versions")
def api_versions():
    assert len(admin().api_versions()) > 20


if __name__ == "__main__":
    main()
