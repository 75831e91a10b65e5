"""Checks of aiokafka: records, groups, and its admin client."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from checks import BOOTSTRAP, check, fresh, main, same


class Admin:
    async def __aenter__(self):
        self.client = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
        await self.client.start()
        return self.client

    async def __aexit__(self, *_):
        await self.client.close()


async def topic(partitions=1, **config):
    name = fresh("topic")
    async with Admin() as a:
        got = await a.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        same([e[1] for e in got.topic_errors], [0], "errors of create")
    return name


async def produce(name, values, **config):
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", **config) as p:
        sent = [await p.send(name, value=v, partition=0) for v in values]
        await p.flush()
        return [(await s).offset for s in sent]


def consumer(*topics, group=None, **config):
    return AIOKafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, group_id=group, **{
        "auto_offset_reset": "earliest", "enable_auto_commit": False, "session_timeout_ms": 10000, **config})


async def read(c, count):
    return [await asyncio.wait_for(c.getone(), 20) for _ in range(count)]


async def until(ask, what, seconds=30):
    end = time.time() + seconds
    while not ask():
        assert time.time() < end, "not within %d s: %s" % (seconds, what)
        await asyncio.sleep(0.1)


async def refused(awaitable, *names):
    try:
        got = await awaitable
    except Exception as e:
        text = "%s %s" % (type(e).__name__, e)
        assert any(n in text for n in names), "want %s, got %.300s" % (" or ".join(names), text)
        return
    raise AssertionError("want %s, got an answer: %.300r" % (" or ".join(names), got))


def numbers(count):
    return [b"%d" % i for i in range(count)]


for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
    async def round_trip(codec=codec):
        name = await topic()
        sent = [b"value %d " % i + b"x" * 200 for i in range(500)]
        same(await produce(name, sent, compression_type=codec), list(range(500)))
        async with consumer(name) as c:
            same([r.value for r in await read(c, 500)], sent)
    check("produce/codec-%s" % (codec or "none"))(round_trip)


@check("produce/idempotent")
async def idempotent():
    same(await produce(await topic(), numbers(300), enable_idempotence=True), list(range(300)))


@check("produce/too-large")
async def too_large():
    await refused(produce(await topic(**{"max.message.bytes": "1000"}), [b"x" * 5000]), "MessageSizeTooLarge")


@check("produce/auto-create")
async def auto_create():
    same(await produce(fresh("topic"), numbers(3)), [0, 1, 2])


@check("records/keys-headers-tombstones")
async def records():
    name, headers = await topic(), [("a", b"1"), ("a", b"2"), ("empty", b"")]
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP) as p:
        await p.send_and_wait(name, key=b"k", value=b"v", headers=headers, timestamp_ms=1_600_000_000_123)
        await p.send_and_wait(name, key=b"k", value=None)
        await p.send_and_wait(name, key=None, value=b"no key")
    async with consumer(name) as c:
        got = await read(c, 3)
    same([(r.key, r.value) for r in got], [(b"k", b"v"), (b"k", None), (None, b"no key")])
    same((list(got[0].headers), got[0].timestamp, got[0].timestamp_type), (headers, 1_600_000_000_123, 0))


@check("consume/seek")
async def seek():
    name = await topic()
    at = TopicPartition(name, 0)
    await produce(name, numbers(100))
    async with consumer() as c:
        c.assign([at])
        c.seek(at, 42)
        same((await read(c, 58))[0].offset, 42)
        await c.seek_to_beginning(at)
        same((await read(c, 1))[0].offset, 0)
        await c.seek_to_end(at)
        same(await c.position(at), 100)


@check("consume/offsets-and-times")
async def offsets():
    name = await topic()
    at = TopicPartition(name, 0)
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP) as p:
        for i in range(10):
            await p.send_and_wait(name, b"%d" % i, timestamp_ms=1_600_000_000_000 + i * 1000)
    async with consumer() as c:
        same(((await c.beginning_offsets([at]))[at], (await c.end_offsets([at]))[at]), (0, 10))
        same((await c.offsets_for_times({at: 1_600_000_004_500}))[at].offset, 5)


@check("consume/out-of-range")
async def out_of_range():
    name = await topic()
    at = TopicPartition(name, 0)
    await produce(name, numbers(5))
    async with consumer(auto_offset_reset="none") as c:
        c.assign([at])
        c.seek(at, 50)
        await refused(c.getone(), "OffsetOutOfRange")


@check("group/commit-and-resume")
async def resume():
    name, group = await topic(), fresh("group")
    at = TopicPartition(name, 0)
    await produce(name, numbers(20))
    async with consumer(name, group=group) as c:
        await read(c, 20)
        await c.commit({at: (8, "half")})
        same(await c.committed(at), 8)
    async with consumer(name, group=group) as c:
        same((await read(c, 12))[0].offset, 8)


@check("group/auto-commit")
async def auto_commit():
    name, group = await topic(), fresh("group")
    await produce(name, numbers(20))
    async with consumer(name, group=group, enable_auto_commit=True) as c:
        await read(c, 20)
    async with consumer(group=group) as c:
        same(await c.committed(TopicPartition(name, 0)), 20)


async def share(assignor):
    name, group, members = await topic(4), fresh("group"), []

    def settled(want):
        held = [{p.partition for p in c.assignment()} for c in members]
        return sorted(map(len, held)) == want and set.union(*held) == {0, 1, 2, 3}
    for want in [[4], [2, 2]]:
        c = consumer(name, group=group, partition_assignment_strategy=[assignor], heartbeat_interval_ms=500)
        await c.start()
        members.append(c)
        await until(lambda: settled(want), "partitions are shared as %r" % want)
    await members.pop().stop()
    await until(lambda: settled([4]), "the member that is left has all")
    await members.pop().stop()


for assignor in [RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor]:
    async def rebalance(assignor=assignor):
        await share(assignor)
    check("group/rebalance-" + assignor.name)(rebalance)


@check("group/static-member-comes-back")
async def static_member():
    name, group = await topic(2), fresh("group")
    for _ in range(2):
        async with consumer(name, group=group, group_instance_id="one") as c:
            await until(lambda: len(c.assignment()) == 2, "an assignment")


@check("group/pattern-subscription")
async def pattern():
    prefix = fresh("re")
    async with Admin() as a:
        await a.create_topics([NewTopic("%s-%d" % (prefix, i), 1, 1) for i in range(3)])
    async with consumer(group=fresh("group")) as c:
        c.subscribe(pattern="^%s-.*" % prefix)
        await until(lambda: len(c.assignment()) == 3, "three partitions")


@check("admin/groups")
async def groups():
    name, group = await topic(2), fresh("group")
    at = TopicPartition(name, 0)
    await produce(name, numbers(8))
    async with Admin() as a:
        async with consumer(name, group=group) as c:
            await read(c, 8)
            await c.commit({at: 8})
            same([g for g in await a.list_consumer_groups() if g[0] == group][0][:2], (group, "consumer"))
            described = (await a.describe_consumer_groups([group]))[0].groups[0]
            same((described[0], described[1], described[2], len(described[5])), (0, group, "Stable", 1))
        same((await a.list_consumer_group_offsets(group))[at].offset, 8)


@check("admin/topics")
async def topics():
    name = await topic(3)
    async with Admin() as a:
        got = (await a.describe_topics([name]))[0]
        same(sorted((p["partition"], p["leader"]) for p in got["partitions"]), [(0, 1), (1, 1), (2, 1)])
        await a.create_partitions({name: NewPartitions(5)})
        for _ in range(50):
            if len((await a.describe_topics([name]))[0]["partitions"]) == 5:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("not five partitions")
        again = await a.create_topics([NewTopic(name, 1, 1)])
        same([e[1] for e in again.topic_errors], [36], "TOPIC_ALREADY_EXISTS")
        await a.delete_topics([name])
        for _ in range(50):
            if name not in await a.list_topics():
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the topic is still there")


@check("admin/cluster")
async def cluster():
    async with Admin() as a:
        got = await a.describe_cluster()
        same([b["node_id"] for b in got["brokers"]], [1])
        assert got["cluster_id"], got


@check("admin/configs")
async def configs():
    name = await topic(**{"retention.ms": "12345"})
    resource = ConfigResource(ConfigResourceType.TOPIC, name)

    async def value(a, key):
        described = (await a.describe_configs([resource]))[0].resources[0]
        return [e[1] for e in described[4] if e[0] == key]

    async def becomes(a, want):
        for _ in range(50):
            if await value(a, "retention.ms") == [want]:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("still %r" % await value(a, "retention.ms"))
    async with Admin() as a:
        await becomes(a, "12345")
        await a.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs={"retention.ms": "777"})])
        await becomes(a, "777")


@check("admin/delete-records")
async def delete_records():
    name = await topic()
    at = TopicPartition(name, 0)
    await produce(name, numbers(10))
    async with Admin() as a:
        same((await a.delete_records({at: RecordsToDelete(4)}))[at], 4)
    async with consumer() as c:
        same((await c.beginning_offsets([at]))[at], 4)


if __name__ == "__main__":
    main()
