package admin

import "strings"

var help = map[string]string{
	"ready":                             "1 when the broker serves clients.",
	"raft_term":                         "Term of the metadata log.",
	"raft_persisted_index":              "Last durable index of the metadata log.",
	"raft_commit_index":                 "Last committed index of the metadata log.",
	"raft_applied_index":                "Last applied index of the metadata log.",
	"raft_unapplied_entries":            "Committed entries that are not applied: more than 0 for long is an alarm.",
	"raft_behind_seconds":               "Seconds since persisted, committed and applied were last equal.",
	"raft_pending_proposals":            "Proposals without an answer.",
	"topics":                            "Topics of the cluster.",
	"partitions":                        "Partitions of the cluster.",
	"replicas":                          "Replicas on this broker.",
	"active_controller":                 "1 where the controller of the cluster acts.",
	"fenced_brokers":                    "Registered brokers that are out of service.",
	"under_replicated_partitions":       "Partitions of the cluster with fewer replicas in sync than they have.",
	"under_min_isr_partitions":          "Partitions with fewer replicas in sync than min.insync.replicas: acks=all is refused.",
	"leaderless_partitions":             "Partitions without a leader.",
	"moving_partitions":                 "Partitions with a reassignment under way.",
	"not_preferred_partitions":          "Partitions that another replica leads than the first.",
	"lost_links":                        "Nodes with which this one has had no link for a while.",
	"actors":                            "Living actors by kind.",
	"actor_messages_total":              "Messages that living actors of a kind have handled.",
	"actor_mailbox_depth":               "Messages that wait, by kind.",
	"actor_busy_seconds_total":          "Seconds that living actors of a kind have spent in handlers.",
	"groups":                            "Consumer groups that this broker coordinates, by state.",
	"group_members":                     "Members of the consumer groups that this broker coordinates.",
	"group_rebalances_total":            "Rebalances that began, by the kind of their reason.",
	"group_offsets_committed_total":     "Offsets of partitions that consumer groups have committed, durable.",
	"group_offset_commits_failed_total": "Offsets of partitions that could not be made durable.",
	"group_partitions_loaded":           "Partitions of __consumer_offsets whose groups this broker coordinates.",
	"group_partitions_loading":          "Partitions of __consumer_offsets that are being read before their groups are coordinated.",
	"group_lag":                         "Records between the committed offset of a group and the high watermark, where this broker leads the partition too: of at most 500 groups and 2000 partitions in all.",
	"group_lag_left_out":                "Groups and partitions whose lag is not told: beyond the bounds of group_lag, with names longer than 255 bytes, or not answered for in time.",
	"kafka_connections":                 "Open client connections.",
	"disk_free_bytes":                   "Free bytes of the data directory's file system.",
	"disk_full":                         "1 while records are refused for want of space.",
	"tail_bytes":                        "Record bytes kept in memory for tail reads.",
	"build_info":                        "1; the version is a label.",
	"kafka_connections_total":           "Client connections accepted so far.",
	"kafka_connections_rejected_total":  "Client connections refused or made to wait by max.connections or max.connections.per.ip.",
	"kafka_requests_total":              "Requests by API.",
	"kafka_requests_malformed_total":    "Connections closed for what they sent.",
	"kafka_request_bytes_in_flight":     "Bytes of requests that are read and not yet answered.",
	"kafka_request_duration_seconds":    "Duration of requests by phase, as in Kafka's RequestMetrics, with receive before them; total is their sum.",
	"kafka_stage_duration_seconds":      "Time from the stage before until a request passes this one.",
	"kafka_request_errors_total":        "Requests whose answer holds an error, by the first one.",
	"trace_slow_threshold_seconds":      "A request that takes longer is kept.",
	"trace_open_operations":             "Requests under way.",
	"trace_operations_total":            "Requests recorded.",
	"trace_abandoned_total":             "Requests whose connection went before the answer.",
	"trace_kept_total":                  "Records kept, by reason.",
	"pool_busy":                         "Functions that run in the pool for short blocking work.",
	"pool_queued":                       "Functions that wait for the pool.",
	"pool_oldest_wait_seconds":          "How long the first of them has waited.",
	"blocker_running_seconds":           "How long a blocker has been at its present piece of work; connections are left out.",
	"blocker_queued":                    "Pieces of work that wait for a blocker.",
	"actor_wait_p99_seconds":            "p99 of samples of the time that messages wait, by kind of actor.",
	"actor_run_p99_seconds":             "p99 of samples of the time that messages take, by kind of actor.",
	"actor_accepted_total":              "Messages that actors of a kind have accepted.",
	"actor_refused_total":               "Messages that came after the end of their actor.",
	"actor_mailbox_full_total":          "Messages refused by the limit of a mailbox.",
	"actor_panics_total":                "Panics of actors that may die alone.",
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
