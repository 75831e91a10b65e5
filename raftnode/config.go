package raftnode

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.etcd.io/raft/v3"
)

// Time and size limits of the group.
const (
	// DefaultTick is one step of Raft's clock.
	DefaultTick    = 50 * time.Millisecond
	heartbeatTicks = 2
	electionTicks  = 20 // an election begins after 1 to 2 s without a leader

	maxSizePerMsg             = 1 << 20
	maxCommittedSizePerReady  = 4 << 20 // bytes of committed entries under application
	maxInflightMsgs           = 256
	maxInflightBytes          = 8 << 20  // half of what the control lane of a link holds, so that appends never push heartbeats out of it
	maxUncommittedEntriesSize = 64 << 20 // past it, proposals are dropped (and tried again)

	// MaxCommand is the largest encoded command, in bytes.
	MaxCommand = 8 << 20
)

func config(id uint64, v *logView, applied uint64, log *slog.Logger) *raft.Config {
	return &raft.Config{
		ID: id, Storage: v, Applied: applied,
		ElectionTick: electionTicks, HeartbeatTick: heartbeatTicks,
		AsyncStorageWrites: true,
		MaxSizePerMsg:      maxSizePerMsg, MaxCommittedSizePerReady: maxCommittedSizePerReady,
		MaxInflightMsgs: maxInflightMsgs, MaxInflightBytes: maxInflightBytes, MaxUncommittedEntriesSize: maxUncommittedEntriesSize,
		PreVote: true, CheckQuorum: true, StepDownOnRemoval: true,
		// A forwarded proposal can vanish without an error; ours go to the leader by our own call, which has an answer.
		DisableProposalForwarding: true,
		ReadOnlyOption:            raft.ReadOnlySafe,
		Logger:                    libLog{log},
	}
}

// libLog makes the library's log ours: what it calls Info is noise of every append and goes to Debug; what it calls Panic is one.
type libLog struct{ log *slog.Logger }

func (l libLog) at(level slog.Level, format string, a []any) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	text := fmt.Sprint(a...)
	if format != "" {
		text = fmt.Sprintf(format, a...)
	}
	l.log.Log(context.Background(), level, "raft", "text", text)
}

func (l libLog) Debug(...any)                {}
func (l libLog) Debugf(string, ...any)       {}
func (l libLog) Info(a ...any)               { l.at(slog.LevelDebug, "", a) }
func (l libLog) Infof(f string, a ...any)    { l.at(slog.LevelDebug, f, a) }
func (l libLog) Warning(a ...any)            { l.at(slog.LevelDebug, "", a) }
func (l libLog) Warningf(f string, a ...any) { l.at(slog.LevelDebug, f, a) }
func (l libLog) Error(a ...any)              { l.at(slog.LevelError, "", a) }
func (l libLog) Errorf(f string, a ...any)   { l.at(slog.LevelError, f, a) }
func (l libLog) Fatal(a ...any)              { panic("BUG: raft: " + fmt.Sprint(a...)) }
func (l libLog) Fatalf(f string, a ...any)   { panic("BUG: raft: " + fmt.Sprintf(f, a...)) }
func (l libLog) Panic(a ...any)              { panic("BUG: raft: " + fmt.Sprint(a...)) }
func (l libLog) Panicf(f string, a ...any)   { panic("BUG: raft: " + fmt.Sprintf(f, a...)) }
