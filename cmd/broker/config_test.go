package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"troupe/cmd/broker/run"
)

// configOf gives what start would run with.
func configOf(t *testing.T, args ...string) (run.Config, error) {
	t.Helper()
	var s settings
	var cfg run.Config
	cmd := &cobra.Command{Use: "start", SilenceErrors: true, SilenceUsage: true, RunE: func(cmd *cobra.Command, _ []string) (err error) {
		cfg, err = s.load(cmd)
		return err
	}}
	s.flags(cmd.Flags())
	cmd.SetArgs(args)
	return cfg, cmd.Execute()
}

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := "listen: 127.0.0.1:1\nrack: file\nmemory: 512MiB\nnum.partitions: 3\nlog.retention.hours: 1\nmessage.max.bytes: 2000000\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BROKER_RACK", "env")
	t.Setenv("BROKER_CONFIG", file)
	cfg, err := configOf(t, "--data-dir", t.TempDir(), "--set", "num.partitions=5")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen[0] != "127.0.0.1:1" || cfg.Rack != "env" || cfg.Memory != 512<<20 || cfg.Static["num.partitions"] != "5" || cfg.Static["message.max.bytes"] != "2000000" {
		t.Errorf("%+v", cfg)
	}
	if cfg, err = configOf(t, "--rack", "flag"); err != nil || cfg.Rack != "flag" {
		t.Errorf("%+v %v", cfg, err)
	}
}

// A variable that is none of ours is said, with what was probably meant; one that is not set, or tells of a service, is not.
func TestStrangeVariables(t *testing.T) {
	var s settings
	flags := pflag.NewFlagSet("start", pflag.ContinueOnError)
	s.flags(flags)
	f := func(variable, want string) {
		t.Helper()
		if got := strings.Join(strangeVariables(flags, []string{"PATH=/bin", variable}), "\n"); !strings.HasSuffix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", variable, got, want)
		}
	}
	f("BROKER_LISTN=:9092", "BROKER_LISTN in the environment is no setting of broker start and has no effect; did you mean BROKER_LISTEN?")
	f("BROKER_DATADIR=/x", "; did you mean BROKER_DATA_DIR?")
	f("BROKER_NUM_PARTITIONS=3", "; give it as --set num.partitions=3")
	f("BROKER_FAVOURITE_COLOUR=blue", " has no effect")
	f("BROKER_SET=num.partitions=3", " has no effect")
	for _, quiet := range []string{"BROKER_LISTEN=:9092", "BROKER_CONFIG=x", "BROKER_LISTN=", "broker_listn=x", "BROKER_SERVICE_HOST=10.0.0.1", "BROKER_PORT=tcp://10.0.0.1:9092",
		"BROKER_PORT_9092_TCP_ADDR=10.0.0.1"} {
		f(quiet, "")
	}
}

func TestDefaults(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/var/lib/x")
	cfg, err := configOf(t)
	if err != nil || cfg.DataDir != "/var/lib/x" || cfg.Listen[0] != run.DefaultListen || cfg.Admin != run.DefaultAdmin || cfg.PeerListen != run.DefaultPeerListen || cfg.Memory < run.MinMemory {
		t.Errorf("%+v %v", cfg, err)
	}
	t.Setenv("STATE_DIRECTORY", "")
	home := t.TempDir()
	t.Setenv("HOME", home)
	if cfg, err = configOf(t); err != nil || cfg.DataDir != filepath.Join(home, ".local", "share", "broker") {
		t.Errorf("%+v %v", cfg, err)
	}
}

func TestParseBytes(t *testing.T) {
	f := func(s string, want int64, ok bool) {
		t.Helper()
		got, err := parseBytes(s)
		if got != want || (err == nil) != ok {
			t.Errorf("%s: %d %v", s, got, err)
		}
	}
	f("1048576", 1<<20, true)
	f("512MiB", 512<<20, true)
	f("2G", 2<<30, true)
	f("2GB", 2e9, true)
	f("10 KiB", 10<<10, true)
	f("0", 0, false)
	f("-1", 0, false)
	f("", 0, false)
	f("MiB", 0, false)
	f("9999999999GiB", 0, false)
}

// Every command has a short text, and those that do something an example.
func TestHelp(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short text", cmd.CommandPath())
		}
		if cmd.Runnable() && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&cli{}))
	var out, errOut bytes.Buffer
	if code := execute([]string{"--help"}, strings.NewReader(""), &out, &errOut); code != 0 || !strings.Contains(out.String(), "Exit codes") {
		t.Errorf("%d %s %s", code, out.String(), errOut.String())
	}
}

// TestLinkSettingsAreFlags: what docs/configs.md says of links between brokers are flags of start.
func TestLinkSettingsAreFlags(t *testing.T) {
	page, err := os.ReadFile("../../docs/configs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Links between brokers")
	section, _, _ = strings.Cut(section, "\n## ")
	var s settings
	f := pflag.NewFlagSet("start", pflag.ContinueOnError)
	s.flags(f)
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`--([a-z-]+)`").FindAllStringSubmatch(section, -1) {
		if named[m[1]] = true; f.Lookup(m[1]) == nil {
			t.Errorf("--%s is no flag", m[1])
		}
	}
	f.VisitAll(func(fl *pflag.Flag) {
		if strings.Contains(fl.Name, "peer") && !named[fl.Name] {
			t.Errorf("--%s is not on the page", fl.Name)
		}
	})
}
