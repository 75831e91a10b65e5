package meta

import "testing"

// FuzzConfigs: whatever a client sends as a setting is judged without a panic, and what passes reads the same once it is written as
// Kafka shows it.
func FuzzConfigs(f *testing.F) {
	for _, s := range [][2]string{{"retention.ms", " 07"}, {"cleanup.policy", "compact,,delete"}, {"min.cleanable.dirty.ratio", "1e-3"}, {"compression.gzip.level", "-1"},
		{"leader.replication.throttled.replicas", "0:1,1:2"}, {"share.auto.offset.reset", "by_duration:PT1H"}, {"match", "client_id=a.*"}, {"metrics", "a,b"},
		{"max.connections.per.ip.overrides", "[::1]:5,127.0.0.1:6"}, {"listeners", "PLAINTEXT://:1"}, {"listener.name.x.max.connections", "5"}} {
		f.Add(s[0], s[1])
	}
	img := newCluster(f, 1).img
	f.Fuzz(func(t *testing.T, key, value string) {
		for _, def := range []*ConfigDef{TopicConfigDef(key), BrokerConfigDef(key), GroupConfigDef(key), ClientMetricsConfigDef(key)} {
			if def == nil || def.Check(value) != "" {
				continue
			}
			once := def.Canonical(value)
			if why := def.Check(once); why != "" || def.Canonical(once) != once {
				t.Errorf("%s=%q becomes %q, which is %q and becomes %q", key, value, once, why, def.Canonical(once))
			}
		}
		for _, kind := range []ResourceType{TopicResource, BrokerResource, ClientMetricsResource, GroupResource, 7} {
			for op := range ConfigOp(6) {
				for _, name := range []string{"", "1", "g"} {
					res := &AlterResource{kind, name, []AlterOp{{op, key, value}}}
					img.Altered(res)
					if kind == BrokerResource && name != "g" {
						CheckBrokerAlter(img, Defaults{BrokerID: 1}, res)
					}
				}
			}
		}
		CheckStatic(map[string]string{key: value})
	})
}
