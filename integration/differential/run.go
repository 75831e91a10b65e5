package differential

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// A Case is one conversation, told for each version from Min to Max of the request it is about.
type Case struct {
	Name     string
	Min, Max int16
	Run      func(s *Side, v int16)
}

// A Group holds the cases of one API key, or of the wire below them.
type Group struct {
	Name  string
	Cases []Case
}

// Groups are all cases.
var Groups = append([]Group{
	{"wire", wireCases},
	{"Produce", append(produceCases, produceBatchCases...)},
	{"Produce/idempotent", idempotentCases},
	{"Produce/compression.type", recompressCases},
	{"Fetch", fetchCases},
	{"Fetch/session", sessionCases},
	{"ListOffsets", listOffsetsCases},
	{"Metadata", metadataCases},
	{"Sasl", saslCases},
	{"ApiVersions", apiVersionsCases},
	{"CreateTopics", createTopicsCases},
	{"DeleteTopics", deleteTopicsCases},
	{"DeleteRecords", deleteRecordsCases},
	{"InitProducerId", initProducerIDCases},
	{"OffsetForLeaderEpoch", leaderEpochCases},
	{"CreatePartitions", createPartitionsCases},
	{"DescribeConfigs", describeConfigsCases},
	{"AlterConfigs", alterConfigsCases},
	{"IncrementalAlterConfigs", incrementalAlterConfigsCases},
	{"configs/brokers", brokerConfigsCases},
	{"configs/loggers", loggerCases},
	{"configs/groups", groupConfigsCases},
	{"configs/metrics", clientMetricsCases},
	{"ListConfigResources", listConfigResourcesCases},
	{"Acls", aclCases},
	{"AlterReplicaLogDirs", alterReplicaLogDirsCases},
	{"DescribeLogDirs", describeLogDirsCases},
	{"DelegationTokens", tokenCases},
	{"ElectLeaders", electLeadersCases},
	{"AlterPartitionAssignments", alterPartitionAssignmentsCases},
	{"ListPartitionReassignments", listPartitionReassignmentsCases},
	{"DescribeQuorum", describeQuorumCases},
	{"UpdateFeatures", updateFeaturesCases},
	{"DescribeCluster", describeClusterCases},
	{"DescribeProducers", describeProducersCases},
	{"UnregisterBroker", unregisterBrokerCases},
	{"DescribeTopicPartitions", describeTopicPartitionsCases},
	{"FindCoordinator", findCoordinatorCases},
	{"JoinGroup", joinGroupCases},
	{"JoinGroup/static", staticMemberCases},
	{"SyncGroup", syncGroupCases},
	{"Heartbeat", heartbeatCases},
	{"LeaveGroup", leaveGroupCases},
	{"OffsetCommit", offsetCommitCases},
	{"OffsetCommit/nameless group", emptyGroupCases},
	{"OffsetFetch", offsetFetchCases},
	{"OffsetDelete", offsetDeleteCases},
	{"DescribeGroups", describeGroupsCases},
	{"ListGroups", listGroupsCases},
	{"DeleteGroups", deleteGroupsCases},
	{"Internal", internalTopicCases},
	{"edges/Produce", produceEdgeCases},
	{"edges/Fetch", fetchEdgeCases},
	{"edges/session", sessionEdgeCases},
	{"edges/ListOffsets", listOffsetsEdgeCases},
	{"edges/OffsetForLeaderEpoch", leaderEpochEdgeCases},
	{"edges/CreateTopics", createEdgeCases},
	{"edges/CreatePartitions", createPartitionsEdgeCases},
	{"edges/DeleteTopics", deleteTopicsEdgeCases},
	{"edges/Metadata", metadataEdgeCases},
	{"edges/groups", groupEdgeCases},
}, slices.Concat(eachGroups(), randomGroups(), randomTalks())...)

// alone are the groups whose cases change what all share, as the settings of brokers: nothing else is played at the same time.
var alone = map[string]bool{"OffsetCommit/nameless group": true, "configs/brokers": true, "AlterConfigs": true, "configs/loggers": true}

// thorough are the groups that a short run leaves out.
var thorough = regexp.MustCompile(`^(edges|each|random)/`)

// wordless are the groups that do not compare error messages word by word: chance makes several mistakes at once, and which of them Kafka tells
// may be that of its hash tables.
var wordless = regexp.MustCompile(`^random/`)

// Options of a run.
type Options struct {
	Kafka, Troupe string   // addresses
	Groups        []Group  // nil: all for one node
	KafkaNodes    []string // addresses of clusters, by node id; then Kafka and Troupe are not used
	TroupeNodes   []string
	Only          *regexp.Regexp // names of cases; nil: all
	Smoke         bool           // only the first and the last version of each case, and no edges
	Strict        bool           // no difference is accepted: Kafka against itself
	Texts         bool           // error messages are compared word by word, whatever the group
	Orders        bool           // the order of elements is compared, too
	Parallel      int            // conversations at the same time
	Show          io.Writer      // where Kafka's transcripts go; nil: nowhere
}

// A Difference is one fact told differently; an empty side did not tell it.
type Difference struct {
	Case, Path, Kafka, Troupe string
	Reason                    string // why it is accepted; empty: it is not
	entry                     int    // of the table, when it is
}

// A Result counts cases: each is the same, different in accepted ways only, or different.
type Result struct {
	Cases, Same, Accepted, Different int
	Differences                      []Difference // in order of cases
}

func (r Result) String() string {
	return fmt.Sprintf("%d cases, %d same, %d accepted differences, %d different", r.Cases, r.Same, r.Accepted, r.Different)
}

type told struct {
	name string
	diff []Difference
}

// Run plays all chosen cases on both sides.
func Run(o Options) Result {
	// One hour ago, to the second: far enough from the clock to tell both apart, near enough to be a valid timestamp.
	epoch := time.Now().Add(-time.Hour).Truncate(time.Second)
	nonce := fmt.Sprintf("%x", time.Now().UnixMilli()&0xffffff)
	var (
		all   []*told
		queue = make(chan func())
		wg    sync.WaitGroup
		quiet sync.RWMutex
	)
	for range max(1, o.Parallel) {
		wg.Go(func() {
			for play := range queue {
				play()
			}
		})
	}
	groups := o.Groups
	if groups == nil {
		groups = Groups
	}
	for _, g := range groups {
		for _, c := range g.Cases {
			for v := c.Min; v <= c.Max; v++ {
				name := fmt.Sprintf("%s/%s v%d", g.Name, c.Name, v)
				if (o.Smoke && (v != c.Min && v != c.Max || thorough.MatchString(g.Name))) || (o.Only != nil && !o.Only.MatchString(name)) {
					continue
				}
				t := &told{name: name}
				all = append(all, t)
				prefix := fmt.Sprintf("d%s-%d-", nonce, len(all))
				one := o
				one.Texts = o.Texts || !wordless.MatchString(g.Name)
				queue <- func() {
					lock, unlock := quiet.RLock, quiet.RUnlock
					if alone[g.Name] {
						lock, unlock = quiet.Lock, quiet.Unlock
					}
					lock()
					defer unlock()
					t.diff = compare(t.name, one, c, v, prefix, epoch)
				}
			}
		}
	}
	close(queue)
	wg.Wait()
	return count(all)
}

func count(all []*told) Result {
	r := Result{Cases: len(all)}
	for _, t := range all {
		r.Differences = append(r.Differences, t.diff...)
		open := 0
		for _, d := range t.diff {
			if d.Reason == "" {
				open++
			}
		}
		switch {
		case len(t.diff) == 0:
			r.Same++
		case open == 0:
			r.Accepted++
		default:
			r.Different++
		}
	}
	return r
}

// compare plays one case on both sides at the same time.
func compare(name string, o Options, c Case, v int16, prefix string, epoch time.Time) []Difference {
	kafka, troupe := newSide(o.Kafka, prefix, epoch), newSide(o.Troupe, prefix, epoch)
	kafka.texts, troupe.texts = o.Texts, o.Texts
	kafka.orders, troupe.orders = o.Orders, o.Orders
	kafka.nodes, troupe.nodes = o.KafkaNodes, o.TroupeNodes
	if o.KafkaNodes != nil {
		kafka.At(1)
		troupe.At(1)
	}
	var wg sync.WaitGroup
	wg.Go(func() { kafka.run(c, v) })
	wg.Go(func() { troupe.run(c, v) })
	wg.Wait()
	if o.Show != nil {
		var text strings.Builder
		for _, l := range kafka.lines {
			fmt.Fprintf(&text, "%s: %s = %s\n", name, l.Path, l.Value)
		}
		fmt.Fprint(o.Show, strings.ReplaceAll(text.String(), prefix, ""))
	}
	diff := differences(name, prefix, kafka.lines, troupe.lines)
	if !o.Strict {
		for i := range diff {
			diff[i].Reason, diff[i].entry = reason(diff[i])
		}
	}
	return diff
}

// differences pairs two transcripts by path; a path never comes twice within one of them.
func differences(name, prefix string, kafka, troupe []Line) []Difference {
	theirs := map[string]string{}
	for _, l := range troupe {
		theirs[l.Path] = l.Value
	}
	plain := func(s string) string { return strings.ReplaceAll(s, prefix, "") }
	var out []Difference
	for _, l := range kafka {
		got, ok := theirs[l.Path]
		delete(theirs, l.Path)
		// A case that both sides gave up says nothing about either.
		if !ok || got != l.Value || l.Path == "abandoned" {
			out = append(out, Difference{Case: name, Path: plain(l.Path), Kafka: plain(l.Value), Troupe: plain(got)})
		}
	}
	var extra []string
	for path := range theirs {
		extra = append(extra, path)
	}
	sort.Strings(extra)
	for _, path := range extra {
		out = append(out, Difference{Case: name, Path: plain(path), Troupe: plain(theirs[path])})
	}
	return out
}

// Report writes each difference that is not accepted, at most a dozen for each case, and the reasons of the others.
func (r Result) Report(w io.Writer) {
	shown, reasons := map[string]int{}, map[string]int{}
	var order []string
	for _, d := range r.Differences {
		if d.Reason != "" {
			if reasons[d.Reason]++; reasons[d.Reason] == 1 {
				order = append(order, d.Reason)
			}
			continue
		}
		if shown[d.Case]++; shown[d.Case] <= 12 {
			fmt.Fprintf(w, "%s: %s\n    kafka:  %s\n    troupe: %s\n", d.Case, d.Path, told1(d.Kafka), told1(d.Troupe))
		}
	}
	for _, why := range order {
		fmt.Fprintf(w, "accepted %d times: %s\n", reasons[why], why)
	}
	fmt.Fprintln(w, r)
}

// Stale gives the entries of the table that accepted nothing in a run of all cases for one node: both brokers have come to agree.
func (r Result) Stale() (out []string) {
	used := map[int]bool{}
	for _, d := range r.Differences {
		if d.Reason != "" {
			used[d.entry] = true
		}
	}
	for i, a := range acceptedDifferences {
		if !used[i] && !strings.HasPrefix(a.cases, "^cluster/") {
			out = append(out, fmt.Sprintf("%+v", a))
		}
	}
	return out
}

func told1(value string) string {
	if value == "" {
		return "(nothing)"
	}
	return value
}
