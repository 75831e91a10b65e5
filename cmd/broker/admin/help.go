package admin

import "strings"

var help = map[string]string{
	"ready":                            "1 when the broker serves clients.",
	"raft_term":                        "Term of the metadata log.",
	"raft_persisted_index":             "Last durable index of the metadata log.",
	"raft_commit_index":                "Last committed index of the metadata log.",
	"raft_applied_index":               "Last applied index of the metadata log.",
	"raft_unapplied_entries":           "Committed entries that are not applied: more than 0 for long is an alarm.",
	"raft_behind_seconds":              "Seconds since persisted, committed and applied were last equal.",
	"raft_pending_proposals":           "Proposals without an answer.",
	"topics":                           "Topics of the cluster.",
	"partitions":                       "Partitions of the cluster.",
	"replicas":                         "Replicas on this broker.",
	"actors":                           "Living actors by kind.",
	"actor_messages_total":             "Messages that living actors of a kind have handled.",
	"actor_mailbox_depth":              "Messages that wait, by kind.",
	"actor_busy_seconds_total":         "Seconds that living actors of a kind have spent in handlers.",
	"kafka_connections":                "Open client connections.",
	"disk_free_bytes":                  "Free bytes of the data directory's file system.",
	"disk_full":                        "1 while records are refused for want of space.",
	"tail_bytes":                       "Record bytes kept in memory for tail reads.",
	"build_info":                       "1; the version is a label.",
	"kafka_connections_total":          "Client connections accepted so far.",
	"kafka_connections_rejected_total": "Client connections refused by max.connections or max.connections.per.ip.",
	"kafka_requests_total":             "Requests by API.",
	"kafka_requests_malformed_total":   "Connections closed for what they sent.",
	"kafka_request_bytes_in_flight":    "Bytes of requests that are read and not yet answered.",
}

// Help is the help text of a metric, by its name without the prefix.
func Help(name string) string {
	if t, ok := help[name]; ok {
		return t
	}
	if rest, ok := strings.CutPrefix(name, "writer_"); ok {
		return "Group commit: " + strings.ReplaceAll(rest, "_", " ") + "."
	}
	return "Storage: " + strings.ReplaceAll(strings.TrimPrefix(name, "storage_"), "_", " ") + "."
}
