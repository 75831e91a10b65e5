package api

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

func TestDescribeCluster(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.apply(meta.FenceBroker{BrokerID: 2, BrokerEpoch: w.img.Broker(2).Epoch})
	f := func(version int16, want string, change func(r *kmsg.DescribeClusterRequest)) {
		t.Helper()
		r := kmsg.NewPtrDescribeClusterRequest()
		change(r)
		x := w.ask(version, r).(*kmsg.DescribeClusterResponse)
		got := fmt.Sprintf("%d %q %d %d", x.ErrorCode, x.ClusterID, x.ControllerID, x.ClusterAuthorizedOperations)
		for _, b := range x.Brokers {
			got += fmt.Sprintf(" %d=%s:%d/%s/%v", b.NodeID, b.Host, b.Port, *b.Rack, b.IsFenced)
		}
		if (x.ErrorMessage != nil) != (x.ErrorCode != 0) {
			t.Errorf("text %v", x.ErrorMessage)
		}
		expect(t, fmt.Sprint("v", version), got, want)
	}
	for v := range int16(3) {
		f(v, `0 "troupeTestCluster00001" 1 -2147483648 1=h1:9091/r1/false`, func(*kmsg.DescribeClusterRequest) {})
	}
	f(2, `0 "troupeTestCluster00001" 1 8096 1=h1:9091/r1/false 2=h2:9092/r2/true`, func(r *kmsg.DescribeClusterRequest) {
		r.IncludeClusterAuthorizedOperations, r.IncludeFencedBrokers = true, true
	})
	for kind, want := range map[int8]int{2: 114, 0: 115, 3: 115} {
		f(1, fmt.Sprintf(`%d "" -1 -2147483648`, want), func(r *kmsg.DescribeClusterRequest) { r.EndpointType = kind })
	}
}
