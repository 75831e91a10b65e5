package meta

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// linkSettings are flags, but who looks for how brokers find and trust each other looks here. cmd/broker tests that they are there.
const linkSettings = `
## Links between brokers

Flags of ` + "`broker start`" + `, keys of the YAML file of ` + "`--config`" + `, or ` + "`BROKER_PEER_TLS_CERT`" + ` and the like in the environment. A broker that listens beyond
loopback needs a secret, certificates, or the word that it is meant to have neither; all brokers of a cluster need the same.

| flag | what it is |
|---|---|
| ` + "`--peer-listen`" + ` | address for other brokers |
| ` + "`--peer-advertise`" + ` | address that other brokers are told; a new one is told to the cluster when the broker registers |
| ` + "`--peer-secret-file`" + ` | file with a secret of at least 16 bytes, the same at all brokers. Each proves to the other that it knows it, without sending it. It encrypts nothing |
| ` + "`--peer-tls-cert`" + `, ` + "`--peer-tls-key`" + ` | PEM files with this broker's certificate and its key. Both sides of a link show theirs (TLS 1.3), so it must be good for servers and for clients, and for the host of the address that others are told. They are read again for each connection: new ones count without a restart |
| ` + "`--peer-tls-ca`" + ` | PEM file with the authorities that other brokers' certificates must come from. It is read at the start |
| ` + "`--insecure-peers`" + ` | beyond loopback, too, whoever reaches the address is taken for a broker |

Links change between plain text and TLS with the cluster down: a broker that has certificates talks to none that has not.
`

// configPage is docs/configs.md as the definitions say it.
func configPage() string {
	var b strings.Builder
	b.WriteString(`# Settings

Every setting of Apache Kafka 4.3.1 is known here, with its type, default and bounds, so that tools show what they expect and a
configuration can be kept. This page says what each does, or why it has no effect ("none"). It is made from the definitions (actors/meta) by
` + "`go test ./actors/meta -run TestConfigPage -rewrite`" + `, and the test fails when it is stale.

A topic's own value goes before the broker's. A broker's setting is, the strongest first: its own dynamic one, the dynamic one of all
brokers, what it was started with (` + "`--set`, `--config`" + `), the default. "Changes" says whether it can be changed while the broker runs:
for one broker and for all, for one broker only, or at start only. ` + "`broker config describe`" + ` shows what is in force and where it comes from;
` + "`broker config set`" + ` changes it.
`)
	section := func(title, intro string, keys []string, def func(string) *ConfigDef, changes func(*ConfigDef) string) {
		yes := 0
		for _, k := range keys {
			if def(k).Effect {
				yes++
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s %d settings, %d with an effect.\n\n| setting | type | default | changes | effect |\n|---|---|---|---|---|\n", title, intro, len(keys), yes)
		for _, k := range keys {
			d := def(k)
			value := "`" + d.Default + "`"
			if d.Default == "" {
				value = map[bool]string{true: "empty", false: "none"}[d.HasDefault]
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", k, strings.ToLower(d.Type.String()), value, changes(d), strings.Replace(d.Doc, "Accepted without effect:", "none:", 1))
		}
	}
	always := func(*ConfigDef) string { return "yes" }
	section("Topics", "", TopicConfigKeys(), TopicConfigDef, always)
	section("Brokers", "", BrokerConfigKeys(), BrokerConfigDef, func(d *ConfigDef) string {
		switch {
		case d.ReadOnly:
			return "at start"
		case d.perBroker(d.Name) || slices.Contains(listenerOnly, d.Name):
			return "one"
		case d.Name == minISRKey:
			return "all"
		}
		return "one, all"
	})
	section("Groups", "Kept and shown for KIP-848, KIP-932 and KIP-1071.", GroupConfigKeys(), GroupConfigDef, always)
	section("Subscriptions of client metrics", "KIP-714.", ClientMetricsConfigKeys(), ClientMetricsConfigDef, always)
	b.WriteString(linkSettings)
	b.WriteString("\n## Loggers\n\nThere is one logger, `root`: the log level of the whole broker, until it ends (KIP-412).\n")
	return strings.ReplaceAll(b.String(), "\n\n ", "\n\n")
}

func TestConfigPage(t *testing.T) {
	const path = "../../docs/configs.md"
	want := configPage()
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("docs/configs.md is stale (%v): go test ./actors/meta -run TestConfigPage -rewrite", err)
	}
}

// TestEffectsAreThere: what has an effect is read somewhere, and everything has an effect or a reason.
func TestEffectsAreThere(t *testing.T) {
	code := sources(t)
	used := func(d *ConfigDef) bool {
		if strings.Contains(code, `"`+d.Name+`"`) {
			return true
		}
		for _, p := range []string{"offsets.topic.", "transaction.state.log.", "share.coordinator.state.topic."} { // see topic_plan.go
			if rest, ok := strings.CutPrefix(d.Name, p); ok && strings.Contains(code, `"`+p+`"`) && strings.Contains(code, `prefix+"`+rest+`"`) {
				return true
			}
		}
		return false
	}
	// The level that belongs to a codec is named by parts, and flush.policy by its constant.
	named := map[string]bool{FlushPolicyKey: true, "compression.gzip.level": true, "compression.lz4.level": true, "compression.zstd.level": true, minISRKey: true}
	// Shown, or checked as Kafka does, and nothing more.
	for _, k := range []string{"process.roles", "leader.replication.throttled.rate", "follower.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second"} {
		named[k] = true
	}
	behind := map[string]bool{} // a topic's setting with effect, of which these are synonyms
	for _, k := range TopicConfigKeys() {
		d := TopicConfigDef(k)
		if d.Doc == "" || d.Effect && !named[k] && !used(d) {
			t.Errorf("topic setting %s: effect %v, used %v, %q", k, d.Effect, used(d), d.Doc)
		}
		for _, s := range d.Synonyms {
			behind[s.Name] = behind[s.Name] || d.Effect
		}
	}
	for _, k := range BrokerConfigKeys() {
		d := BrokerConfigDef(k)
		if d.Doc == "" || d.Effect && !behind[k] && !used(d) {
			t.Errorf("broker setting %s: effect %v, used %v, %q", k, d.Effect, used(d), d.Doc)
		}
		if !d.Effect && used(d) && !named[k] {
			t.Errorf("broker setting %s is read, and said to have no effect", k)
		}
		if behind[k] && !d.Effect {
			t.Errorf("broker setting %s stands behind a topic's that has an effect, and is said to have none", k)
		}
	}
	for k := range brokerDocs {
		if brokerDefs[k] == nil {
			t.Errorf("a text for %s, which is not there", k)
		}
	}
	for k := range topicDocs {
		if topicDefs[k] == nil {
			t.Errorf("a text for %s, which is not there", k)
		}
	}
}

// sources is all code of the broker but the definitions.
func sources(t *testing.T) string {
	var b strings.Builder
	for _, root := range []string{"..", "../../kafka", "../../cmd", "../../storage", "../../raftnode"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			name := e.Name()
			if err != nil || e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			switch name {
			case "config_docs.go", "config_broker_table.go", "config_topic.go", "config_group.go", "config_dynamic.go":
				return nil
			}
			text, err := os.ReadFile(path)
			b.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
