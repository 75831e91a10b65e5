package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
)

// maxStill bounds the steps of a Stage in which time stands still.
const maxStill = 100_000

// Stage is a Sim without chance and delays, with one node, for stories of single actors.
type Stage struct {
	*Sim
	Node *Node
	Sys  *Life // the node's life, on which the actors of the story are spawned

	t   testing.TB
	out strings.Builder
}

// Hearing is who listens on a stage of several nodes, in whatever step it is.
type Hearing struct {
	Message func(n *Node, actor string, m any) // an actor is about to handle it
	Log     func(n *Node, line string)
	Told    func(probe string, m any) // a probe has got it
}

// NewStage makes a stage.
func NewStage(t testing.TB) *Stage {
	st := &Stage{Sim: New(0), t: t}
	st.calm = true
	st.say = func(line string) { st.out.WriteString(line + "\n") }
	st.Node = st.Sim.Node("n1", nil)
	st.Node.OnFatal = func(reason string) { st.say(reason) }
	st.Sys = st.Node.Life()
	return st
}

// Out is what was told to probes, logged and fatal since the last Out, a line each, in the order in which it happened.
func (st *Stage) Out() string {
	s := st.out.String()
	st.out.Reset()
	return s
}

// Say adds a line to the output.
func (st *Stage) Say(format string, args ...any) { st.say(fmt.Sprintf(format, args...)) }

// Many makes this the stage of several nodes, which the story adds by Sim.Node. It has no node of its own then, what is heard, logged and told goes to h
// instead of into the output, and all commands are the story's.
func (st *Stage) Many(h Hearing) {
	st.Node, st.Sys, st.nodes, st.hearing = nil, nil, nil, &h
}

// Restart crashes the node, if it still runs, and makes Sys its next life; the story spawns its actors again.
func (st *Stage) Restart() {
	st.Node.Crash()
	st.Node.Restart()
	st.Sys = st.Node.Life()
}

// Stories runs every file in dir as a story of datadriven commands, each on a stage of its own. setup makes the actors and
// probes and returns the story's commands. A command's output is what handle returns, and then what the actors did until
// they came to rest. These commands are given:
//
//	advance 10s       time goes on
//	stop NAME         stops an actor
//	inspect NAME      prints what an actor says of itself
//	crash             ends the node; the story's own command boots it again (Stage.Restart)
//
// At the end every actor is stopped, and an ask that none of them has answered fails the story.
func Stories(t *testing.T, dir string, setup func(st *Stage) (handle func(d *datadriven.TestData) string)) {
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		st := NewStage(t)
		handle := setup(st)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return st.command(t, d, handle) })
		for _, n := range st.nodes {
			n.StopActors()
		}
		if err := st.Settle(time.Hour); err != nil {
			t.Error(err)
		}
		for _, a := range st.Unanswered(0) {
			t.Errorf("%s: never answered: %s", path, a)
		}
	})
}

func (st *Stage) command(t *testing.T, d *datadriven.TestData, handle func(d *datadriven.TestData) string) string {
	if s := st.Out(); s != "" {
		t.Logf("before the first command:\n%s", s)
	}
	text := st.given(d)
	if text == nil {
		s := handle(d)
		text = &s
	}
	if err := st.Settle(0); err != nil {
		d.Fatalf(t, "%v", err)
	}
	out := *text
	if out != "" && !strings.HasSuffix(out, "\n") {
		out += "\n"
	}
	return out + st.Out()
}

// given runs the commands that every story has; nil: it is the story's own.
func (st *Stage) given(d *datadriven.TestData) *string {
	if st.Node == nil {
		return nil
	}
	var out string
	arg := ""
	if len(d.CmdArgs) > 0 {
		arg = d.CmdArgs[0].Key
	}
	switch d.Cmd {
	case "advance":
		dur, err := time.ParseDuration(arg)
		if err != nil {
			out = err.Error()
		} else if err := st.Run(dur); err != nil {
			out = err.Error()
		}
	case "stop", "inspect":
		r := st.Sys.Lookup(arg)
		switch {
		case r == nil:
			out = "no actor " + arg
		case d.Cmd == "stop":
			st.Sys.Stop(r, nil, nil)
		default:
			out = st.inspect(r)
		}
	case "crash":
		st.Node.Crash()
	default:
		return nil
	}
	return &out
}

func (st *Stage) inspect(r *kit.Ref) string {
	say := st.say
	st.say = nil
	x, ok := Ask[kit.Inspected](st.Sim, 0, func(replyTo *kit.Ref) { r.Tell(&kit.Inspect{Ask: kit.Ask{ReplyTo: replyTo}}) })
	st.say = say
	if !ok {
		return "no answer"
	}
	var w strings.Builder
	fmt.Fprintf(&w, "state: %s\n", x.State)
	for _, f := range x.Fields {
		fmt.Fprintf(&w, "%s: %v\n", f.Name, f.Value)
	}
	return w.String()
}
