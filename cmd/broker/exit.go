package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/cmd/broker/run"
)

// Exit codes, as --help lists them.
const (
	exitOK        = 0
	exitError     = 1
	exitUsage     = 2
	exitUnhealthy = 3 // a check failed
	exitNotFound  = 4
	exitDenied    = 5
	exitNoConnect = 6 // cannot connect, or timed out
	exitConflict  = 7 // exists already, in use
	exitPartly    = 8 // some of several failed
)

// failure is an error that knows its exit code.
type failure struct {
	code int
	text string
}

func (f failure) Error() string { return f.text }

func failf(code int, format string, args ...any) error {
	return failure{code, fmt.Sprintf(format, args...)}
}

// report prints an error as one line and gives its exit code.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	if text != "" {
		fmt.Fprintf(stderr, "broker: %s\n", text)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var f failure
	var usage run.UsageError
	var taken run.ConflictError
	var denied run.DeniedError
	var ke *kerr.Error
	var op *net.OpError
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &taken):
		return exitConflict
	case errors.As(err, &denied):
		return exitDenied
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &ke):
		return kafkaExit(ke)
	case errors.Is(err, syscall.EADDRINUSE):
		return exitConflict
	case errors.Is(err, os.ErrPermission):
		return exitDenied
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op):
		return exitNoConnect
	default:
		return exitError
	}
}

func kafkaExit(e *kerr.Error) int {
	switch e.Code {
	case kerr.UnknownTopicOrPartition.Code, kerr.UnknownTopicID.Code, kerr.GroupIDNotFound.Code:
		return exitNotFound
	case kerr.TopicAlreadyExists.Code, kerr.NonEmptyGroup.Code:
		return exitConflict
	case kerr.TopicAuthorizationFailed.Code, kerr.GroupAuthorizationFailed.Code, kerr.ClusterAuthorizationFailed.Code, kerr.SaslAuthenticationFailed.Code:
		return exitDenied
	case kerr.RequestTimedOut.Code:
		return exitNoConnect
	default:
		return exitError
	}
}

// kafkaError turns what a Kafka client says into one line: what, why, and the next step.
func kafkaError(what, brokers string, err error) error {
	var ke *kerr.Error
	var op *net.OpError
	var eof *kgo.ErrFirstReadEOF
	switch {
	case err == nil:
		return nil
	case errors.As(err, &eof): // its own words suspect TLS or a password
		return failf(exitNoConnect, "%s: %s closed the connection without an answer; is it a broker, and well? try: broker doctor", what, brokers)
	case errors.As(err, &ke):
		return failf(kafkaExit(ke), "%s: %s (%s)", what, strings.ToLower(strings.TrimSuffix(ke.Description, ".")), ke.Message)
	case errors.As(err, &op) && op.Op == "read" && op.Timeout():
		return failf(exitNoConnect, "%s: %s has not answered in time; why: broker doctor, broker trace open", what, op.Addr)
	case errors.As(err, &op) && op.Addr != nil && !isAddress(brokers, op.Addr.String()): // the leader of something, mostly
		return failf(exitNoConnect, "%s: cannot reach %s, a broker of the cluster at %s: %s; is it running? see: broker cluster status", what, op.Addr, brokers, cause(err))
	case errors.As(err, &op), errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "unable to dial"):
		return failf(exitNoConnect, "%s: cannot reach %s: %s; is it running? try: broker start", what, brokers, cause(err))
	default:
		return failf(exitError, "%s: %s", what, err)
	}
}

// isAddress says whether an address is that of the only broker that was typed, which may be a name.
func isAddress(typed, address string) bool {
	host, port, _ := net.SplitHostPort(typed) // of several it is an error, and they are not one address
	_, at, _ := net.SplitHostPort(address)
	return typed == address || net.ParseIP(host) == nil && port == at
}

// kafkaCode is kafkaError for an error code of an answer.
func kafkaCode(what string, code int16) error {
	return kafkaError(what, "", kerr.ErrorForCode(code))
}

func cause(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "connection refused"):
		return "connection refused"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	default:
		return err.Error()
	}
}
