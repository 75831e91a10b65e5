package main

import (
	"fmt"
	"strings"
	"testing"

	"troupe/cmd/broker/admin"
)

func TestPlanDrain(t *testing.T) {
	all := []placed{{"a", 0, []int32{3, 1}}, {"a", 1, []int32{1, 2}}, {"b", 0, []int32{2, 3}}, {"c", 0, []int32{1, 3, 2}}, {"d", 0, []int32{3}}}
	show := func(node int32, others []int32, shrink bool) string {
		moves, stuck := planDrain(all, node, others, shrink)
		out := ""
		for _, m := range moves {
			out += fmt.Sprintf("%s/%d%v ", m.topic, m.index, m.replicas)
		}
		return out + "stuck " + some(stuck)
	}
	for _, x := range []struct {
		node   int32
		others []int32
		shrink bool
		want   string
	}{
		{3, []int32{1, 2, 4}, false, "a/0[4 1] b/0[2 4] c/0[1 4 2] d/0[1] stuck "},
		{3, []int32{1, 2}, false, "a/0[2 1] b/0[2 1] d/0[1] stuck c/0"},
		{3, []int32{1, 2}, true, "a/0[2 1] b/0[2 1] c/0[1 2] d/0[1] stuck "},
		{3, nil, true, "a/0[1] b/0[2] c/0[1 2] stuck d/0"},
		{9, []int32{1, 2}, false, "stuck "},
		{1, nil, false, "stuck a/0, a/1, c/0"},
	} {
		if got := show(x.node, x.others, x.shrink); got != x.want {
			t.Errorf("drain %d to %v: %s, want %s", x.node, x.others, got, x.want)
		}
	}
	if got := some([]string{"1", "2", "3", "4", "5"}); got != "1, 2, 3 and 2 more" {
		t.Error(got)
	}
}

func TestRemovable(t *testing.T) {
	two := admin.Cluster{Nodes: []admin.Node{{ID: 1}, {ID: 2}}}
	for _, x := range []struct {
		c    admin.Cluster
		n    admin.Node
		want string
	}{
		{admin.Cluster{Nodes: two.Nodes[:1]}, admin.Node{ID: 1, State: "fenced"}, "the only one"},
		{two, admin.Node{ID: 2, State: "fenced", Replicas: 3}, "run first: broker cluster drain 2"},
		{two, admin.Node{ID: 2, State: "running"}, "stop it first"},
		{two, admin.Node{ID: 2, State: "fenced"}, ""},
		{two, admin.Node{ID: 2, State: "not registered"}, ""},
	} {
		err := removable(x.c, x.n)
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v, want %q", x.n, err, x.want)
		}
	}
}

func TestClusterWorries(t *testing.T) {
	x := admin.Cluster{Nodes: []admin.Node{{ID: 1, Raft: "leader"}, {ID: 2, Raft: "learner"}}, Leaderless: 2, Moving: 1}
	if got := strings.Join(worries(x), "|"); !strings.HasPrefix(got, "partitions: 2 without a leader, 1 on the move|metadata has one voter") {
		t.Error(got)
	}
	if got := worries(admin.Cluster{Nodes: []admin.Node{{ID: 1, Raft: "leader"}}}); len(got) > 0 {
		t.Error(got)
	}
	nodes := []admin.Node{{ID: 1, State: "fenced", Peer: "a:1"}, {ID: 2, State: "running", Peer: "b:1"}, {ID: 3, State: "running"}}
	if got := fmt.Sprint(joinList(admin.Cluster{Nodes: nodes})); got != "[b:1 a:1]" {
		t.Error(got)
	}
}
