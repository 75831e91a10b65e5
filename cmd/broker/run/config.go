package run

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"troupe/actors/bootstrap"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/raftnode"
	"troupe/storage"
)

// Config is all that one broker is started with. The zero value of a field means its default.
type Config struct {
	DataDir       string // default: $STATE_DIRECTORY, else ~/.local/share/broker
	NodeID        int32  // default: the one in the data dir, else 1
	Rack          string
	Memory        int64    // bytes; default: half of what the machine or its cgroup allows
	Listen        []string // Kafka listeners; default 127.0.0.1:9092
	Advertise     string   // what clients are told; default: the listener's own address
	PeerListen    string   // default 127.0.0.1:9093
	PeerAdvertise string   // what other brokers are told; default: PeerListen, with the host's name for an address that stands for all
	Admin         string   // default 127.0.0.1:9644
	Seeds         []string // peer addresses of all founders of a cluster, this one among them
	Join          []string // peer addresses of brokers of a cluster to join; not together with Seeds
	InsecurePeers bool     // brokers beyond loopback need not show a secret or a certificate
	PeerSecret    []byte   // what brokers prove to each other that they know; it is never sent. Empty: none
	PeerTLS       PeerTLS  // how brokers show each other certificates, and encrypt what they say; zero: they do not
	InsecureAdmin bool
	Static        map[string]string // Kafka broker properties by name
	Version       string
	LogLevel      *slog.LevelVar // the level of the log given to Start, for clients to change; nil: they cannot
	TraceOff      bool           // requests are not recorded: for measuring what that costs
	TraceSlow     time.Duration  // requests that take longer are kept; 0: longer than 99.9 % of their API
	// Beside is how many brokers share this process, this one included, all with the same Memory; 0: it is alone.
	Beside int
	// Dial connects to other brokers, and Clients stands between a listener and those who connect; nil: nothing does. They are for broker dev.
	Dial    peer.DialFunc
	Clients func(net.Listener) net.Listener
	// Faults lose messages of the metadata log. They are for tests, and no flag sets them.
	Faults raftnode.Faults
	// Disk stands between the broker and its data store. It is for tests, and no flag sets it.
	Disk func(storage.Data) storage.Data
	// Files is the file system of both stores; nil: the operating system's. It is for tests, and no flag sets it.
	Files storage.FS
}

// MinPeerSecret is the least length of a peer secret, in bytes: who hears one handshake can try guesses at home.
const MinPeerSecret = 16

// Default addresses.
const (
	DefaultListen     = "127.0.0.1:9092"
	DefaultPeerListen = "127.0.0.1:9093"
	DefaultAdmin      = "127.0.0.1:9644"
)

// UsageError is a configuration that can never work: exit code 2.
type UsageError struct{ Text string }

func (e UsageError) Error() string { return e.Text }

func usagef(format string, args ...any) error { return UsageError{fmt.Sprintf(format, args...)} }

// WithDefaults fills in what was left open and checks the rest.
func (c Config) WithDefaults() (Config, error) {
	c, err := c.withKafkaNames()
	if err != nil {
		return c, err
	}
	if c.DataDir == "" {
		dir, err := defaultDataDir()
		if err != nil {
			return c, err
		}
		c.DataDir = dir
	}
	if len(c.Listen) == 0 {
		c.Listen = []string{DefaultListen}
	}
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&c.PeerListen, DefaultPeerListen)
	set(&c.Admin, DefaultAdmin)
	if c.Memory == 0 {
		c.Memory = machineMemory() / 2
	}
	if c.Memory < MinMemory {
		return c, usagef("--memory %d: at least %d bytes (64 MiB) are needed", c.Memory, MinMemory)
	}
	for _, a := range append([]string{c.PeerListen, c.Admin}, c.Listen...) {
		if _, _, err := splitAddress(a); err != nil {
			return c, err
		}
	}
	if c, err = c.withOthers(); err != nil {
		return c, err
	}
	if host, _, _ := splitAddress(c.PeerListen); !loopback(host) && len(c.PeerSecret) == 0 && !c.PeerTLS.given() && !c.InsecurePeers {
		return c, usagef("--peer-listen %s: brokers beyond this machine must show a secret or certificates; name a file that holds the secret with "+
			"--peer-secret-file, or certificates with --peer-tls-cert, --peer-tls-key and --peer-tls-ca, bind to 127.0.0.1, or say --insecure-peers", c.PeerListen)
	}
	if n := len(c.PeerSecret); n > 0 && n < MinPeerSecret {
		return c, usagef("the peer secret has %d bytes: at least %d are needed, such as those of `openssl rand -base64 32`", n, MinPeerSecret)
	}
	if c.Advertise != "" {
		host, _, err := splitAddress(c.Advertise)
		if err != nil {
			return c, err
		}
		if unspecified(host) {
			return c, usagef("--advertise %s: clients cannot connect to it; name an address that they reach", c.Advertise)
		}
	}
	return c, c.checkStatic()
}

// withOthers checks what says where other brokers are, and where this one is for them.
func (c Config) withOthers() (Config, error) {
	if len(c.Seeds) > 0 && len(c.Join) > 0 {
		return c, usagef("--seeds and --join exclude each other: founders name all of themselves with --seeds, who comes later names some of the cluster with --join")
	}
	for name, list := range map[string]*[]string{"--seeds": &c.Seeds, "--join": &c.Join} {
		canonical, err := bootstrap.Canonical(*list)
		if err != nil {
			return c, usagef("%s: %v", name, err)
		}
		*list = canonical
	}
	if c.PeerAdvertise == "" {
		return c, nil
	}
	host, _, err := splitAddress(c.PeerAdvertise)
	if err == nil && unspecified(host) {
		err = usagef("--peer-advertise %s: other brokers cannot connect to it; name an address that they reach", c.PeerAdvertise)
	}
	return c, err
}

func (c Config) checkStatic() error {
	for _, key := range slices.Sorted(maps.Keys(c.Static)) {
		if meta.BrokerConfigDef(key) == nil {
			hint := ""
			if s := meta.Suggest(key); s != "" {
				hint = fmt.Sprintf("; did you mean %s?", s)
			}
			return usagef("unknown property %q%s", key, hint)
		}
	}
	for _, p := range meta.CheckStatic(c.Static) {
		return usagef("property %s=%s: %s", p.Key, c.Static[p.Key], p.Why)
	}
	if host, _, _ := splitAddress(c.Admin); !c.InsecureAdmin && !loopback(host) {
		return usagef("--admin %s: the admin address shows everything to whoever reaches it; use a loopback address, or say --insecure-admin", c.Admin)
	}
	return nil
}

// withoutEffect are the settings that are taken and do nothing, such as those of an authorizer: nobody should believe that they do.
func (c Config) withoutEffect() (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(c.Static)) {
		if !meta.BrokerConfigDef(key).Effect {
			keys = append(keys, key)
		}
	}
	return keys
}

func defaultDataDir() (string, error) {
	if d := os.Getenv("STATE_DIRECTORY"); d != "" {
		return d, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usagef("no data directory: $HOME is not set; name one with --data-dir")
	}
	return filepath.Join(home, ".local", "share", "broker"), nil
}

// splitAddress takes host:port, :port and names.
func splitAddress(a string) (host string, port uint16, err error) {
	host, p, err := net.SplitHostPort(a)
	if err != nil {
		return "", 0, usagef("address %q: want HOST:PORT, such as 127.0.0.1:9092", a)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, usagef("address %q: %q is not a port (0 to 65535)", a, p)
	}
	return host, uint16(n), nil
}

func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// advertised is what clients are told of a listener bound to bound.
func (c Config) advertised(bound net.Addr) (meta.Endpoint, error) {
	if c.Advertise != "" {
		host, port, err := splitAddress(c.Advertise)
		if port == 0 {
			port = uint16(bound.(*net.TCPAddr).Port)
		}
		return meta.Endpoint{Name: listenerName, Host: host, Port: port}, err
	}
	host, _, err := splitAddress(c.Listen[0])
	if err != nil {
		return meta.Endpoint{}, err
	}
	if unspecified(host) {
		if host, err = os.Hostname(); err != nil {
			return meta.Endpoint{}, usagef("--listen %s: cannot tell under which name clients reach it; say so with --advertise", c.Listen[0])
		}
	}
	return meta.Endpoint{Name: listenerName, Host: strings.ToLower(host), Port: uint16(bound.(*net.TCPAddr).Port)}, nil
}
