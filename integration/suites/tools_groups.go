package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// committed makes a topic with records and a group that has read all of them.
func (t *tools) committed(topic, group string, records int) {
	t.topic(topic, 1, records)
	t.on("ConsoleConsumer", "--topic", topic, "--group", group, "--from-beginning", "--max-messages", fmt.Sprint(records), "--timeout-ms", "30000")
}

// at wants the group's offset, and what is left to read.
func (t *tools) at(topic, group string, offset, lag int) {
	t.has(t.on("ConsumerGroupCommand", "--describe", "--group", group), fmt.Sprintf(`^%s\s+%s\s+0\s+%d\s+\d+\s+%d\s`, group, topic, offset, lag))
}

// resets are the ways to say where to, and where that is in ten records at the end of which the group stands.
var resets = []struct {
	args   []string
	offset int
}{
	{[]string{"--to-earliest"}, 0},
	{[]string{"--to-latest"}, 10},
	{[]string{"--to-offset", "4"}, 4},
	{[]string{"--shift-by", "-3"}, 1},
	{[]string{"--to-current"}, 1},
	{[]string{"--to-datetime", "2020-01-01T00:00:00.000"}, 0},
	{[]string{"--by-duration", "P1D"}, 0},
	{[]string{"--to-offset", "99"}, 10}, // it is told to be the end
}

// groupTools: consumer groups and what they have committed.
var groupTools = []toolCheck{
	{"consumer-groups/list-and-describe", func(t *tools) error {
		t.committed("tg-list", "g-list", 10)
		t.has(t.on("ConsumerGroupCommand", "--list"), "^g-list$")
		t.has(t.on("ConsumerGroupCommand", "--list", "--state"), `^g-list\s+.*Empty`)
		t.hasNot(t.on("ConsumerGroupCommand", "--list", "--state", "stable"), "^g-list")
		t.at("tg-list", "g-list", 10, 0)
		t.has(t.on("ConsumerGroupCommand", "--describe", "--group", "g-list", "--state"), `^g-list\s+.*Empty\s+0\s*$`)
		t.has(t.on("ConsumerGroupCommand", "--describe", "--all-groups"), "g-list")
		t.refused("not found|does not exist", "ConsumerGroupCommand", "--describe", "--group", "g-nobody")
		return nil
	}},
	{"consumer-groups/members", func(t *tools) error {
		name := t.topic("tg-members", 2, 0)
		end := t.background("ConsoleConsumer", "--bootstrap-server", t.bootstrap, "--topic", name, "--group", "g-members", "--consumer-property", "client.id=here")
		defer end()
		t.soon(`^g-members\s+here-\S+\s+/127.0.0.1\s+here\s+2`, func() string {
			return t.maybe("ConsumerGroupCommand", "--describe", "--group", "g-members", "--members")
		})
		t.has(t.on("ConsumerGroupCommand", "--describe", "--group", "g-members", "--members", "--verbose"), "tg-members\\(0,1\\)|tg-members:0,1")
		t.has(t.on("ConsumerGroupCommand", "--describe", "--group", "g-members", "--state"), `range\s+Stable\s+1`)
		t.refused("not empty|non-empty|NonEmptyGroup|GroupNotEmpty", "ConsumerGroupCommand", "--delete", "--group", "g-members")
		return nil
	}},
	{"consumer-groups/reset-offsets", func(t *tools) error {
		t.committed("tg-reset", "g-reset", 10)
		for _, r := range resets {
			on := append([]string{"--reset-offsets", "--group", "g-reset", "--topic", "tg-reset"}, r.args...)
			t.has(t.on("ConsumerGroupCommand", append(on, "--dry-run")...), fmt.Sprintf(`g-reset\s+tg-reset\s+0\s+%d`, r.offset))
			t.on("ConsumerGroupCommand", append(on, "--execute")...)
			t.at("tg-reset", "g-reset", r.offset, 10-r.offset)
		}
		return nil
	}},
	{"consumer-groups/reset-offsets-file", func(t *tools) error {
		t.committed("tg-file", "g-file", 10)
		out := t.on("ConsumerGroupCommand", "--reset-offsets", "--group", "g-file", "--all-topics", "--to-offset", "6", "--export", "--dry-run")
		t.has(out, `"?tg-file"?,0,6`)
		plan := t.file("reset.csv", "tg-file,0,6\n")
		t.on("ConsumerGroupCommand", "--reset-offsets", "--group", "g-file", "--from-file", plan, "--execute")
		t.at("tg-file", "g-file", 6, 4)
		return nil
	}},
	{"consumer-groups/reset-of-a-new-group", func(t *tools) error {
		t.topic("tg-new", 1, 10)
		t.on("ConsumerGroupCommand", "--reset-offsets", "--group", "g-new", "--topic", "tg-new", "--to-offset", "3", "--execute")
		t.at("tg-new", "g-new", 3, 7)
		return nil
	}},
	{"consumer-groups/delete-offsets", func(t *tools) error {
		t.committed("tg-forget", "g-forget", 10)
		t.has(t.on("ConsumerGroupCommand", "--delete-offsets", "--group", "g-forget", "--topic", "tg-forget"), "Successful")
		t.hasNot(t.maybe("ConsumerGroupCommand", "--describe", "--group", "g-forget"), `tg-forget\s+0\s+10`)
		return nil
	}},
	{"consumer-groups/delete", func(t *tools) error {
		t.committed("tg-delete", "g-delete", 10)
		t.has(t.on("ConsumerGroupCommand", "--delete", "--group", "g-delete"), "successful")
		t.hasNot(t.on("ConsumerGroupCommand", "--list"), "^g-delete$")
		t.refused("does not exist|GroupIdNotFound", "ConsumerGroupCommand", "--delete", "--group", "g-delete")
		return nil
	}},
	{"groups/list", func(t *tools) error {
		t.committed("tg-groups", "g-groups", 5)
		t.has(t.on("GroupsCommand", "--list"), `^g-groups\s+Classic\s+consumer`)
		return nil
	}},
	{"console-consumer/offsets-formatter", func(t *tools) error {
		t.committed("tg-format", "g-format", 10)
		out := t.on("ConsoleConsumer", "--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", "8000",
			"--formatter", "org.apache.kafka.tools.consumer.OffsetsMessageFormatter")
		t.has(out, `"group":"g-format","topic":"tg-format","partition":0`, `"offset":10`)
		return nil
	}},
	{"console-consumer/group-metadata-formatter", func(t *tools) error {
		t.committed("tg-meta", "g-meta", 10)
		out := t.on("ConsoleConsumer", "--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", "8000",
			"--formatter", "org.apache.kafka.tools.consumer.GroupMetadataMessageFormatter")
		t.has(out, `"group":"g-meta"`, `"protocolType":"consumer"`)
		return nil
	}},
	{"console-consumer/resumes-in-its-group", func(t *tools) error {
		name := t.topic("tg-resume", 1, 10)
		read := func(count string) string {
			return t.on("ConsoleConsumer", "--topic", name, "--group", "g-resume", "--from-beginning", "--max-messages", count, "--timeout-ms", "30000")
		}
		t.has(read("4"), "^value-0$", "^value-3$")
		t.has(read("6"), "^value-4$", "^value-9$")
		return nil
	}},
	{"verifiable-producer-and-consumer", func(t *tools) error {
		name := t.topic("tg-verify", 2, 0)
		t.has(t.on("VerifiableProducer", "--topic", name, "--max-messages", "200", "--acks", "-1"), `"acked":200`)
		out := t.on("VerifiableConsumer", "--topic", name, "--group-id", "g-verify", "--max-messages", "200", "--reset-policy", "earliest", "--group-protocol", "classic")
		t.has(out, `"name":"partitions_assigned"`, `"name":"offsets_committed".*"success":true`, `"name":"shutdown_complete"`)
		return nil
	}},
}

// maybe is a call that may fail, because what it asks for is not there yet.
func (t *tools) maybe(class string, args ...string) string {
	out, _ := t.try("", class, append([]string{"--bootstrap-server", t.bootstrap}, args...)...)
	return out
}

// background starts a tool that runs until end is called.
func (t *tools) background(class string, args ...string) (end func()) {
	if t.err != nil {
		return func() {}
	}
	ctx, cancel := contextForBackground()
	cmd := t.command(ctx, class, args...)
	out, err := os.Create(filepath.Join(t.dir, "background.log"))
	if err == nil {
		cmd.Stdout, cmd.Stderr = out, out
		err = cmd.Start()
	}
	if err != nil {
		t.err = err
		cancel()
		return func() {}
	}
	return func() {
		cancel()
		_ = cmd.Wait() // ended by a signal
		out.Close()
	}
}
