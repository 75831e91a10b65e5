package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"troupe/actors/meta"
	"troupe/cmd/broker/run"
)

func env(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func splitList(s string) (out []string) {
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func isUsage(err error) bool {
	var f failure
	if errors.As(err, &f) {
		return false
	}
	t := err.Error()
	return strings.HasPrefix(t, "unknown command") || strings.Contains(t, "arg(s)") || strings.HasPrefix(t, "required flag")
}

// settings are the flags of start, in the order flags > BROKER_* environment > file > defaults.
type settings struct {
	file string
	set  []string
	cfg  run.Config

	listen, seeds, join, memory string
	peerSecretFile              string
	nodeID                      int32
}

func (s *settings) flags(f *pflag.FlagSet) {
	f.StringVar(&s.file, "config", "", "YAML file (these names, or any Kafka broker property) or Kafka's *.properties (env BROKER_CONFIG)")
	f.StringVar(&s.cfg.DataDir, "data-dir", "", "where data is kept (default $STATE_DIRECTORY, else ~/.local/share/broker)")
	f.Int32Var(&s.nodeID, "node-id", 0, "this node's number (default: the one in the data dir, else 1)")
	f.StringVar(&s.cfg.Rack, "rack", "", "rack or zone of this node")
	f.StringVar(&s.memory, "memory", "", "memory to use, such as 512MiB (default: half of what there is)")
	f.StringVar(&s.listen, "listen", "", "Kafka address (default "+run.DefaultListen+")")
	f.StringVar(&s.cfg.Advertise, "advertise", "", "address that clients are told (default: the one listened on)")
	f.StringVar(&s.cfg.PeerListen, "peer-listen", "", "address for other brokers (default "+run.DefaultPeerListen+")")
	f.StringVar(&s.cfg.PeerAdvertise, "peer-advertise", "", "address that other brokers are told (default: --peer-listen)")
	f.StringVar(&s.cfg.Admin, "admin", "", "address for health, metrics and inspection (default "+run.DefaultAdmin+")")
	f.StringVar(&s.seeds, "seeds", "", "peer addresses of all founders of a new cluster, own included, the same at each: HOST:PORT,...")
	f.StringVar(&s.join, "join", "", "peer addresses of brokers of a cluster to join: HOST:PORT,...")
	f.StringVar(&s.peerSecretFile, "peer-secret-file", "", "file with the secret that brokers of the cluster share")
	f.StringVar(&s.cfg.PeerTLS.Cert, "peer-tls-cert", "", "PEM file with this broker's certificate, which it shows to other brokers (with --peer-tls-key and --peer-tls-ca)")
	f.StringVar(&s.cfg.PeerTLS.Key, "peer-tls-key", "", "PEM file with the key of --peer-tls-cert")
	f.StringVar(&s.cfg.PeerTLS.CA, "peer-tls-ca", "", "PEM file with the authorities that other brokers' certificates must come from")
	f.BoolVar(&s.cfg.InsecurePeers, "insecure-peers", false, "allow peers without authentication beyond loopback")
	f.BoolVar(&s.cfg.InsecureAdmin, "insecure-admin", false, "allow the admin address beyond loopback")
	f.BoolVar(&s.cfg.TraceOff, "trace-off", false, "do not record requests: for measuring what recording costs")
	f.DurationVar(&s.cfg.TraceSlow, "trace-slow", 0, "keep the record of requests that take longer (default: longer than 99.9 % of their API, 20ms to 1s)")
	f.StringArrayVar(&s.set, "set", nil, "any Kafka broker property as KEY=VALUE; repeatable")
}

// load gives the configuration, or an error that names what is wrong and where.
func (s *settings) load(cmd *cobra.Command) (run.Config, error) {
	static := map[string]string{}
	if f := cmd.Flags().Lookup("data-dir"); f.Changed && s.cfg.DataDir == "" { // a variable of a shell that is not set
		return run.Config{}, failf(exitUsage, "--data-dir: it is empty; leave it out for the default")
	}
	if s.file == "" {
		s.file = os.Getenv("BROKER_CONFIG")
	}
	if s.file != "" {
		if err := s.readFile(cmd.Flags(), static); err != nil {
			return run.Config{}, err
		}
	}
	if err := s.readEnv(cmd.Flags()); err != nil {
		return run.Config{}, err
	}
	for _, text := range strangeVariables(cmd.Flags(), os.Environ()) {
		fmt.Fprintf(cmd.ErrOrStderr(), "broker: warning: %s\n", text)
	}
	for _, kv := range s.set {
		key, value, ok := strings.Cut(kv, "=")
		if !ok || key == "" {
			return run.Config{}, failf(exitUsage, "--set %s: want KEY=VALUE, such as --set num.partitions=3", kv)
		}
		static[key] = value
	}
	return s.finish(static)
}

func (s *settings) finish(static map[string]string) (run.Config, error) {
	c := s.cfg
	c.Static, c.NodeID, c.Version = static, s.nodeID, run.Version()
	c.Listen, c.Seeds, c.Join = splitList(s.listen), splitList(s.seeds), splitList(s.join)
	if s.nodeID < 0 {
		return c, failf(exitUsage, "--node-id %d: want 1 or more", s.nodeID)
	}
	if s.memory != "" {
		n, err := parseBytes(s.memory)
		if err != nil {
			return c, failf(exitUsage, "--memory %s: %s", s.memory, err)
		}
		c.Memory = n
	}
	if s.peerSecretFile != "" {
		b, err := os.ReadFile(s.peerSecretFile)
		if err != nil {
			return c, failf(exitUsage, "--peer-secret-file: %s", err)
		}
		if c.PeerSecret = bytes.TrimSpace(b); len(c.PeerSecret) == 0 {
			return c, failf(exitUsage, "--peer-secret-file %s: it is empty", s.peerSecretFile)
		}
	}
	return c.WithDefaults()
}

// readFile takes a file of settings: a flat YAML map, or Kafka's server.properties. Names of flags set the flag unless the command line did;
// others are Kafka properties.
func (s *settings) readFile(f *pflag.FlagSet, static map[string]string) error {
	values, err := readSettings(s.file)
	if err != nil {
		return failf(exitUsage, "--config: %s", err)
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		text := values[k]
		if fl := f.Lookup(k); fl != nil && k != "config" && k != "set" && k != "help" {
			if !fl.Changed && os.Getenv(envName(k)) == "" {
				if err := fl.Value.Set(text); err != nil {
					return failf(exitUsage, "--config %s: %s: %s", s.file, k, err)
				}
			}
			continue
		}
		if meta.BrokerConfigDef(k) == nil {
			return failf(exitUsage, "--config %s: unknown key %q%s", s.file, k, didYouMean(f, k))
		}
		static[k] = text
	}
	return nil
}

// readSettings reads a file of settings: as Java's properties if its name ends so, else as YAML.
func readSettings(file string) (map[string]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, failf(exitUsage, "cannot read %s: %s", file, errors.Unwrap(err))
	}
	if strings.HasSuffix(file, ".properties") {
		values, err := parseProperties(string(b))
		if err != nil {
			return nil, failf(exitUsage, "%s: %s", file, err)
		}
		return values, nil
	}
	raw := map[string]any{}
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return nil, failf(exitUsage, "%s: not a YAML map (is it Kafka's? then name it *.properties): %s", file, err)
	}
	values := make(map[string]string, len(raw))
	for k, v := range raw {
		if values[k], err = scalar(v); err != nil {
			return nil, failf(exitUsage, "%s: %s: %s", file, k, err)
		}
	}
	return values, nil
}

func scalar(v any) (string, error) {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			t, err := scalar(e)
			if err != nil {
				return "", err
			}
			parts[i] = t
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		return "", errors.New("want a value, found a map")
	case nil:
		return "", nil
	default:
		return fmt.Sprint(v), nil
	}
}

func envName(flag string) string {
	return "BROKER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnv says whether a flag of start may be a variable of the environment.
func fromEnv(flag string) bool { return flag != "set" && flag != "help" }

func (s *settings) readEnv(f *pflag.FlagSet) (err error) {
	f.VisitAll(func(fl *pflag.Flag) {
		v := os.Getenv(envName(fl.Name))
		if err != nil || v == "" || fl.Changed || fl.Name == "config" || !fromEnv(fl.Name) {
			return
		}
		if e := fl.Value.Set(v); e != nil {
			err = failf(exitUsage, "%s=%s: %s", envName(fl.Name), v, e)
		}
	})
	return err
}

// strangeVariables says of each variable that looks like one of ours and is none that nothing is done with it: it is probably mistyped. It is no
// error, for it may be somebody else's.
func strangeVariables(f *pflag.FlagSet, environ []string) (out []string) {
	var ours []string
	f.VisitAll(func(fl *pflag.Flag) {
		if fromEnv(fl.Name) {
			ours = append(ours, strings.TrimPrefix(envName(fl.Name), "BROKER_"))
		}
	})
	slices.Sort(environ)
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		rest, found := strings.CutPrefix(name, "BROKER_")
		// Kubernetes tells each container of a service that is called "broker".
		service := strings.HasPrefix(rest, "SERVICE_") || strings.HasPrefix(rest, "PORT_") || rest == "PORT" && strings.Contains(value, "://")
		if !found || value == "" || service || slices.Contains(ours, rest) {
			continue
		}
		text := name + " in the environment is no setting of broker start and has no effect"
		property := strings.ReplaceAll(strings.ToLower(rest), "_", ".")
		if near := meta.Nearest(rest, ours); near != "" {
			text += "; did you mean BROKER_" + near + "?"
		} else if meta.BrokerConfigDef(property) != nil {
			text += fmt.Sprintf("; give it as --set %s=%s", property, value)
		}
		out = append(out, text)
	}
	return out
}

func didYouMean(f *pflag.FlagSet, key string) string {
	if fl := f.Lookup(strings.ReplaceAll(key, "_", "-")); fl != nil {
		return fmt.Sprintf("; did you mean %s?", fl.Name)
	}
	if s := meta.Suggest(key); s != "" {
		return fmt.Sprintf("; did you mean %s?", s)
	}
	return ""
}

// parseBytes takes 1048576, 512MiB, 2GB and the like.
func parseBytes(s string) (int64, error) {
	units := []struct {
		name string
		n    int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}}
	mult := int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, mult = rest, u.n
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/mult {
		return 0, errors.New("want a size, such as 536870912 or 512MiB")
	}
	return n * mult, nil
}
