package main

import (
	"context"
	"time"
)

// contextForBackground ends a forgotten tool with the run.
func contextForBackground() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Minute)
}

// clusterTools: the broker and its metadata.
var clusterTools = []toolCheck{
	{"broker-api-versions", func(t *tools) error {
		t.has(t.on("BrokerApiVersionsCommand"), `\(id: 1 rack: null`, `Produce\(0\): 0 to 13`, `Fetch\(1\): 4 to`, `ApiVersions\(18\): 0 to`)
		return nil
	}},
	{"log-dirs", func(t *tools) error {
		name := t.topic("tc-dirs", 2, 10)
		out := t.on("LogDirsCommand", "--describe", "--topic-list", name, "--broker-list", "1")
		t.has(out, `"broker":1`, `"partition":"tc-dirs-1","size":\d+,"offsetLag":0,"isFuture":false`)
		t.has(t.on("LogDirsCommand", "--describe"), `"partition":"tc-dirs-0"`)
		return nil
	}},
	{"metadata-quorum", func(t *tools) error {
		t.has(t.on("MetadataQuorumCommand", "describe", "--status"), `^ClusterId:\s+\S+`, `^LeaderId:\s+1`, `^CurrentVoters:.*1`, `^HighWatermark:\s+\d+`)
		t.has(t.on("MetadataQuorumCommand", "describe", "--replication"), `^1\s+\S+\s+\d+\s+0\s+.*Leader`)
		return nil
	}},
	{"features", func(t *tools) error {
		t.has(t.on("FeatureCommand", "describe"), `^Feature: metadata.version\s.*FinalizedVersionLevel: \S+`)
		return nil
	}},
	{"features/refusals", func(t *tools) error {
		t.refused("Unsupported feature|not supported|INVALID_UPDATE_VERSION|Could not|Cannot", "FeatureCommand", "upgrade", "--feature", "no.such=1")
		return nil
	}},
	{"cluster", func(t *tools) error {
		on := []string{"--bootstrap-server", t.bootstrap}
		t.has(t.call("", "ClusterTool", append([]string{"cluster-id"}, on...)...), `^Cluster ID: \S{22}`)
		t.has(t.call("", "ClusterTool", append([]string{"list-endpoints"}, on...)...), `^1\s+127.0.0.1\s+\d+`)
		out, _ := t.try("", "ClusterTool", append([]string{"unregister", "--id", "7"}, on...)...)
		t.has(out, "BrokerIdNotRegistered|not registered")
		return nil
	}},
	{"acls-are-disabled", func(t *tools) error {
		t.refused("SecurityDisabledException|No Authorizer", "AclCommand", "--list")
		return nil
	}},
	{"delegation-tokens-are-disabled", func(t *tools) error {
		t.refused("DelegationToken|delegation token|SASL", "DelegationTokenCommand", "--describe", "--command-config", t.file("empty.properties", ""))
		return nil
	}},
}
