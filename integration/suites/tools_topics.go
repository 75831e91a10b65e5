package main

import "fmt"

// topicTools: topics, their settings, records and elections.
var topicTools = []toolCheck{
	{"topics/create-describe-alter-delete", func(t *tools) error {
		name := t.topic("tt-life", 3, 0, "retention.ms=3600000")
		out := t.on("TopicCommand", "--describe", "--topic", name)
		t.has(out, "PartitionCount: 3", "retention.ms=3600000", "Partition: 2\\s+Leader: 1\\s+Replicas: 1\\s+Isr: 1")
		t.on("TopicCommand", "--alter", "--topic", name, "--partitions", "5")
		t.soon("PartitionCount: 5", func() string { return t.on("TopicCommand", "--describe", "--topic", name) })
		t.has(t.on("TopicCommand", "--list"), "^tt-life$")
		t.on("TopicCommand", "--delete", "--topic", name)
		t.soon("^$", func() string { return t.on("TopicCommand", "--list", "--topic", name) })
		return nil
	}},
	{"topics/if-not-exists", func(t *tools) error {
		name := t.topic("tt-if", 1, 0)
		t.on("TopicCommand", "--create", "--if-not-exists", "--topic", name)
		t.refused("already exists", "TopicCommand", "--create", "--topic", name)
		t.on("TopicCommand", "--delete", "--if-exists", "--topic", "tt-nobody")
		return nil
	}},
	{"topics/refusals", func(t *tools) error {
		t.refused("InvalidReplicationFactorException", "TopicCommand", "--create", "--topic", "tt-r", "--replication-factor", "3")
		t.refused("InvalidTopicException|illegal", "TopicCommand", "--create", "--topic", "a b")
		t.refused("InvalidConfigurationException|Unknown topic config", "TopicCommand", "--create", "--topic", "tt-r", "--config", "no.such=1")
		t.refused("does not exist", "TopicCommand", "--describe", "--topic", "tt-nobody")
		name := t.topic("tt-shrink", 3, 0)
		t.refused("InvalidPartitionsException", "TopicCommand", "--alter", "--topic", name, "--partitions", "2")
		return nil
	}},
	{"topics/replica-assignment", func(t *tools) error {
		t.on("TopicCommand", "--create", "--topic", "tt-assign", "--replica-assignment", "1,1")
		t.has(t.on("TopicCommand", "--describe", "--topic", "tt-assign"), "PartitionCount: 2")
		return nil
	}},
	{"topics/describe-filters", func(t *tools) error {
		name := t.topic("tt-filter", 2, 0, "cleanup.policy=compact")
		t.has(t.on("TopicCommand", "--describe", "--topics-with-overrides"), name)
		for _, filter := range []string{"--under-replicated-partitions", "--unavailable-partitions", "--under-min-isr-partitions", "--at-min-isr-partitions"} {
			out := t.on("TopicCommand", "--describe", "--topic", name, filter)
			if filter != "--at-min-isr-partitions" { // with one replica each partition is at its minimum
				t.hasNot(out, "Partition: ")
			}
		}
		return nil
	}},
	{"configs/topic", func(t *tools) error {
		name := t.topic("tt-config", 1, 0)
		on := []string{"--entity-type", "topics", "--entity-name", name}
		t.on("ConfigCommand", append(on, "--alter", "--add-config", "retention.ms=777,cleanup.policy=[compact,delete]")...)
		t.soon("retention.ms=777", func() string { return t.on("ConfigCommand", append(on, "--describe")...) })
		t.has(t.on("ConfigCommand", append(on, "--describe")...), "cleanup.policy=compact,delete")
		t.has(t.on("ConfigCommand", append(on, "--describe", "--all")...), "segment.bytes=1073741824", "retention.ms=777.*DYNAMIC_TOPIC_CONFIG:retention.ms=777")
		t.on("ConfigCommand", append(on, "--alter", "--delete-config", "retention.ms")...)
		t.soon("^(?s:.{0,80}cleanup.policy.*)$", func() string { return t.on("ConfigCommand", append(on, "--describe")...) })
		t.refused("InvalidConfigurationException|Invalid value", "ConfigCommand", append(on, "--alter", "--add-config", "retention.ms=soon")...)
		t.refused("InvalidConfigurationException|Unknown topic config", "ConfigCommand", append(on, "--alter", "--add-config", "no.such=1")...)
		return nil
	}},
	{"configs/broker", func(t *tools) error {
		on := []string{"--entity-type", "brokers", "--entity-name", "1"}
		t.has(t.on("ConfigCommand", append(on, "--describe", "--all")...), "num.partitions=", "log.retention.hours=168", "message.max.bytes=")
		t.on("ConfigCommand", append(on, "--alter", "--add-config", "log.retention.ms=987654321")...)
		t.soon("log.retention.ms=987654321", func() string { return t.on("ConfigCommand", append(on, "--describe")...) })
		t.on("ConfigCommand", append(on, "--alter", "--delete-config", "log.retention.ms")...)
		t.refused("Cannot update|InvalidRequestException|read-only", "ConfigCommand", append(on, "--alter", "--add-config", "node.id=7")...)
		return nil
	}},
	{"configs/broker-default", func(t *tools) error {
		on := []string{"--entity-type", "brokers", "--entity-default"}
		t.on("ConfigCommand", append(on, "--alter", "--add-config", "message.max.bytes=1048600")...)
		t.soon("message.max.bytes=1048600", func() string { return t.on("ConfigCommand", append(on, "--describe")...) })
		t.on("ConfigCommand", append(on, "--alter", "--delete-config", "message.max.bytes")...)
		return nil
	}},
	{"configs/describe-all-topics", func(t *tools) error {
		name := t.topic("tt-each", 1, 0, "max.message.bytes=5000")
		t.has(t.on("ConfigCommand", "--entity-type", "topics", "--describe"), "configs for topic "+name, "max.message.bytes=5000")
		return nil
	}},
	{"get-offsets", func(t *tools) error {
		name := t.topic("tt-offsets", 1, 10)
		for when, want := range map[string]string{"earliest": "0", "latest": "10", "max-timestamp": `\d`} {
			t.has(t.on("GetOffsetShell", "--topic", name, "--time", when), fmt.Sprintf("^%s:0:%s$", name, want))
		}
		t.has(t.on("GetOffsetShell", "--topic-partitions", name+":0"), fmt.Sprintf("^%s:0:10$", name))
		return nil
	}},
	{"delete-records", func(t *tools) error {
		name := t.topic("tt-deleted", 1, 10)
		list := t.file("delete.json", fmt.Sprintf(`{"version":1,"partitions":[{"topic":"%s","partition":0,"offset":4}]}`, name))
		t.has(t.on("DeleteRecordsCommand", "--offset-json-file", list), "low_watermark: 4")
		t.has(t.on("GetOffsetShell", "--topic", name, "--time", "earliest"), name+":0:4")
		return nil
	}},
	{"leader-election", func(t *tools) error {
		name := t.topic("tt-elect", 1, 0)
		t.has(t.on("LeaderElectionCommand", "--election-type", "preferred", "--topic", name, "--partition", "0"), "Valid replica already elected|Successfully completed")
		t.on("LeaderElectionCommand", "--election-type", "preferred", "--all-topic-partitions")
		return nil
	}},
	{"reassign-partitions", func(t *tools) error {
		name := t.topic("tt-move", 2, 0)
		topics := t.file("topics.json", fmt.Sprintf(`{"version":1,"topics":[{"topic":"%s"}]}`, name))
		t.has(t.on("ReassignPartitionsCommand", "--generate", "--topics-to-move-json-file", topics, "--broker-list", "1"), "Proposed partition reassignment")
		plan := t.file("plan.json", fmt.Sprintf(`{"version":1,"partitions":[{"topic":"%s","partition":0,"replicas":[1],"log_dirs":["any"]}]}`, name))
		t.has(t.on("ReassignPartitionsCommand", "--execute", "--reassignment-json-file", plan), "Successfully started partition reassignment")
		t.has(t.on("ReassignPartitionsCommand", "--verify", "--reassignment-json-file", plan), "Reassignment of partition "+name+"-0 is completed")
		t.has(t.on("ReassignPartitionsCommand", "--list"), "No partition reassignments found")
		bad := t.file("bad.json", fmt.Sprintf(`{"version":1,"partitions":[{"topic":"%s","partition":0,"replicas":[7]}]}`, name))
		t.refused("Unknown broker id|InvalidReplicaAssignment", "ReassignPartitionsCommand", "--execute", "--reassignment-json-file", bad)
		return nil
	}},
}
