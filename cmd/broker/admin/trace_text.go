package admin

import (
	"fmt"
	"io"
	"strings"
	"time"

	"troupe/actors/kit/trace"
)

// barWidth is how wide the whole of a request is drawn, in columns.
const barWidth = 40

// Waterfall draws a trace as text: what took the time in a sentence, then its stages in their order.
func (t *Trace) Waterfall(w io.Writer) {
	head := []string{t.API + " v" + fmt.Sprint(t.Version)}
	for _, part := range []string{t.About() + t.Offsets(), named("client=", t.Client), named("from ", t.Peer), fmt.Sprintf("conn/%d", t.Conn), fmt.Sprintf("correlation %d", t.Correlation)} {
		if part != "" {
			head = append(head, part)
		}
	}
	fmt.Fprintln(w, strings.Join(head, "  "))
	fmt.Fprintf(w, "%s  %s  %s", t.ID, t.Began.Format("2006-01-02 15:04:05.000"), t.Outcome)
	if t.Why != "" {
		fmt.Fprintf(w, "  kept: %s (slow from %s on)", t.Why, short(t.SlowFromMs))
	}
	fmt.Fprintf(w, "  %d bytes in, %d out", t.BytesIn, t.BytesOut)
	if t.TailReads+t.DiskReads > 0 {
		fmt.Fprintf(w, "  reads: %d memory, %d disk", t.TailReads, t.DiskReads)
	}
	fmt.Fprintf(w, "\n%s\n\n", t.Sentence)
	for _, s := range t.Spans {
		fmt.Fprintf(w, "%9s %9s  %s  %s\n", "+"+short(s.FromMs), short(s.TookMs), bar(s, t.TotalMs), s.What)
	}
}

func named(what, value string) string {
	if value == "" {
		return ""
	}
	return what + value
}

// bar draws a span at its place in the whole. What is not over is hatched.
func bar(s TraceSpan, total float64) string {
	if total <= 0 {
		return strings.Repeat(" ", barWidth)
	}
	at := min(int(s.FromMs/total*barWidth), barWidth-1)
	n := min(max(int(s.TookMs/total*barWidth+0.5), 1), barWidth-at)
	fill := "█"
	switch {
	case s.Open:
		fill = "░"
	case s.TookMs/total*barWidth < 0.5:
		fill = "▏"
	}
	return strings.Repeat(" ", at) + strings.Repeat(fill, n) + strings.Repeat(" ", barWidth-at-n)
}

func short(ms float64) string { return trace.Short(time.Duration(ms * float64(time.Millisecond))) }
