package meta

import (
	"regexp"
	"strings"
	"testing"
)

// FuzzConfig: any value of any setting is judged without a panic, and one that passes can be put in force.
func FuzzConfig(f *testing.F) {
	for _, key := range TopicConfigKeys() {
		f.Add(key, TopicConfigDef(key).Default)
	}
	f.Add("max.connections.per.ip.overrides", "127.0.0.1:5, [::1]:7")
	f.Add("log.retention.hours", "9223372036854775807")
	f.Add("segment.ms", " 1e3 ")
	f.Add("compression.gzip.level", "-1")
	f.Add("no.such.key", "x")
	cluster := newCluster(f, 1)
	f.Fuzz(func(t *testing.T, key, value string) {
		_ = Suggest(key)
		if CheckBrokerConfig(key, value) == "" {
			d := Defaults{BrokerID: 1, Static: map[string]string{key: value}}
			_ = EffectiveBroker(cluster.img, d, key)
			_ = SettingsOf(cluster.img, &Topic{Name: "t", Configs: map[string]string{}}, d)
			_, _ = BrokerInt(cluster.img, d, key), BrokerBool(cluster.img, d, key)
		}
		configs := map[string]string{key: value}
		if e, why := ValidateTopicConfigs(configs); e != 0 {
			if why == "" {
				t.Error("refused without a reason")
			}
			return
		}
		_ = SettingsOf(cluster.img, &Topic{Name: "t", Configs: configs}, Defaults{BrokerID: 1})
	})
}

// FuzzOverrides: limits per address read as they are written.
func FuzzOverrides(f *testing.F) {
	f.Add("127.0.0.1:5,::1:7")
	f.Add("[2001:db8::1]:0 , 10.0.0.1:2147483647")
	f.Add(":1")
	f.Fuzz(func(t *testing.T, text string) {
		limits, err := ParseOverrides(text)
		if err != nil {
			return
		}
		for at, n := range limits {
			if n < 0 || at == "" || strings.ContainsAny(at, "[], ") {
				t.Fatalf("%q: %d", at, n)
			}
		}
	})
}

var legalName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// FuzzTopicName: a name is legal exactly if Kafka's pattern says so, and only names that are equal but for dots and underscores collide.
func FuzzTopicName(f *testing.F) {
	for _, name := range []string{"", ".", "..", "...", "a", "a/b", "a\x00", "${x}", strings.Repeat("x", 249), strings.Repeat("x", 250), "ü", "__consumer_offsets", "a_b.c"} {
		f.Add(name, strings.ReplaceAll(name, ".", "_"))
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		legal := legalName.MatchString(a) && a != "." && a != ".."
		if why := ValidateTopicName(a); (why == "") != legal {
			t.Fatalf("%q: %q", a, why)
		}
		if fold := strings.NewReplacer(".", "_"); Collides(a, b) != (fold.Replace(a) == fold.Replace(b)) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}
