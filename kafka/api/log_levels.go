package api

import (
	"log/slog"
	"strings"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// rootLogger is the one logger that there is: the level of the whole broker.
const rootLogger = "root"

// logLevels are the levels as Kafka's tools name them (KIP-412). Nothing here logs below Debug or above Error; TRACE and FATAL are kept
// apart, so that what was set is what is shown.
var logLevels = map[string]slog.Level{
	"TRACE": slog.LevelDebug - 4, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": slog.LevelError + 4,
}

const levelNames = "DEBUG, ERROR, FATAL, INFO, TRACE, WARN"

// logLevel is the level in force; INFO if the broker was started without one that can change.
func (e *Env) logLevel() string {
	if e.LogLevel == nil {
		return "INFO"
	}
	now, name := e.LogLevel.Level(), "INFO"
	for n, l := range logLevels {
		if l == now {
			name = n
		}
	}
	return name
}

// checkLevel judges one change of a log level.
func (e *Env) checkLevel(op wantedOp) (code.Code, string) {
	switch op.op {
	case meta.ConfigSet, meta.ConfigDelete:
	case meta.ConfigAppend:
		return code.InvalidRequest, "APPEND operation is not allowed for the BROKER_LOGGER resource"
	case meta.ConfigSubtract:
		return code.InvalidRequest, "SUBTRACT operation is not allowed for the BROKER_LOGGER resource"
	default:
		return code.InvalidRequest, "Unknown operation type " + itoa(int64(op.op)) + " is not allowed for the BROKER_LOGGER resource"
	}
	_, known := logLevels[orEmpty(op.value)]
	switch {
	case op.key != rootLogger:
		return code.InvalidConfig, "Logger " + op.key + " does not exist!"
	case op.op == meta.ConfigDelete:
		return code.InvalidRequest, "Removing the log level of the root logger is not allowed"
	case !known:
		return code.InvalidConfig, "Cannot set the log level of " + op.key + " to " + strings.TrimSpace(*op.value) +
			" as it is not a supported log level. Valid log levels are " + levelNames
	case e.LogLevel == nil:
		return code.InvalidRequest, "The log level of this broker is fixed."
	}
	return code.OK, ""
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
