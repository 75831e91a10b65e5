package api

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

func TestUpdateFeatures(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.apply(meta.RegisterBroker{BrokerID: 1, Incarnation: [16]byte{9}, StoreID: [16]byte{1}, PrevBrokerEpoch: -1,
		Features: append(meta.SupportedFeatures(), meta.Feature{Name: "x.version", Min: 0, Max: 2})})
	f := func(version int16, level int16, kind int8, try bool, want string) {
		t.Helper()
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		u.Feature, u.MaxVersionLevel, u.UpgradeType, u.AllowDowngrade = "x.version", level, kind, kind != 1
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.TimeoutMillis, req.ValidateOnly, req.FeatureUpdates = 1000, try, []kmsg.UpdateFeaturesRequestFeatureUpdate{u, u}
		x := w.ask(version, req).(*kmsg.UpdateFeaturesResponse)
		if (x.ErrorMessage != nil) != (x.ErrorCode != 0) || len(x.Results) != 0 && (version == 2 || x.Results[0].Feature != "x.version") {
			t.Errorf("%+v", x)
		}
		expect(t, fmt.Sprint("v", version), fmt.Sprintf("%d %d now %d", x.ErrorCode, len(x.Results), w.img.Feature("x.version")), want)
	}
	f(2, 1, 1, true, "0 0 now 0")
	f(1, 3, 1, true, "95 0 now 0")
	f(0, 1, 1, false, "0 2 now 1")
	f(1, 2, 1, false, "0 2 now 2")
	f(2, 2, 2, false, "0 0 now 2")
	f(1, 1, 1, false, "95 0 now 2")
	f(0, 1, 1, false, "95 0 now 2")
	f(0, 1, 2, false, "0 2 now 1")
	f(2, 0, 3, false, "0 0 now 0")
	f(2, 1, 4, false, "95 0 now 0")
	if n := len(w.asked); n != 4 {
		t.Errorf("%d proposals", n)
	}
	w.down = true
	req := kmsg.NewPtrUpdateFeaturesRequest()
	u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	u.Feature, u.MaxVersionLevel = "x.version", 1
	req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{u}
	held := w.begin(0, req)
	w.refuseHeld(code.CoordinatorNotAvailable)
	if x := held.answer().(*kmsg.UpdateFeaturesResponse); x.ErrorCode != int16(code.NotController) {
		t.Errorf("%+v", x)
	}
}

func TestFeaturesAreTold(t *testing.T) {
	w := newWorld(t, 1, nil)
	for v := int16(3); v <= 4; v++ {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion, req.NodeID = "test", "1", -1
		x := w.ask(v, req).(*kmsg.ApiVersionsResponse)
		got := ""
		for _, f := range x.SupportedFeatures {
			got += fmt.Sprintf("%s %d-%d ", f.Name, f.MinVersion, f.MaxVersion)
		}
		for _, f := range x.FinalizedFeatures {
			got += fmt.Sprintf("%s=%d-%d ", f.Name, f.MinVersionLevel, f.MaxVersionLevel)
		}
		expect(t, fmt.Sprint("v", v), got, "eligible.leader.replicas.version 1-1 metadata.version 30-30 eligible.leader.replicas.version=1-1 metadata.version=30-30 ")
	}
}
