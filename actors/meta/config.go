package meta

import "troupe/kafka/code"

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

// FlushPolicyKey is a topic setting of our own: when records count as stored. FlushFsync (default) means when they are on disk,
// FlushOS when the operating system has them.
const (
	FlushPolicyKey = "flush.policy"
	FlushFsync     = "fsync"
	FlushOS        = "os"
)

// ConfigDef defines one setting.
type ConfigDef struct {
	Name    string
	Type    ConfigType
	Default string
	Doc     string
}

func topicConfig(key string) *ConfigDef                                   { return nil }
func brokerConfigDef(key string) *ConfigDef                               { return nil }
func ValidateTopicConfigs(configs map[string]string) (code.Code, string)  { return code.OK, "" }
func ValidateBrokerConfigs(configs map[string]string) (code.Code, string) { return code.OK, "" }
