package run

import (
	"net"
	"strconv"
	"strings"
)

// withKafkaNames takes from Kafka's properties what has flags of its own here and was not given by them, so that the server.properties of
// a Kafka starts a broker that is found where that Kafka was.
func (c Config) withKafkaNames() (Config, error) {
	get := func(key string) string { return strings.TrimSpace(c.Static[key]) }
	for _, key := range []string{"node.id", "broker.id"} {
		if v := get(key); c.NodeID == 0 && v != "" && v != "-1" {
			n, err := strconv.ParseInt(v, 10, 32)
			if err != nil || n < 1 {
				return c, usagef("property %s=%s: want 1 or more", key, v)
			}
			c.NodeID = int32(n)
		}
	}
	if c.Rack == "" {
		c.Rack = get("broker.rack")
	}
	for _, key := range []string{"log.dirs", "log.dir"} {
		if v := get(key); c.DataDir == "" && v != "" {
			if strings.Contains(v, ",") {
				return c, usagef("property %s=%s: one folder is used here; name it, or say --data-dir", key, v)
			}
			c.DataDir = v
		}
	}
	if v := get("controller.quorum.voters"); strings.Contains(v, ",") && len(c.Seeds)+len(c.Join) == 0 {
		return c, usagef("property controller.quorum.voters=%s: it names no founders here; say --seeds with the peer addresses of all of them, or leave it out for one node", v)
	}
	return c.withListeners(get)
}

// withListeners reads listeners and advertised.listeners.
func (c Config) withListeners(get func(string) string) (Config, error) {
	if v := get("listeners"); len(c.Listen) == 0 && v != "" {
		list, err := kafkaListeners("listeners", v, get)
		if err != nil {
			return c, err
		}
		c.Listen = list
	}
	if v := get("advertised.listeners"); c.Advertise == "" && v != "" {
		list, err := kafkaListeners("advertised.listeners", v, get)
		if err != nil {
			return c, err
		}
		if len(list) > 0 {
			c.Advertise = list[0]
		}
	}
	return c, nil
}

// kafkaListeners are the addresses of the listeners for clients in text, a list of NAME://HOST:PORT.
func kafkaListeners(key, text string, get func(string) string) (out []string, err error) {
	protocols := map[string]string{"PLAINTEXT": "PLAINTEXT", "SSL": "SSL", "SASL_PLAINTEXT": "SASL_PLAINTEXT", "SASL_SSL": "SASL_SSL"}
	for _, pair := range strings.Split(get("listener.security.protocol.map"), ",") {
		if name, protocol, ok := strings.Cut(strings.TrimSpace(pair), ":"); ok {
			protocols[strings.ToUpper(name)] = strings.ToUpper(protocol)
		}
	}
	controllers := map[string]bool{}
	for _, name := range strings.Split(get("controller.listener.names"), ",") {
		controllers[strings.ToUpper(strings.TrimSpace(name))] = true
	}
	for _, l := range strings.Split(text, ",") {
		name, address, ok := strings.Cut(strings.TrimSpace(l), "://")
		if !ok {
			return nil, usagef("property %s: %q: want NAME://HOST:PORT, such as PLAINTEXT://127.0.0.1:9092", key, l)
		}
		name = strings.ToUpper(name)
		switch protocol := protocols[name]; {
		case controllers[name]:
			continue
		case protocol == "":
			return nil, usagef("property %s: listener.security.protocol.map does not say what %s is", key, name)
		case protocol != "PLAINTEXT":
			return nil, usagef("property %s: %s speaks %s, and there is no TLS or SASL yet", key, name, protocol)
		}
		host, port, err := splitAddress(address)
		if err != nil {
			return nil, usagef("property %s: %s", key, err)
		}
		out = append(out, net.JoinHostPort(host, strconv.Itoa(int(port))))
	}
	return out, nil
}
