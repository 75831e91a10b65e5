package peer

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"slices"
	"time"

	"troupe/actors/kit"
)

// Name is the actor that owns the peer address and knows all links.
const Name = "peers"

// Options of the links of one broker. A field that is zero has its default.
type Options struct {
	Me      Identity
	Secret  []byte // both sides must have the same; empty: none
	Network Network
	Board   *Board
	Pulse   time.Duration // DefaultPulse
	Queue   [lanes]int    // bytes that may wait on a lane: 16, 64, 16 MiB
	Window  [lanes]uint32 // bytes that may come in on Append and Bulk before they are used up: 32, 8 MiB
	// Strangers counts connections that were refused, by anybody and for any reason. For metrics.
	Strangers *Strangers
}

func (o Options) withDefaults() Options {
	o.Pulse = cmp.Or(o.Pulse, DefaultPulse)
	o.Board = cmp.Or(o.Board, &Board{})
	o.Strangers = cmp.Or(o.Strangers, &Strangers{})
	for _, lane := range Lanes {
		o.Queue[lane] = cmp.Or(o.Queue[lane], defaultQueue[lane])
		o.Window[lane] = cmp.Or(o.Window[lane], defaultWindow[lane])
	}
	return o
}

// Spawn starts the actor that owns the peer address. It owns o.Network from now on and closes it when it stops.
func Spawn(sys kit.System, o Options) *kit.Ref {
	o = o.withDefaults()
	return sys.Spawn(Name, &peers{o: &o, me: o.Me, links: map[int32]*linkEntry{}, visits: map[*kit.Ref]bool{}, guests: map[*kit.Ref]bool{}, told: map[string]bool{}}, kit.Options{})
}

// peers owns the peer address: who comes in must show first who it is, and only then is a link told of it.
type peers struct {
	o         *Options
	me        Identity
	links     map[int32]*linkEntry
	kinds     [kinds]handler
	strangers []*stranger // oldest first
	visits    map[*kit.Ref]bool
	guests    map[*kit.Ref]bool
	told      map[string]bool // refusals that were logged
	last      uint64          // number of the last visit or guest
	beating   bool
}

type linkEntry struct {
	ref    *kit.Ref
	want   Link // as asked for last
	wanted bool
	ending bool
}

// stranger is a connection that has not shown yet who it is.
type stranger struct {
	wire Wire
	hs   *handshake
	them hello // once proven; the last step is being written
	age  int
}

// Receive implements kit.Actor.
func (p *peers) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		p.accept(c)
	case accepted:
		p.accepted(c, m)
	case greeted:
		p.greeted(c, m)
	case Link:
		p.link(c, m)
	case Unlink:
		p.unlink(c, m)
	case Register:
		p.register(m)
	case Become:
		p.become(m)
	case *Send:
		p.send(m)
	case *Ask:
		p.ask(m)
	case *Visit:
		p.visit(c, m)
	case idle:
		p.idle(c, m)
	case linkEnded:
		p.linkEnded(c, m)
	case left:
		delete(p.visits, m.who)
		delete(p.guests, m.who)
	case again:
		p.accept(c)
	case pulse:
		p.pulse(c)
	case *kit.Inspect:
		m.Reply(p.inspect(m))
	case kit.Stopping:
		p.stop(c)
	}
}

func (p *peers) link(c kit.Context, m Link) {
	e := p.links[m.Node]
	if e == nil {
		e = p.spawn(c, m.Node)
	}
	e.wanted, e.want = true, m
	if !e.ending {
		e.ref.Tell(m)
	}
}

// spawn makes the link to a node.
func (p *peers) spawn(c kit.Context, node int32) *linkEntry {
	kit.Invariant(node > 0 && node != p.me.NodeID, "BUG: a link of node %d to node %d", p.me.NodeID, node)
	l := &link{o: p.o, root: c.Self(), node: node, me: p.me}
	l.kinds = p.kinds
	e := &linkEntry{ref: c.Spawn(LinkName(node), l, kit.Options{Kind: "peer"})}
	p.links[node] = e
	return e
}

func (p *peers) unlink(c kit.Context, m Unlink) {
	if e := p.links[m.Node]; e != nil && e.wanted {
		e.wanted = false
		p.end(c, m.Node, e)
	}
}

// idle ends a link that nobody asked for and that is down.
func (p *peers) idle(c kit.Context, m idle) {
	if e := p.links[m.node]; e != nil && e.ref == m.link && !e.wanted {
		p.end(c, m.node, e)
	}
}

// end stops a link. Its name is free when linkEnded comes; until then the entry stays, so that no second one is made.
func (p *peers) end(c kit.Context, node int32, e *linkEntry) {
	if e.ending {
		return
	}
	e.ending = true
	c.Stop(e.ref, c.Self(), linkEnded{node, e.ref})
}

func (p *peers) linkEnded(c kit.Context, m linkEnded) {
	e := p.links[m.node]
	if e == nil || e.ref != m.link {
		return
	}
	delete(p.links, m.node)
	if e.wanted { // asked for again while it ended
		p.link(c, e.want)
	}
}

func (p *peers) register(m Register) {
	kit.Invariant(m.Kind > 0 && m.Kind < kinds, "BUG: register of kind %d", m.Kind)
	p.kinds[m.Kind] = handler{m.To, m.Guests}
	for _, node := range slices.Sorted(maps.Keys(p.links)) {
		p.links[node].ref.Tell(handlers{p.kinds})
	}
}

func (p *peers) become(m Become) {
	p.me = m.Identity
	for _, node := range slices.Sorted(maps.Keys(p.links)) {
		p.links[node].ref.Tell(become{p.me})
	}
}

func (p *peers) send(m *Send) {
	if e := p.links[m.To]; e != nil {
		e.ref.Tell(m)
		return
	}
	m.Refuse()
}

func (p *peers) ask(m *Ask) {
	if e := p.links[m.To]; e != nil {
		e.ref.Tell(m)
		return
	}
	m.Refuse()
}

// pulse gives up strangers that take too long.
func (p *peers) pulse(c kit.Context) {
	p.beating = false
	for _, s := range slices.Clone(p.strangers) {
		if s.age++; s.age > handshakePulses {
			p.refuse(c, s, errors.New("the handshake took too long"))
		}
	}
	p.beat(c)
}

func (p *peers) beat(c kit.Context) {
	if !p.beating && len(p.strangers) > 0 {
		p.beating = true
		c.After(c.Self(), p.o.Pulse, pulse{})
	}
}

func (p *peers) stop(c kit.Context) {
	p.o.Network.Close()
	for _, s := range p.strangers {
		s.wire.Close()
	}
	p.strangers = nil
	for _, node := range slices.Sorted(maps.Keys(p.links)) {
		c.Stop(p.links[node].ref, nil, nil)
	}
	for _, list := range []map[*kit.Ref]bool{p.visits, p.guests} {
		for _, r := range slices.SortedFunc(maps.Keys(list), func(a, b *kit.Ref) int { return cmp.Compare(a.Name(), b.Name()) }) {
			c.Stop(r, nil, nil)
		}
	}
}

func (p *peers) inspect(m *kit.Inspect) kit.Inspected {
	up := 0
	for _, s := range p.o.Board.Links() {
		if s.State == "up" {
			up++
		}
	}
	return kit.Inspected{Inspect: m, State: "listening", Fields: []kit.Field{
		{Name: "node", Value: p.me.NodeID}, {Name: "cluster", Value: p.me.ClusterID}, {Name: "secret", Value: len(p.o.Secret) > 0},
		{Name: "links", Value: len(p.links)}, {Name: "links up", Value: up}, {Name: "strangers", Value: len(p.strangers)},
		{Name: "visits", Value: len(p.visits)}, {Name: "guests", Value: len(p.guests)}, {Name: "refused", Value: p.o.Strangers.Refused.Load()},
	}}
}

// closed reports that a network was closed by us.
func closed(err error) bool { return errors.Is(err, net.ErrClosed) }
