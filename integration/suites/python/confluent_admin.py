"""Checks of confluent-kafka's AdminClient, and the start of all its checks."""

import confluent_kafka
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import (AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType)

import confluent  # noqa: F401, its checks
from checks import check, fresh, main, refused, same, until
from confluent import admin, consumer, numbers, produce, read, topic


def of(futures):
    """The only result of a call on one thing."""
    return next(iter(futures.values())).result(20)


def config(name, kind=ResourceType.TOPIC):
    return of(admin().describe_configs([ConfigResource(kind, name)]))


@check("admin/cluster")
def cluster():
    got = admin().describe_cluster().result(10)
    same([n.id for n in got.nodes], [1])
    same(got.controller.id, 1)
    assert got.cluster_id


@check("admin/create-describe-delete-topic")
def create():
    name = topic(3)
    got = of(admin().describe_topics(confluent_kafka.TopicCollection([name])))
    same([(p.id, p.leader.id, [r.id for r in p.replicas]) for p in got.partitions], [(i, 1, [1]) for i in range(3)])
    of(admin().delete_topics([name]))
    until(lambda: name not in admin().list_topics(timeout=10).topics, "the topic is gone")


@check("admin/create-topic-errors")
def create_errors():
    name = topic()
    refused(lambda: of(admin().create_topics([NewTopic(name, 1, 1)])), "TOPIC_ALREADY_EXISTS")
    refused(lambda: of(admin().create_topics([NewTopic("a b", 1, 1)])), "TOPIC_EXCEPTION")
    refused(lambda: of(admin().create_topics([NewTopic(fresh("t"), 1, 3)])), "INVALID_REPLICATION_FACTOR")
    refused(lambda: of(admin().create_topics([NewTopic(fresh("t"), 1, 1, config={"no.such": "1"})])), "INVALID_CONFIG")
    refused(lambda: of(admin().create_topics([NewTopic(fresh("t"), 1, 1, config={"retention.ms": "soon"})])), "INVALID_CONFIG")
    refused(lambda: of(admin().delete_topics([fresh("t")])), "UNKNOWN_TOPIC_OR_PART")


@check("admin/create-topic-validate-only")
def validate_only():
    name = fresh("topic")
    of(admin().create_topics([NewTopic(name, 1, 1)], validate_only=True))
    assert name not in admin().list_topics(timeout=10).topics


@check("admin/create-partitions")
def create_partitions():
    name = topic(1)
    of(admin().create_partitions([NewPartitions(name, 4)]))
    until(lambda: len(admin().list_topics(name, timeout=10).topics[name].partitions) == 4, "four partitions")
    refused(lambda: of(admin().create_partitions([NewPartitions(name, 2)])), "INVALID_PARTITIONS")


@check("admin/describe-topic-configs")
def describe_configs():
    got = config(topic(**{"retention.ms": "12345"}))
    same((got["retention.ms"].value, got["retention.ms"].is_default), ("12345", False))
    same((got["cleanup.policy"].value, got["cleanup.policy"].is_default), ("delete", True))
    assert "segment.bytes" in got and len(got["segment.bytes"].synonyms) >= 1
    refused(lambda: config(fresh("nobody")), "UNKNOWN_TOPIC_OR_PART")


@check("admin/describe-broker-configs")
def describe_broker():
    got = config("1", ResourceType.BROKER)
    for key in ["num.partitions", "log.retention.hours", "auto.create.topics.enable", "message.max.bytes", "compression.type"]:
        assert key in got, key


@check("admin/alter-topic-config-incremental")
def incremental():
    name = topic()

    def alter(key, value, op):
        of(admin().incremental_alter_configs([ConfigResource(
            ResourceType.TOPIC, name, incremental_configs=[ConfigEntry(key, value, incremental_operation=op)])]))
    alter("retention.ms", "777", AlterConfigOpType.SET)
    until(lambda: config(name)["retention.ms"].value == "777", "the new value")
    alter("cleanup.policy", "compact", AlterConfigOpType.APPEND)
    until(lambda: config(name)["cleanup.policy"].value == "delete,compact", "both policies")
    alter("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT)
    until(lambda: config(name)["cleanup.policy"].value == "compact", "one policy")
    alter("retention.ms", None, AlterConfigOpType.DELETE)
    until(lambda: config(name)["retention.ms"].is_default, "the default")
    refused(lambda: alter("retention.ms", "soon", AlterConfigOpType.SET), "INVALID_CONFIG")
    refused(lambda: alter("no.such", "1", AlterConfigOpType.SET), "INVALID_CONFIG")


@check("admin/alter-broker-config")
def alter_broker():
    def alter(value, op):
        of(admin().incremental_alter_configs([ConfigResource(
            ResourceType.BROKER, "1", incremental_configs=[ConfigEntry("log.retention.ms", value, incremental_operation=op)])]))
    alter("123456789", AlterConfigOpType.SET)
    until(lambda: config("1", ResourceType.BROKER)["log.retention.ms"].value == "123456789", "the new value")
    alter(None, AlterConfigOpType.DELETE)
    refused(lambda: of(admin().incremental_alter_configs([ConfigResource(ResourceType.BROKER, "1", incremental_configs=[
        ConfigEntry("log.dirs", "/elsewhere", incremental_operation=AlterConfigOpType.SET)])])), "INVALID_REQUEST", "INVALID_CONFIG")


@check("admin/delete-records")
def delete_records():
    name = topic()
    produce(name, numbers(10))
    got = of(admin().delete_records([TopicPartition(name, 0, 4)]))
    same(got.low_watermark, 4)
    c = consumer()
    same(c.get_watermark_offsets(TopicPartition(name, 0), timeout=10), (4, 10))
    c.close()
    refused(lambda: of(admin().delete_records([TopicPartition(name, 0, 40)])), "OFFSET_OUT_OF_RANGE")


@check("admin/list-offsets")
def list_offsets():
    name = topic()
    produce(name, numbers(10))
    for spec, want in [(OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 10), (OffsetSpec.max_timestamp(), None)]:
        got = of(admin().list_offsets({TopicPartition(name, 0): spec}))
        assert want is None or got.offset == want, (spec, got.offset)


def busy_group():
    """A group with one member, eight records read and committed."""
    name, group = topic(2), fresh("group")
    produce(name, numbers(8))
    c = consumer(group)
    c.subscribe([name])
    read(c, 8)
    c.commit(asynchronous=False)
    return name, group, c


@check("admin/list-groups")
def list_groups():
    _, group, c = busy_group()
    got = admin().list_consumer_groups().result(10)
    same([(g.state, g.is_simple_consumer_group) for g in got.valid if g.group_id == group], [(ConsumerGroupState.STABLE, False)])
    only = admin().list_consumer_groups(states={ConsumerGroupState.EMPTY}).result(10)
    same([g for g in only.valid if g.group_id == group], [])
    c.close()
    only = admin().list_consumer_groups(states={ConsumerGroupState.EMPTY}).result(10)
    same([g.group_id for g in only.valid if g.group_id == group], [group])


@check("admin/describe-group")
def describe_group():
    name, group, c = busy_group()
    got = of(admin().describe_consumer_groups([group]))
    same((got.state, got.partition_assignor, got.coordinator.id, len(got.members)), (ConsumerGroupState.STABLE, "range", 1, 1))
    same(sorted(p.partition for p in got.members[0].assignment.topic_partitions), [0, 1])
    c.close()
    same(of(admin().describe_consumer_groups([group])).state, ConsumerGroupState.EMPTY)


@check("admin/group-offsets")
def group_offsets():
    name, group, c = busy_group()
    got = of(admin().list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [TopicPartition(name, 0)])]))
    same([(p.partition, p.offset) for p in got.topic_partitions], [(0, 8)])
    move = [ConsumerGroupTopicPartitions(group, [TopicPartition(name, 0, 3)])]
    told = of(admin().alter_consumer_group_offsets(move)).topic_partitions[0].error
    same(told is not None and told.name(), "UNKNOWN_MEMBER_ID", "an answer while a member is there")
    c.close()
    of(admin().alter_consumer_group_offsets(move))
    got = of(admin().list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))
    assert (0, 3) in [(p.partition, p.offset) for p in got.topic_partitions], got.topic_partitions


@check("admin/delete-group")
def delete_group():
    _, group, c = busy_group()
    refused(lambda: of(admin().delete_consumer_groups([group])), "NON_EMPTY_GROUP")
    c.close()
    of(admin().delete_consumer_groups([group]))
    refused(lambda: of(admin().delete_consumer_groups([group])), "GROUP_ID_NOT_FOUND")


@check("admin/elect-leaders")
def elect():
    name = topic()
    got = admin().elect_leaders(confluent_kafka.ElectionType.PREFERRED, [TopicPartition(name, 0)]).result(20)
    error = next(iter(got.values()))
    assert error is None or "ELECTION_NOT_NEEDED" in str(error), error


if __name__ == "__main__":
    main()
