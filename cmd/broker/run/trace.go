package run

import (
	"fmt"
	"strings"

	"troupe/actors/kit/trace"
	"troupe/cmd/broker/admin"
	"troupe/kafka/code"
)

// record begins to record requests. memory is what kept records may take, in bytes.
func (b *Broker) record(memory int64) {
	b.trace = trace.New(trace.Options{Now: b.sys.Nanos, Memory: memory, Slow: b.cfg.TraceSlow, Trivial: usual})
	b.trace.SetOff(b.cfg.TraceOff)
	b.sys.SetDumpExtra(b.openText)
}

// usual says whether an error belongs to the normal course of a protocol: clients go on by themselves, and nobody looks for the request.
func usual(c int16) bool {
	switch code.Code(c) {
	case code.RebalanceInProgress, code.MemberIdRequired, code.CoordinatorLoadInProgress, code.LeaderNotAvailable,
		code.FetchSessionIdNotFound, code.InvalidFetchSessionEpoch, code.UnsupportedVersion:
		return true
	}
	return false
}

// maxOpenText is how many open operations a flight recorder dump shows.
const maxOpenText = 100

// openText is what a flight recorder dump says of requests: the oldest that are open.
func (b *Broker) openText() string {
	open := b.trace.Open()
	var w strings.Builder
	fmt.Fprintf(&w, "open operations %d\n", len(open))
	for i := range open[:min(len(open), maxOpenText)] {
		v := admin.TraceView(b.NodeID(), &open[i], b.trace.Now())
		fmt.Fprintf(&w, "  %s %s conn/%d client=%q %s: %s\n", v.ID, v.API, v.Conn, v.Client, v.About(), v.Sentence)
	}
	return w.String()
}
