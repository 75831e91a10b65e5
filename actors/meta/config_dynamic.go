package meta

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"troupe/kafka/code"
)

// ValidateBrokerConfigs judges dynamic settings of one broker, or with id "" of all: OK, or the code and why. Unknown names pass, as with
// Kafka: they may be those of a plug-in. It is the part that is the same on every node; the order of the checks is Kafka's.
func ValidateBrokerConfigs(id string, configs map[string]string) (code.Code, string) {
	if _, ok := configs[minISRKey]; plainlyValid(id, configs) && (!ok || id == "") {
		return code.OK, ""
	}
	keys := slices.Sorted(maps.Keys(configs))
	pick := func(wrong func(key string, d *ConfigDef) bool) string {
		var found []string
		for _, key := range keys {
			if d := BrokerConfigDef(key); d != nil && wrong(key, d) {
				found = append(found, key)
			}
		}
		return strings.Join(found, ", ")
	}
	if names := pick(func(_ string, d *ConfigDef) bool { return d.ReadOnly }); names != "" {
		return code.InvalidRequest, "Cannot update these configs dynamically: [" + names + "]"
	}
	if names := pick(func(key string, _ *ConfigDef) bool { return slices.Contains(listenerOnly, key) }); names != "" {
		return code.InvalidRequest, "These security configs can be dynamically updated only per-listener using the listener prefix: [" + names + "]"
	}
	for _, key := range keys {
		if d := BrokerConfigDef(key); d != nil {
			if why := d.Check(configs[key]); why != "" {
				return code.InvalidRequest, why
			}
		}
	}
	if names := pick(func(key string, d *ConfigDef) bool { return id == "" && d.perBroker(key) }); names != "" {
		return code.InvalidRequest, "Cannot update these configs at default cluster level, broker id must be specified: [" + names + "]"
	}
	if why := checkTimes(configs); why != "" {
		return code.InvalidRequest, why
	}
	if _, ok := configs[minISRKey]; ok && id != "" {
		return code.InvalidConfig, "Broker-level min.insync.replicas cannot be altered while ELR is enabled."
	}
	return code.OK, ""
}

// plainlyValid reports whether nothing at all is wrong, which is so nearly always, without the order in which faults are named.
func plainlyValid(id string, configs map[string]string) bool {
	for key, v := range configs {
		d := BrokerConfigDef(key)
		if d != nil && (d.ReadOnly || slices.Contains(listenerOnly, key) || d.Check(v) != "" || id == "" && d.perBroker(key)) {
			return false
		}
	}
	return checkTimes(configs) == ""
}

// listenerOnly are settings of keys and certificates, which Kafka lets change for one listener only.
var listenerOnly = []string{"ssl.key.password", "ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.keystore.location", "ssl.keystore.password",
	"ssl.keystore.type", "ssl.truststore.certificates", "ssl.truststore.location", "ssl.truststore.password", "ssl.truststore.type"}

// perBroker reports whether a setting differs by nature from broker to broker: addresses, certificates, logins.
func (d *ConfigDef) perBroker(key string) bool {
	switch d.Name {
	case "max.connections", "max.connection.creation.rate", "num.network.threads":
		return false
	case "listeners", "listener.security.protocol.map", "principal.builder.class":
		return true
	}
	return d.Name != key || strings.HasPrefix(key, "ssl.") || strings.HasPrefix(key, "sasl.")
}

// Problem is a setting that cannot be as it is, and why.
type Problem struct{ Key, Why string }

// CheckStatic judges what a broker is to be started with, each setting by itself: unknown names, values that are none, bounds that the
// types do not tell. Problems come in the order of their keys.
func CheckStatic(configs map[string]string) (out []Problem) {
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		one := map[string]string{key: configs[key]}
		why := CheckBrokerConfig(key, configs[key])
		if why == "" {
			if why = checkTimes(one); why != "" {
				why = "must be " + strings.SplitN(why, " must be ", 2)[1]
			}
		}
		if _, err := ParseOverrides(one["max.connections.per.ip.overrides"]); err != nil {
			why = err.Error()
		}
		if why != "" {
			out = append(out, Problem{key, why})
		}
	}
	return out
}

// checkTimes judges the times whose bounds their types do not tell.
func checkTimes(configs map[string]string) string {
	for _, c := range []struct {
		key string
		min int64
		how string
	}{
		{"log.roll.ms", 1, "greater than or equal to 1"}, {"log.roll.jitter.ms", 0, "greater than or equal to 0"},
		{"log.retention.ms", 1, "unlimited (-1) or, greater than or equal to 1"},
	} {
		text, ok := configs[c.key]
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err == nil && n < c.min && !(c.key == "log.retention.ms" && n == -1) {
			return "requirement failed: " + c.key + " must be " + c.how
		}
	}
	return ""
}

// brokerName reads the name of a broker as Apply takes it: "" for all, or a decimal id in its one form.
func brokerName(name string) (int32, Result) {
	if name == "" {
		return -1, Result{}
	}
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil || strconv.FormatInt(id, 10) != name:
		return 0, refuse(code.InvalidRequest, "Unable to parse broker name as a base 10 number.")
	case id < 0:
		return 0, refuse(code.InvalidRequest, "Invalid negative broker ID.")
	}
	return int32(id), Result{}
}

// CheckBrokerAlter judges what only the broker d can: a change of its dynamic settings, or of all brokers', against what it was
// started with and what is in force. OK, or the code and why not.
func CheckBrokerAlter(img *Image, d Defaults, res *AlterResource) (code.Code, string) {
	for _, op := range res.Ops {
		if op.Op != ConfigAppend && op.Op != ConfigSubtract {
			continue
		}
		switch def := BrokerConfigDef(op.Key); {
		case def == nil:
			return code.InvalidConfig, "Unknown config name: " + op.Key
		case def.Type != TypeList:
			return code.InvalidConfig, "Config value " + strings.ToLower(opName(op.Op)) + " is not allowed for config key: " + op.Key
		}
	}
	next, r := alterMap(img.BrokerConfigs(res.Name), res.Ops, BrokerConfigDef)
	if r.Code != code.OK {
		return r.Code, r.Message
	}
	if c, why := ValidateBrokerConfigs(res.Name, next); c != code.OK {
		return c, why
	}
	c := brokerChange{img: img, d: d, name: res.Name, next: next}
	for _, check := range []func() string{c.buffers, c.threads, c.cleaners, c.localRetention, c.addresses, c.classes} {
		if why := check(); why != "" {
			return code.InvalidRequest, why
		}
	}
	return code.OK, ""
}

// brokerChange is a change of dynamic settings as one broker sees it.
type brokerChange struct {
	img  *Image
	d    Defaults
	name string // whose settings change: "" or the broker's own
	next map[string]string
}

// now is a setting in force, and after what it would be with the change.
func (c *brokerChange) now(key string) string {
	return strings.TrimSpace(EffectiveBroker(c.img, c.d, key).Value)
}

func (c *brokerChange) after(key string) string {
	own, all := c.img.BrokerConfigs(strconv.Itoa(int(c.d.BrokerID))), c.next
	if c.name != "" {
		own, all = c.next, c.img.BrokerConfigs("")
	}
	for _, m := range []map[string]string{own, all, c.d.Static} {
		if v, ok := m[key]; ok {
			return strings.TrimSpace(v)
		}
	}
	if def := BrokerConfigDef(key); def != nil {
		return def.Default
	}
	return ""
}

func (c *brokerChange) ints(key string) (now, after int64) {
	def := BrokerConfigDef(key)
	return parseNumber(def, c.now(key)), parseNumber(def, c.after(key))
}

// buffers: Kafka wants 1 MiB of the cleaner's buffer for each of its threads.
func (c *brokerChange) buffers() string {
	_, size := c.ints("log.cleaner.dedupe.buffer.size")
	if _, threads := c.ints("log.cleaner.threads"); threads > 0 && size/threads <= 1<<20 {
		return "requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."
	}
	return ""
}

// threads: Kafka changes the size of a pool by a factor of two at most.
func (c *brokerChange) threads() string {
	for _, key := range []string{"background.threads", "num.io.threads", "num.network.threads", "num.recovery.threads.per.data.dir", "num.replica.fetchers"} {
		now, after := c.ints(key)
		why := fmt.Sprintf("Dynamic thread count update validation failed for %s=%d, value should ", key, after)
		switch {
		case after == now:
		case after < now/2:
			return why + fmt.Sprintf("be at least half the current value %d", now)
		case after > now*2:
			return why + fmt.Sprintf("not be greater than double the current value %d", now)
		}
	}
	return ""
}

func (c *brokerChange) cleaners() string {
	switch now, after := c.ints("log.cleaner.threads"); {
	case after == now:
	case after < 1:
		return "Log cleaner threads should be at least 1"
	case after < now/2:
		return fmt.Sprintf("Log cleaner threads cannot be reduced to less than half the current value %d", now)
	case after > now*2:
		return fmt.Sprintf("Log cleaner threads cannot be increased to more than double the current value %d", now)
	}
	return ""
}

// localRetention: what is kept locally cannot be more than what is kept at all. -2 stands for all.
func (c *brokerChange) localRetention() string {
	for _, k := range [][2]string{{"log.local.retention.ms", "log.retention.ms"}, {"log.local.retention.bytes", "log.retention.bytes"}} {
		if c.after(k[1]) == "" { // the time is given in another unit
			continue
		}
		_, local := c.ints(k[0])
		_, whole := c.ints(k[1])
		if local == -1 && whole != -1 {
			return fmt.Sprintf("Invalid value %d for configuration %s: Value must not be -1 as %s value is set as %d.", local, k[0], k[1], whole)
		}
		if local > whole && whole != -1 {
			return fmt.Sprintf("Invalid value %d for configuration %s: Value must not be more than %s property value: %d", local, k[0], k[1], whole)
		}
	}
	return ""
}

// addresses: the limits per address parse, and listeners stay as they are.
func (c *brokerChange) addresses() string {
	const perIP = "max.connections.per.ip.overrides"
	if _, err := ParseOverrides(c.after(perIP)); err != nil {
		return fmt.Sprintf("Error parsing configuration property '%s': %v", perIP, err)
	}
	if _, n := c.ints("max.connections.per.ip"); n == 0 && c.after(perIP) == "" {
		return "requirement failed: max.connections.per.ip can be set to zero only if " + perIP + " property is set."
	}
	for _, key := range []string{"listeners", "listener.security.protocol.map"} {
		v, ok := c.next[key]
		if !ok || strings.TrimSpace(v) == c.now(key) {
			continue
		}
		for _, l := range splitList(v) {
			if name, _, found := strings.Cut(l, "://"); key == "listeners" && (!found || name == "") {
				return "Unable to parse a listener name from " + l
			}
		}
		return key + " cannot be altered while the broker runs: change it at start, with --listen and --advertise"
	}
	return ""
}

// classes: nothing here loads classes, so their names cannot change. Kafka's own stand for what is built in.
func (c *brokerChange) classes() string {
	for _, key := range []string{"metric.reporters", "principal.builder.class", "ssl.engine.factory.class"} {
		if v, ok := c.next[key]; ok && strings.TrimSpace(v) != c.now(key) && strings.TrimSpace(v) != BrokerConfigDef(key).Default {
			return fmt.Sprintf("Invalid value %s for configuration %s: Class %s could not be found.", v, key, v)
		}
	}
	return ""
}

// ParseOverrides reads max.connections.per.ip.overrides: ADDRESS:COUNT, comma-separated. Names of hosts are not resolved here and are an
// error, because a limit that misses its client protects nothing.
func ParseOverrides(text string) (map[string]int, error) {
	out := map[string]int{}
	for _, item := range splitList(text) {
		i := strings.LastIndexByte(item, ':')
		if i < 0 {
			return nil, fmt.Errorf("%q: want ADDRESS:COUNT", item)
		}
		at, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(item[:i]), "[]"))
		if err != nil {
			return nil, fmt.Errorf("%q is not an address", item[:i])
		}
		n, err := strconv.ParseUint(strings.TrimSpace(item[i+1:]), 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number of connections", item[i+1:])
		}
		out[at.Unmap().String()] = int(n)
	}
	return out, nil
}
