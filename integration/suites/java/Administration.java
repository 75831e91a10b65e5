import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidRequestException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.SecurityDisabledException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The AdminClient, as far as one broker without security can serve it. */
final class Administration {
    private Administration() {
    }

    static void add() {
        Checks.ALL.put("admin/cluster-quorum-features", Administration::cluster);
        Checks.ALL.put("admin/topics", Administration::topics);
        Checks.ALL.put("admin/topics-by-id", Administration::topicsById);
        Checks.ALL.put("admin/topic-errors", Administration::topicErrors);
        Checks.ALL.put("admin/create-topics-tells-all", Administration::createTellsAll);
        Checks.ALL.put("admin/describe-topics-in-pages", Administration::pages);
        Checks.ALL.put("admin/topic-configs", Administration::topicConfigs);
        Checks.ALL.put("admin/broker-configs", Administration::brokerConfigs);
        Checks.ALL.put("admin/config-errors", Administration::configErrors);
        Checks.ALL.put("admin/list-config-resources", () -> {
            String topic = Checks.topic();
            Set<ConfigResource.Type> types = Set.of(ConfigResource.Type.TOPIC, ConfigResource.Type.BROKER);
            Collection<ConfigResource> all = Checks.admin.listConfigResources(types, new org.apache.kafka.clients.admin.ListConfigResourcesOptions()).all().get();
            Checks.same(all.contains(new ConfigResource(ConfigResource.Type.TOPIC, topic)), true, "the topic is listed");
        });
        Checks.ALL.put("admin/records-and-offsets", Administration::recordsAndOffsets);
        Checks.ALL.put("admin/producers-and-log-dirs", Administration::producersAndLogDirs);
        Checks.ALL.put("admin/elections-and-reassignments", Administration::elections);
        Checks.ALL.put("admin/groups", Administration::groups);
        Checks.ALL.put("admin/group-offsets", Administration::groupOffsets);
        Checks.ALL.put("admin/remove-members", Administration::removeMembers);
        Checks.ALL.put("admin/security-is-disabled", () -> {
            Checks.refused(SecurityDisabledException.class, () -> Checks.admin.describeAcls(AclBindingFilter.ANY).values().get());
        });
    }

    static ConsumerGroupDescription group(String group) throws Exception {
        return Checks.admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    }

    private static void cluster() throws Exception {
        var cluster = Checks.admin.describeCluster();
        Checks.same(cluster.nodes().get().size(), 1, "nodes");
        Checks.same(cluster.controller().get().id(), 1, "controller");
        var quorum = Checks.admin.describeMetadataQuorum().quorumInfo().get();
        Checks.same(quorum.leaderId(), 1, "leader");
        Checks.same(quorum.voters().size(), 1, "voters");
        var features = Checks.admin.describeFeatures().featureMetadata().get();
        Checks.same(features.finalizedFeatures().containsKey("metadata.version"), true, "metadata.version is finalized");
        FeatureUpdate odd = new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UPGRADE);
        Checks.refused(org.apache.kafka.common.errors.ApiException.class,
            () -> Checks.admin.updateFeatures(Map.of("no.such", odd), new UpdateFeaturesOptions()).all().get());
    }

    private static TopicDescription describe(String topic) throws Exception {
        return Checks.admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    }

    private static void topics() throws Exception {
        String topic = Checks.topic(3, Map.of());
        Checks.until("three partitions with leaders", () -> describe(topic).partitions().stream().filter(p -> p.leader() != null && p.leader().id() == 1).count() == 3);
        Checks.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        Checks.until("five partitions", () -> describe(topic).partitions().size() == 5);
        Checks.admin.createTopics(List.of(new NewTopic(Checks.fresh("t"), 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
        Checks.admin.deleteTopics(List.of(topic)).all().get();
        Checks.until("the topic is gone", () -> !Checks.admin.listTopics().names().get().contains(topic));
    }

    private static void topicsById() throws Exception {
        String topic = Checks.topic(2, Map.of());
        var id = describe(topic).topicId();
        Checks.same(Checks.admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id).name(), topic, "name");
        Checks.admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        Checks.until("the topic is gone", () -> !Checks.admin.listTopics().names().get().contains(topic));
        Checks.refused(UnknownTopicIdException.class, () -> Checks.admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get());
    }

    private static void create(NewTopic topic) throws Exception {
        Checks.admin.createTopics(List.of(topic)).all().get();
    }

    private static void topicErrors() throws Exception {
        String topic = Checks.topic(3, Map.of());
        Checks.refused(TopicExistsException.class, () -> create(new NewTopic(topic, 1, (short) 1)));
        Checks.refused(InvalidTopicException.class, () -> create(new NewTopic("a b", 1, (short) 1)));
        Checks.refused(InvalidReplicationFactorException.class, () -> create(new NewTopic(Checks.fresh("t"), 1, (short) 3)));
        Checks.refused(InvalidPartitionsException.class, () -> create(new NewTopic(Checks.fresh("t"), 0, (short) 1)));
        Checks.refused(InvalidConfigurationException.class, () -> create(new NewTopic(Checks.fresh("t"), 1, (short) 1).configs(Map.of("no.such", "1"))));
        Checks.refused(InvalidPartitionsException.class, () -> Checks.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all().get());
        Checks.refused(UnknownTopicOrPartitionException.class, () -> Checks.admin.deleteTopics(List.of(Checks.fresh("t"))).all().get());
        Checks.refused(UnknownTopicOrPartitionException.class, () -> describe(Checks.fresh("t")));
    }

    private static void createTellsAll() throws Exception {
        String topic = Checks.fresh("topic");
        var told = Checks.admin.createTopics(List.of(new NewTopic(topic, Optional.of(2), Optional.empty()).configs(Map.of("retention.ms", "12345"))));
        Checks.same(told.numPartitions(topic).get(), 2, "partitions");
        Checks.same(told.replicationFactor(topic).get(), 1, "replication factor");
        Checks.same(told.config(topic).get().get("retention.ms").value(), "12345", "retention.ms");
        Checks.same(told.topicId(topic).get().equals(describe(topic).topicId()), true, "topic id");
    }

    private static void pages() throws Exception {
        String topic = Checks.topic(30, Map.of());
        var options = new org.apache.kafka.clients.admin.DescribeTopicsOptions().partitionSizeLimitPerResponse(7);
        var got = Checks.admin.describeTopics(TopicCollection.ofTopicNames(List.of(topic)), options).allTopicNames().get();
        Checks.same(got.get(topic).partitions().size(), 30, "partitions");
    }

    private static ConfigEntry entry(ConfigResource of, String key) throws Exception {
        var options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        return Checks.admin.describeConfigs(List.of(of), options).all().get().get(of).get(key);
    }

    private static void alter(ConfigResource of, String key, String value, AlterConfigOp.OpType op) throws Exception {
        Checks.admin.incrementalAlterConfigs(Map.of(of, List.of(new AlterConfigOp(new ConfigEntry(key, value), op)))).all().get();
    }

    private static void topicConfigs() throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, Checks.topic());
        alter(topic, "retention.ms", "777", AlterConfigOp.OpType.SET);
        Checks.until("the new value", () -> entry(topic, "retention.ms").value().equals("777"));
        ConfigEntry got = entry(topic, "retention.ms");
        Checks.same(got.source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "source");
        Checks.same(got.type(), ConfigEntry.ConfigType.LONG, "type");
        Checks.same(got.documentation() != null && !got.documentation().isEmpty(), true, "documentation");
        Checks.same(got.synonyms().isEmpty(), false, "synonyms");
        alter(topic, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND);
        Checks.until("both policies", () -> entry(topic, "cleanup.policy").value().equals("delete,compact"));
        alter(topic, "cleanup.policy", "delete", AlterConfigOp.OpType.SUBTRACT);
        Checks.until("one policy", () -> entry(topic, "cleanup.policy").value().equals("compact"));
        alter(topic, "retention.ms", null, AlterConfigOp.OpType.DELETE);
        Checks.until("the default", () -> entry(topic, "retention.ms").isDefault());
    }

    private static void brokerConfigs() throws Exception {
        ConfigResource one = new ConfigResource(ConfigResource.Type.BROKER, "1");
        ConfigResource each = new ConfigResource(ConfigResource.Type.BROKER, "");
        alter(one, "log.retention.ms", "123456789", AlterConfigOp.OpType.SET);
        Checks.until("the new value", () -> "123456789".equals(entry(one, "log.retention.ms").value()));
        Checks.same(entry(one, "log.retention.ms").source(), ConfigEntry.ConfigSource.DYNAMIC_BROKER_CONFIG, "source");
        alter(one, "log.retention.ms", null, AlterConfigOp.OpType.DELETE);
        alter(each, "log.retention.ms", "987654321", AlterConfigOp.OpType.SET);
        Checks.until("the default of the cluster", () -> "987654321".equals(entry(one, "log.retention.ms").value()));
        alter(each, "log.retention.ms", null, AlterConfigOp.OpType.DELETE);
        Checks.same(entry(one, "node.id").isReadOnly(), true, "node.id is read-only");
    }

    private static void configErrors() throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, Checks.topic());
        ConfigResource nobody = new ConfigResource(ConfigResource.Type.TOPIC, Checks.fresh("t"));
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        Checks.refused(InvalidConfigurationException.class, () -> alter(topic, "retention.ms", "soon", AlterConfigOp.OpType.SET));
        Checks.refused(InvalidConfigurationException.class, () -> alter(topic, "no.such", "1", AlterConfigOp.OpType.SET));
        Checks.refused(InvalidConfigurationException.class, () -> alter(topic, "retention.ms", "1", AlterConfigOp.OpType.APPEND));
        Checks.refused(UnknownTopicOrPartitionException.class, () -> alter(nobody, "retention.ms", "1", AlterConfigOp.OpType.SET));
        Checks.refused(UnknownTopicOrPartitionException.class, () -> entry(nobody, "retention.ms"));
        Checks.refused(InvalidRequestException.class, () -> alter(broker, "node.id", "7", AlterConfigOp.OpType.SET));
    }

    private static long offset(TopicPartition at, OffsetSpec spec) throws Exception {
        return Checks.admin.listOffsets(Map.of(at, spec)).all().get().get(at).offset();
    }

    private static void recordsAndOffsets() throws Exception {
        TopicPartition at = Groups.filled(1, 10);
        Checks.same(offset(at, OffsetSpec.earliest()), 0L, "earliest");
        Checks.same(offset(at, OffsetSpec.latest()), 10L, "latest");
        Checks.same(offset(at, OffsetSpec.maxTimestamp()) >= 0, true, "max timestamp");
        Checks.same(offset(at, OffsetSpec.forTimestamp(0)), 0L, "at a time");
        Checks.same(Checks.admin.deleteRecords(Map.of(at, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(at).get().lowWatermark(), 4L, "low watermark");
        Checks.same(offset(at, OffsetSpec.earliest()), 4L, "earliest after it");
        Checks.refused(OffsetOutOfRangeException.class, () -> Checks.admin.deleteRecords(Map.of(at, RecordsToDelete.beforeOffset(40))).all().get());
    }

    private static void producersAndLogDirs() throws Exception {
        TopicPartition at = Groups.filled(1, 10); // the producer is idempotent
        Checks.same(Checks.admin.describeProducers(List.of(at)).partitionResult(at).get().activeProducers().size(), 1, "active producers");
        var dirs = Checks.admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values();
        Checks.same(dirs.stream().anyMatch(d -> d.replicaInfos().containsKey(at) && d.replicaInfos().get(at).size() > 0), true, "the partition has a size");
    }

    private static void elections() throws Exception {
        TopicPartition at = new TopicPartition(Checks.topic(), 0);
        var elected = Checks.admin.electLeaders(ElectionType.PREFERRED, Set.of(at)).partitions().get().get(at);
        Checks.same(elected.isPresent() && elected.get() instanceof ElectionNotNeededException, true, "no election needed");
        Checks.admin.alterPartitionReassignments(Map.of(at, Optional.of(new NewPartitionReassignment(List.of(1))))).all().get();
        Checks.same(Checks.admin.listPartitionReassignments().reassignments().get().isEmpty(), true, "no reassignment under way");
        Checks.refused(InvalidReplicaAssignmentException.class,
            () -> Checks.admin.alterPartitionReassignments(Map.of(at, Optional.of(new NewPartitionReassignment(List.of(7))))).all().get());
    }

    private static KafkaConsumer<String, String> busy(String group, TopicPartition at, int records, Object... settings) throws Exception {
        Object[] all = new Object[settings.length + 2];
        all[0] = "group.id";
        all[1] = group;
        System.arraycopy(settings, 0, all, 2, settings.length);
        KafkaConsumer<String, String> c = Checks.consumer(all);
        c.subscribe(List.of(at.topic()));
        Checks.read(c, records);
        c.commitSync();
        return c;
    }

    private static GroupListing listed(String group, ListGroupsOptions options) throws Exception {
        return Checks.admin.listGroups(options).all().get().stream().filter(g -> g.groupId().equals(group)).findFirst().orElse(null);
    }

    private static void groups() throws Exception {
        TopicPartition at = Groups.filled(1, 8);
        String group = Checks.fresh("group");
        KafkaConsumer<String, String> c = busy(group, at, 8);
        ConsumerGroupDescription got = group(group);
        Checks.same(got.groupState(), GroupState.STABLE, "state");
        Checks.same(got.members().iterator().next().assignment().topicPartitions(), Set.of(at), "assignment");
        Checks.same(listed(group, new ListGroupsOptions()).protocol(), "consumer", "protocol");
        Checks.same(listed(group, new ListGroupsOptions().inGroupStates(Set.of(GroupState.EMPTY))) == null, true, "not among the empty ones");
        Checks.refused(GroupNotEmptyException.class, () -> Checks.admin.deleteConsumerGroups(List.of(group)).all().get());
        c.close();
        Checks.same(group(group).groupState(), GroupState.EMPTY, "state after it");
        Checks.admin.deleteConsumerGroups(List.of(group)).all().get();
        Checks.refused(GroupIdNotFoundException.class, () -> Checks.admin.deleteConsumerGroups(List.of(group)).all().get());
        Checks.refused(GroupIdNotFoundException.class, () -> group(group));
    }

    private static long committed(String group, TopicPartition at) throws Exception {
        var got = Checks.admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(at);
        return got == null ? -1 : got.offset();
    }

    private static void groupOffsets() throws Exception {
        TopicPartition at = Groups.filled(1, 8);
        String group = Checks.fresh("group");
        KafkaConsumer<String, String> c = busy(group, at, 8);
        Checks.same(committed(group, at), 8L, "committed");
        Checks.refused(UnknownMemberIdException.class, () -> Checks.admin.alterConsumerGroupOffsets(group, Map.of(at, new OffsetAndMetadata(3))).all().get());
        Checks.refused(GroupSubscribedToTopicException.class, () -> Checks.admin.deleteConsumerGroupOffsets(group, Set.of(at)).all().get());
        c.close();
        Checks.admin.alterConsumerGroupOffsets(group, Map.of(at, new OffsetAndMetadata(3))).all().get();
        Checks.same(committed(group, at), 3L, "after it was moved");
        Checks.admin.deleteConsumerGroupOffsets(group, Set.of(at)).all().get();
        Checks.same(committed(group, at), -1L, "after it was deleted");
        Checks.same(committed(Checks.fresh("group"), at), -1L, "of a group that nobody knows");
    }

    private static void removeMembers() throws Exception {
        TopicPartition at = Groups.filled(1, 8);
        String group = Checks.fresh("group");
        busy(group, at, 8, "group.instance.id", "one").close();
        Checks.same(group(group).members().size(), 1, "members while it is away");
        var options = new RemoveMembersFromConsumerGroupOptions(new HashSet<>(List.of(new MemberToRemove("one"))));
        Checks.admin.removeMembersFromConsumerGroup(group, options).all().get();
        Checks.same(group(group).members().size(), 0, "members after it");
    }
}
