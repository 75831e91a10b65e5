package differential

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// show writes one line for each field of the answer.
func (s *Side) show(at string, resp kmsg.Response) {
	if s.own {
		keepOwn(resp, s.prefix)
	}
	if f, ok := resp.(*kmsg.FetchResponse); ok && !s.orders {
		joinTopics(f)
	}
	s.flatten(at, resp.Key(), reflect.ValueOf(resp).Elem())
}

// keepOwn drops the topics of other cases from a list of all topics.
func keepOwn(resp kmsg.Response, prefix string) {
	switch m := resp.(type) {
	case *kmsg.MetadataResponse:
		m.Topics = slices.DeleteFunc(m.Topics, func(t kmsg.MetadataResponseTopic) bool { return t.Topic == nil || !strings.HasPrefix(*t.Topic, prefix) })
		if len(m.Topics) == 0 { // whether there were others' is not this case's matter
			m.Topics = nil
		}
	case *kmsg.ListConfigResourcesResponse:
		m.ConfigResources = slices.DeleteFunc(m.ConfigResources, func(r kmsg.ListConfigResourcesResponseConfigResource) bool {
			return !strings.HasPrefix(r.Name, prefix) && r.Type != int8(configBroker) && r.Type != int8(configLogger)
		})
		if len(m.ConfigResources) == 0 { // whether there were others' is not this case's matter
			m.ConfigResources = nil
		}
	case *kmsg.ListGroupsResponse:
		m.Groups = slices.DeleteFunc(m.Groups, func(g kmsg.ListGroupsResponseGroup) bool { return !strings.HasPrefix(g.Group, prefix) })
		if len(m.Groups) == 0 { // whether there were others' is not this case's matter
			m.Groups = nil
		}
	case *kmsg.ElectLeadersResponse:
		m.Topics = slices.DeleteFunc(m.Topics, func(t kmsg.ElectLeadersResponseTopic) bool { return !strings.HasPrefix(t.Topic, prefix) })
	case *kmsg.DescribeLogDirsResponse:
		for i := range m.Dirs {
			m.Dirs[i].Topics = slices.DeleteFunc(m.Dirs[i].Topics, func(t kmsg.DescribeLogDirsResponseDirTopic) bool { return !strings.HasPrefix(t.Topic, prefix) })
		}
	}
}

// joinTopics puts the partitions of a topic together: Kafka names a topic again when it changes between topics, and begins
// with those that it does not know.
func joinTopics(f *kmsg.FetchResponse) {
	var joined []kmsg.FetchResponseTopic
	for _, t := range f.Topics {
		at := slices.IndexFunc(joined, func(j kmsg.FetchResponseTopic) bool { return j.Topic == t.Topic && j.TopicID == t.TopicID })
		if at < 0 {
			joined = append(joined, t)
			continue
		}
		joined[at].Partitions = append(joined[at].Partitions, t.Partitions...)
	}
	f.Topics = joined
}

// inOrder are the keys whose answers keep an order that clients see; elsewhere Kafka's order is that of its hash tables.
var inOrder = map[int16]bool{75: true}

func (s *Side) flatten(path string, key int16, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		name, f := t.Field(i).Name, v.Field(i)
		at := path + " " + name
		switch {
		case name == "Version":
		case name == "UnknownTags":
			tags := f.Interface().(kmsg.Tags)
			if n := tags.Len(); n > 0 {
				s.note(at, fmt.Sprint(n))
			}
		case name == "RecordBatches":
			s.showBatches(at, f.Bytes())
		case f.Kind() == reflect.Struct:
			s.flatten(at, key, f)
		case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct:
			if f.IsNil() {
				s.note(at, "null")
			} else {
				s.flatten(at, key, f.Elem())
			}
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			s.elements(at, key, f)
		default:
			s.note(at, s.number(key, name, f))
		}
	}
}

// number shows a field that two brokers count differently as what kind of number it is, and any other as it is.
func (s *Side) number(key int16, name string, f reflect.Value) string {
	if s.nodes != nil { // who leads is each cluster's own matter
		switch {
		case name == "ControllerID" && f.Int() > 0, kmsg.Key(key) == kmsg.DescribeQuorum && name == "LeaderID" && f.Int() > 0:
			return "some node"
		}
	}
	switch kmsg.Key(key) {
	case kmsg.DescribeQuorum:
		switch name {
		case "LeaderEpoch", "HighWatermark", "LogEndOffset":
			if f.Int() > 0 {
				return "some number"
			}
		}
	case kmsg.DescribeLogDirs:
		switch {
		case name == "Dir" && f.String() != "":
			return "some folder"
		case (name == "TotalBytes" || name == "UsableBytes") && f.Int() > 0:
			return "some number"
		}
	}
	return s.scalar(name, f)
}

// elements shows an array: sorted where the order means nothing, and by name where there is one.
func (s *Side) elements(at string, key int16, v reflect.Value) {
	switch {
	case v.IsNil():
		s.note(at, "null or empty")
		return
	case v.Len() == 0:
		s.note(at, "[]")
		return
	}
	s.note(at, fmt.Sprintf("%d elements", v.Len()))
	labels, order := make([]string, v.Len()), make([]int, v.Len())
	for i := range v.Len() {
		labels[i], order[i] = s.label(v.Index(i)), i
	}
	if s.orders && v.Len() > 1 {
		s.note(at+" order", strings.Join(labels, ","))
	}
	if !inOrder[key] {
		sort.SliceStable(order, func(i, j int) bool { return labels[order[i]] < labels[order[j]] })
	}
	// A name alone tells which element is meant, unless the order counts or two have the same: then so does the place.
	named := map[string]int{}
	for _, label := range labels {
		named[label]++
	}
	for i, from := range order {
		place := strings.TrimSpace(labels[from])
		if inOrder[key] || place == "" || named[labels[from]] > 1 {
			place = fmt.Sprint(i, labels[from])
		}
		s.flatten(fmt.Sprintf("%s[%s]", at, place), key, v.Index(from))
	}
}

// label names an element by what identifies it, if it has such a field.
func (s *Side) label(v reflect.Value) string {
	var parts []string
	for _, name := range []string{"Topic", "TopicID", "Partition", "ApiKey", "ResourceType", "ResourceName", "Name", "Type", "NodeID", "Group", "MemberID", "ProducerID"} {
		if f := v.FieldByName(name); f.IsValid() {
			text := s.scalar(name, f)
			if name == "TopicID" && len(parts) > 0 && parts[0] != `""` && parts[0] != "null" {
				continue // the name says it
			}
			if name == "Partition" || name == "ApiKey" {
				text = fmt.Sprintf("%5s", text)
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, " ")
}

// scalar shows a value, or the name that stands for it where two brokers must differ.
func (s *Side) scalar(name string, f reflect.Value) string {
	if f.Kind() == reflect.Pointer {
		if f.IsNil() {
			return "null"
		}
		f = f.Elem()
	}
	switch name {
	case "TopicID", "ReplicaDirectoryID":
		return s.topicID(f.Interface().([16]byte))
	case "ProducerID":
		return s.producer(f.Int())
	case "SessionID":
		return s.session(int32(f.Int()))
	case "MemberID", "LeaderID":
		if f.Kind() == reflect.String { // else the id of a broker
			return s.member(f.String())
		}
	case "Timestamp", "LogAppendTime", "FirstTimestamp", "MaxTimestamp", "LastTimestamp", "LastFetchTimestamp", "LastCaughtUpTimestamp":
		return s.stamp(f.Int())
	case "Port":
		if f.CanUint() && f.Uint() > 0 || f.CanInt() && f.Int() > 0 {
			return "some port"
		}
	case "ClusterID", "Host":
		if f.String() != "" {
			return "some " + strings.ToLower(name)
		}
	case "Documentation":
		if f.String() != "" {
			return "some text"
		}
	case "ErrorMessage":
		if f.String() != "" && f.String() != "NONE" && !s.texts {
			return "some text"
		}
		return fmt.Sprintf("%q", clocks.ReplaceAllString(f.String(), "[bounds]"))
	case "FinalizedFeaturesEpoch":
		if f.Int() >= 0 {
			return "some epoch"
		}
	}
	if f.Kind() == reflect.String {
		return fmt.Sprintf("%q", f.String())
	}
	return fmt.Sprint(f.Interface())
}

// clocks are what a message says of the times that a broker accepts now.
var clocks = regexp.MustCompile(`\[-?\d{13,}, -?\d{13,}\]`)

func (s *Side) topicID(id [16]byte) string {
	if id == ([16]byte{}) {
		return "zero"
	}
	if name, ok := s.topicIDs[id]; ok {
		return "id(" + name + ")"
	}
	s.topicIDs[id] = fmt.Sprint("unnamed ", len(s.topicIDs))
	return "id(" + s.topicIDs[id] + ")"
}

func (s *Side) producer(id int64) string {
	if id < 0 || id >= madeUp {
		return fmt.Sprint(id)
	}
	if _, ok := s.producers[id]; !ok {
		s.producers[id] = fmt.Sprint("producer ", len(s.producers)+1)
	}
	return s.producers[id]
}

// madeUp is where the producer ids begin that cases invent: they are the same on both sides.
const madeUp = 1 << 40

func (s *Side) session(id int32) string {
	if id == 0 {
		return "0"
	}
	if _, ok := s.sessions[id]; !ok {
		s.sessions[id] = fmt.Sprint("session ", len(s.sessions)+1)
	}
	return s.sessions[id]
}

// stamp shows a time as what it is counted from: the run's own time, which is an hour ago, or the clock.
func (s *Side) stamp(ms int64) string {
	if ms < 0 {
		return fmt.Sprint(ms)
	}
	if d := ms - s.epoch.UnixMilli(); d > -int64(30*time.Minute/time.Millisecond) && d < int64(30*time.Minute/time.Millisecond) {
		return fmt.Sprintf("t%+d", d)
	}
	if d := time.Since(time.UnixMilli(ms)).Abs(); d < 5*time.Minute {
		return "now"
	}
	return fmt.Sprint(ms)
}
