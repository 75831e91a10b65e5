package stories

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/integration/sim"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// patience is how long an answer or a condition is waited for if the story names no time.
const patience = 5 * time.Second

// cluster is a story of several brokers, each on a disk of its own, and one client that knows them all.
type cluster struct {
	*kitsim.Stage
	t       *testing.T
	nodes   []*member // by id
	options sim.BrokerOptions
	rng     *rand.Rand
	client  *kitsim.Probe
	asks    map[uint64]*asked
	last    *asked // the newest that has waited for its answer
	slot    uint64
	began   time.Duration // when the command began
	hushed  bool
	listens map[string]bool   // further messages that the story wants to hear of
	lines   []string          // heard since the command began
	shown   uint64            // the newest image whose changes were told
	known   map[string]uint32 // partIds of all partitions that there were, the first of each name
	asserts int               // what the story has insisted on
}

// member is a node of the cluster: its disk outlives its broker.
type member struct {
	c      *cluster
	id     int32
	seat   sim.Seat
	disk   sim.Disk
	node   *kitsim.Node
	b      *sim.Broker
	epochs []int64 // broker epochs, of all runs so far
}

func TestClusterStories(t *testing.T) {
	var told []*cluster
	kitsim.Stories(t, "testdata/cluster", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		cryptotest.SetGlobalRandom(t, 1) // Raft draws its election time-outs from it
		c := &cluster{Stage: st, t: t, rng: rand.New(rand.NewPCG(1, 1)), asks: map[uint64]*asked{}, listens: map[string]bool{}, known: map[string]uint32{}}
		st.Many(kitsim.Hearing{Message: c.hear, Log: c.log, Told: c.told})
		c.client = st.Probe("client")
		c.client.On = c.answered
		told = append(told, c)
		return c.handle
	})
	for i, c := range told {
		if c.asserts == 0 {
			t.Errorf("story %d insists on nothing: recorded anew, it would pass whatever happens", i)
		}
	}
}

func name(id int32) string { return "n" + strconv.Itoa(int(id)) }

func (m *member) up() bool { return m.node != nil && m.node.Up() && m.b != nil }

// image is what a broker publishes; an empty one if it is down.
func (m *member) image() *meta.Image {
	if !m.up() {
		return meta.NewImage()
	}
	return m.b.Published.Get().Image
}

func (m *member) start() {
	if m.node == nil {
		m.node = m.c.Sim.Node(name(m.id), m.boot)
		m.node.OnFatal = func(reason string) { m.c.say("%s %s", name(m.id), reason) }
		return
	}
	m.node.Restart()
}

func (m *member) boot(l *kitsim.Life) {
	o := m.c.options
	o.Seat = &m.seat
	b, err := sim.Boot(l, m.disk, o)
	if err != nil {
		m.c.fail("%s does not start: %v", name(m.id), err)
		return
	}
	m.b = b
}

// kill ends nodes at the same moment, as a loss of power does.
func (c *cluster) kill(list []*member) {
	for _, m := range list {
		m.node.Crash()
		m.disk.Crash(c.rng)
	}
}

// handle runs one command. Conditions in the lines below it are waited for (see look).
func (c *cluster) handle(d *datadriven.TestData) string {
	c.began, c.lines = c.Now(), nil
	switch {
	case c.look(d):
	case !c.stagecraft(d) && !c.ask(d):
		d.Fatalf(c.t, "unknown command %s", d.Cmd)
	case d.Input != "" && d.Cmd != "cluster":
		c.until(d)
	}
	c.settle()
	return ""
}

// settle lets everything happen that needs no time.
func (c *cluster) settle() {
	if err := c.Settle(0); err != nil {
		c.t.Fatal(err)
	}
}

// stagecraft runs the commands that change the world.
func (c *cluster) stagecraft(d *datadriven.TestData) bool {
	switch d.Cmd {
	case "cluster":
		c.found(d)
	case "start":
		for _, m := range c.members(d) {
			m.start()
			c.settle()
		}
	case "kill":
		c.kill(c.members(d))
	case "shutdown":
		c.shutdown(d)
	case "join":
		c.join(d)
	case "cut", "mend":
		c.cable(d)
	case "latency":
		by, err := time.ParseDuration(arg(d, 0))
		c.check(err)
		c.Net.Faults = kitsim.Faults{Min: by, Max: by}
	case "disk":
		c.disk(d)
	case "advance":
		by, err := time.ParseDuration(arg(d, 0))
		c.check(err)
		c.check(c.Run(by))
	case "hear":
		for i := 0; arg(d, i) != ""; i++ {
			c.listens[arg(d, i)] = true
		}
	default:
		return false
	}
	return true
}

func (c *cluster) check(err error) {
	if err != nil {
		c.t.Fatal(err)
	}
}

// fail says that something is not as the story insists, also when it is being recorded anew.
func (c *cluster) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.t.Error(text)
	c.Say("FAILED: %s", text)
}

// found makes a cluster of so many founders. Unless up=no all of them are started, and nobody listens until they are in service and the
// commands in the lines below are done.
func (c *cluster) found(d *datadriven.TestData) {
	n, err := strconv.Atoi(arg(d, 0))
	c.check(err)
	c.options = sim.BrokerOptions{TailBytes: num(d, "tail", 1<<20), Static: map[string]string{"offsets.topic.num.partitions": "1"},
		CompactEntries: uint64(num(d, "compact", 0)), CompactTail: uint64(num(d, "compact", 0)) / 4}
	var ids []int32
	for id := int32(1); id <= int32(n); id++ {
		ids = append(ids, id)
	}
	for _, id := range ids {
		c.nodes = append(c.nodes, &member{c: c, id: id, seat: sim.Seat{ID: id, Nodes: ids}, disk: sim.NewModels(false, false)})
	}
	if opt(d, "up", "") == "no" {
		return
	}
	c.hushed = true
	for _, m := range c.nodes {
		m.start()
		c.settle()
	}
	if !c.RunUntil(patience, func() bool { return c.serving(c.nodes, ids) == "" }) {
		c.fail("the cluster is not in service after %s: %s", patience, c.serving(c.nodes, ids))
	}
	c.settle()
	for line := range strings.Lines(d.Input) {
		cmd, args, err := datadriven.ParseLine(line)
		c.check(err)
		c.handle(&datadriven.TestData{Pos: d.Pos, Cmd: cmd, CmdArgs: args})
	}
	c.hushed = false
	c.Say("%s leads the metadata log", name(c.controller()))
}

// shutdown ends a broker in order.
func (c *cluster) shutdown(d *datadriven.TestData) {
	m := c.members(d)[0]
	if err := m.b.Stop(c.Sim, func() {}); err != nil {
		c.fail("%v", err)
	}
	m.node.Crash()
	c.check(m.disk.Close())
}

// join gives an empty disk a place in the cluster, as bootstrap does: AddNode at a node that is part of it, then the start with what that said.
// The node id of a broker that is gone is given to it again.
func (c *cluster) join(d *datadriven.TestData) {
	id := ids(arg(d, 0))[0]
	store := [16]byte{0: 0x6e, 1: byte(len(c.asks)), 15: byte(id)}
	wants := int32(-1)
	var m *member
	if int(id) <= len(c.nodes) {
		m, wants = c.nodes[id-1], id
		c.kill([]*member{m})
	} else {
		m = &member{c: c, id: id}
		c.nodes = append(c.nodes, m)
	}
	a := c.propose(c.at(d), meta.AddNode{StoreID: store, RequestedID: wants, Version: "sim",
		Endpoints: []meta.Endpoint{{Name: meta.PeerListener, Host: name(id), Port: 9093}}})
	c.want(d, a)
	added, ok := a.value.(meta.NodeAdded)
	if !ok || added.NodeID != id {
		c.fail("AddNode gave %+v, not node %d", a.value, id)
		return
	}
	var others []int32
	for _, x := range c.nodes {
		if x != m {
			others = append(others, x.id)
		}
	}
	m.disk, m.seat = sim.NewModels(false, false), sim.Seat{ID: id, Nodes: others, RaftID: added.RaftID, StoreID: store}
	m.start()
}

// cable cuts and mends: n1 from all others, n1 and n2 from each other, or one direction as in n1->n2. Mend alone mends all.
func (c *cluster) cable(d *datadriven.TestData) {
	do := c.Net.Cut
	if d.Cmd == "mend" {
		if do = c.Net.Mend; len(d.CmdArgs) == 0 {
			c.Net.Heal()
			return
		}
	}
	if from, to, ok := strings.Cut(arg(d, 0), "->"); ok {
		do(from, to)
		return
	}
	list := c.members(d)
	others := list[1:]
	if len(others) == 0 {
		others = slices.DeleteFunc(slices.Clone(c.nodes), func(m *member) bool { return m == list[0] })
	}
	for _, m := range others {
		do(name(list[0].id), name(m.id))
		do(name(m.id), name(list[0].id))
	}
}

// disk makes disks slow, or quick again.
func (c *cluster) disk(d *datadriven.TestData) {
	by, err := time.ParseDuration(opt(d, "slow", "0s"))
	c.check(err)
	for _, m := range c.members(d) {
		m.node.Slow = by
	}
}

// members are the nodes that a command names.
func (c *cluster) members(d *datadriven.TestData) (list []*member) {
	for i := 0; arg(d, i) != ""; i++ {
		for _, id := range ids(arg(d, i)) {
			if int(id) > len(c.nodes) {
				d.Fatalf(c.t, "there is no n%d", id)
			}
			list = append(list, c.nodes[id-1])
		}
	}
	if len(list) == 0 {
		d.Fatalf(c.t, "%s names no node", d.Cmd)
	}
	return list
}

// ids reads a list of nodes: n1,n2 or 1,2.
func ids(text string) (list []int32) {
	for x := range strings.SplitSeq(text, ",") {
		if n, err := strconv.Atoi(strings.TrimPrefix(x, "n")); err == nil {
			list = append(list, int32(n))
		}
	}
	return list
}

// controller is the node that leads the metadata log and acts as the controller; 0: none.
func (c *cluster) controller() int32 {
	for _, m := range c.nodes {
		if m.up() && m.b.Control.Status().Active {
			return m.id
		}
	}
	return 0
}

// at is the node that a command names with at=; else the controller, else whoever is up.
func (c *cluster) at(d *datadriven.TestData) *member {
	if list := ids(opt(d, "at", "")); len(list) > 0 {
		return c.nodes[list[0]-1]
	}
	if id := c.controller(); id > 0 {
		return c.nodes[id-1]
	}
	i := slices.IndexFunc(c.nodes, (*member).up)
	if i < 0 {
		d.Fatalf(c.t, "every broker is down")
	}
	return c.nodes[i]
}

// newest is what the broker that knows most publishes.
func (c *cluster) newest() *meta.Image {
	img := meta.NewImage()
	for _, m := range c.nodes {
		if x := m.image(); x.Index() > img.Index() {
			img = x
		}
	}
	return img
}

// asked is a question of the client.
type asked struct {
	to    int32
	done  bool
	code  code.Code
	value any // of a proposal
}

// sent notes that the client asks a broker.
func (c *cluster) sent(to *member) (*asked, kit.Ask) {
	c.slot++
	a := &asked{to: to.id}
	c.asks[c.slot] = a
	return a, kit.Ask{ReplyTo: c.client.Ref(), Slot: c.slot}
}

func (c *cluster) propose(to *member, cmd meta.Command) *asked {
	a, ask := c.sent(to)
	if !to.up() {
		c.fail("%s is down", name(to.id))
		return a
	}
	to.b.Metadata.Tell(&raftnode.Propose{Ask: ask, Cmd: cmd, Timeout: 30 * time.Second})
	return a
}

// want waits for an answer and insists on its code: NONE if the story names none. want=waits insists that there is no answer yet.
func (c *cluster) want(d *datadriven.TestData, a *asked) {
	c.asserts++
	want := opt(d, "want", "NONE")
	if want == "waits" {
		c.last = a
		if c.settle(); a.done {
			c.fail("%s: an answer has come: %s", d.Pos, a.code)
		}
		return
	}
	within, err := time.ParseDuration(opt(d, "within", patience.String()))
	c.check(err)
	c.RunUntil(within, func() bool { return a.done })
	switch c.settle(); {
	case !a.done:
		c.fail("%s: no answer within %s", d.Pos, within)
	case a.code.String() != want:
		c.fail("%s: the answer is %s, not %s", d.Pos, a.code, want)
	}
}
