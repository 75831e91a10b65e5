package api

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestFirstName: what a request is about, as traces show it.
func TestFirstName(t *testing.T) {
	f := func(req kmsg.Request, want string) {
		t.Helper()
		got, v := "", reflect.ValueOf(req).Elem()
		if name := firstName(v, pathsOf(&subjectPaths, v.Type(), isSubject)); name != nil {
			got = *name
		}
		if got != want {
			t.Errorf("%T is about %q, want %q", req, got, want)
		}
	}
	f(&kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "a"}, {Topic: "b"}}}, "a")
	f(&kmsg.JoinGroupRequest{Group: "g"}, "g")
	f(&kmsg.DescribeGroupsRequest{Groups: []string{"g", "h"}}, "g")
	f(&kmsg.DeleteGroupsRequest{Groups: []string{"g", "h"}}, "g")
	f(&kmsg.DeleteGroupsRequest{}, "")
	f(&kmsg.ListGroupsRequest{}, "")
}
