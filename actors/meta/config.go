package meta

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ConfigType is the type of a setting, by the numbers of DescribeConfigs.
type ConfigType int8

// The types of settings.
const (
	TypeUnknown  ConfigType = 0
	TypeBoolean  ConfigType = 1
	TypeString   ConfigType = 2
	TypeInt      ConfigType = 3
	TypeShort    ConfigType = 4
	TypeLong     ConfigType = 5
	TypeDouble   ConfigType = 6
	TypeList     ConfigType = 7
	TypeClass    ConfigType = 8
	TypePassword ConfigType = 9
)

var typeNames = []string{"UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}

// String is the type's name as Kafka's messages write it, such as INT.
func (t ConfigType) String() string { return typeNames[t] }

// ConfigDef defines one setting of a topic or a broker. Defaults, types and bounds are those of Apache Kafka 4.3.1.
type ConfigDef struct {
	Name       string
	Type       ConfigType
	Default    string
	HasDefault bool   // false: null unless set
	ReadOnly   bool   // of a broker: only its flags, environment and file can set it
	Sensitive  bool   // never shown
	Doc        string // what it does here, or why it does nothing
	Effect     bool
	Synonyms   []ConfigSynonym // of a topic's setting: what of the broker stands in for it, the strongest first

	valid validator
}

// ConfigSynonym is a broker's setting that stands in for a topic's; its value times Scale is the topic's.
type ConfigSynonym struct {
	Name  string
	Scale int64 // 1, or the milliseconds of an hour or a minute
}

// validator is what a value must fulfil beyond its type. The zero value lets all pass.
type validator struct {
	bounded  bool
	min, max float64 // max +Inf: none
	also     string  // one more value, out of the bounds
	oneOf    []string
	anyCase  bool
	throttle bool // a list of partition:broker, or *
	reset    bool // share.auto.offset.reset
	whole    bool // a list without empty elements
}

// parseDefs reads a table with one line per setting: name, type, how it can be set, default (- none, "" empty), what is valid
// (- all; 1.. at least 1; 1..9 a range, |−1 and this one; a,b,c one of these, with ~ in any case), and then for topics the synonyms.
func parseDefs(table string) map[string]*ConfigDef {
	defs := make(map[string]*ConfigDef)
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		d := &ConfigDef{Name: f[0], ReadOnly: f[2] == "static", Default: f[3], HasDefault: f[3] != "-", valid: parseValid(f[4])}
		d.Type = ConfigType(slices.Index(typeNames, strings.ToUpper(f[1])))
		d.Sensitive = d.Type == TypePassword
		if d.Default == "-" || d.Default == `""` {
			d.Default = ""
		}
		for _, s := range f[5:] {
			name, unit, _ := strings.Cut(s, "*")
			d.Synonyms = append(d.Synonyms, ConfigSynonym{Name: name, Scale: scales[unit]})
		}
		defs[d.Name] = d
	}
	return defs
}

var scales = map[string]int64{"": 1, "minutes": 60_000, "hours": 3_600_000}

func parseValid(s string) (v validator) {
	low, high, ranged := strings.Cut(s, "..")
	switch {
	case s == "-":
	case s == "throttle":
		v.throttle = true
	case s == "reset":
		v.reset = true
	case s == "whole":
		v.whole = true
	case ranged:
		v.bounded = true
		v.min, _ = strconv.ParseFloat(low, 64)
		high, v.also, _ = strings.Cut(high, "|")
		v.max = math.Inf(1)
		if high != "" {
			v.max, _ = strconv.ParseFloat(high, 64)
		}
	default:
		s, v.anyCase = strings.CutPrefix(s, "~")
		v.oneOf = strings.Split(s, ",")
	}
	return v
}

// Check says why a value cannot be this setting's, as Kafka words it; "" if it can. Blanks around a value do not count.
func (d *ConfigDef) Check(value string) string {
	why := d.check(strings.TrimSpace(value))
	if why == "" || strings.HasPrefix(why, "Configuration '") {
		return why
	}
	switch {
	case d.valid.throttle:
		value = "[" + value + "]"
	case strings.HasPrefix(why, "Value must"): // it was read as a number
		value = d.Canonical(value)
	}
	return fmt.Sprintf("Invalid value %.200s for configuration %s: %s", value, d.Name, why)
}

// Canonical is a valid value as Kafka shows it once it is read: no blanks, no leading zeros, booleans in small letters. A value that
// is not valid stays as it is.
func (d *ConfigDef) Canonical(value string) string {
	s := strings.TrimSpace(value)
	switch d.Type {
	case TypeBoolean:
		if b, ok := parseBool(s); ok {
			return strconv.FormatBool(b)
		}
	case TypeInt, TypeShort, TypeLong:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	case TypeDouble:
		if f, ok := d.number(s); ok {
			return javaDouble(f)
		}
	case TypeList:
		return strings.Join(d.elements(s), ",")
	case TypeString, TypeClass, TypePassword:
		return s
	}
	return value
}

// javaDouble writes a number as Java's Double.toString does: 0.5, 100.0, 1.0E10.
func javaDouble(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if a := math.Abs(f); a != 0 && (a < 1e-3 || a >= 1e7) {
		s = strings.Replace(strconv.FormatFloat(f, 'E', -1, 64), "E+", "E", 1)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		if exponent, ok := strings.CutPrefix(exponent, "-"); ok {
			return mantissa + "E-" + strings.TrimLeft(exponent, "0")
		}
		return mantissa + "E" + strings.TrimLeft(exponent, "0")
	}
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func (d *ConfigDef) check(value string) string {
	switch d.Type {
	case TypeBoolean:
		if _, ok := parseBool(value); !ok {
			return "Expected value to be either true or false"
		}
	case TypeInt, TypeShort, TypeLong, TypeDouble:
		n, ok := d.number(value)
		if !ok {
			return "Not a number of type " + d.Type.String()
		}
		return d.valid.number(n, value)
	case TypeList:
		return d.checkList(value)
	case TypeString:
		if d.valid.reset {
			return checkReset(d.Name, value)
		}
		return d.valid.member(value)
	}
	return ""
}

// elements are those of a list as Kafka reads it: where it says what they may be, each counts once.
func (d *ConfigDef) elements(list string) (out []string) {
	for _, v := range splitList(list) {
		if d.valid.oneOf == nil && !d.valid.whole || !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// splittable says whether a list may be appended to.
func (d *ConfigDef) splittable() bool { return d.Type == TypeList && clientMetricsDefs[d.Name] != d }

func (d *ConfigDef) number(value string) (float64, bool) {
	bits := 64
	switch d.Type {
	case TypeDouble:
		f, err := strconv.ParseFloat(value, 64)
		return f, err == nil && !strings.ContainsAny(value, "_xX")
	case TypeInt:
		bits = 32
	case TypeShort:
		bits = 16
	}
	n, err := strconv.ParseInt(value, 10, bits)
	return float64(n), err == nil
}

func (v *validator) number(n float64, text string) string {
	switch {
	case !v.bounded || v.also != "" && text == v.also:
	case v.also != "" && !(n >= v.min && n <= v.max):
		return fmt.Sprintf("Value must be between %v and %v or equal to %s", v.min, v.max, v.also)
	case !(n >= v.min):
		return fmt.Sprintf("Value must be at least %v", int64(v.min))
	case n > v.max:
		return fmt.Sprintf("Value must be no more than %v", v.max)
	}
	return ""
}

func (v *validator) member(s string) string {
	if v.oneOf == nil || slices.ContainsFunc(v.oneOf, func(o string) bool { return o == s || v.anyCase && strings.EqualFold(o, s) }) {
		return ""
	}
	return "String must be one of: " + strings.Join(v.oneOf, ", ")
}

func (d *ConfigDef) checkList(value string) string {
	if value == "" {
		return ""
	}
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" && (d.valid.oneOf != nil || d.valid.whole) {
			return fmt.Sprintf("Configuration '%s' values must not be empty.", d.Name)
		}
		if why := d.valid.member(item); why != "" {
			return why
		}
		if d.valid.throttle && value != "*" && !isReplicaName(item) {
			return d.Name + " must be the literal '*' or a list of replicas in the following format: " +
				"[partitionId]:[brokerId],[partitionId]:[brokerId],..."
		}
	}
	return ""
}

func isReplicaName(s string) bool {
	p, b, ok := strings.Cut(s, ":")
	_, err1 := strconv.ParseUint(p, 10, 31)
	_, err2 := strconv.ParseUint(b, 10, 31)
	return ok && err1 == nil && err2 == nil
}

func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}
