package sim

// Pause stops the node as SIGSTOP does: no message is handled, no timer fires, no work ends, and what the network brings waits. Its clock goes on.
func (n *Node) Pause() {
	l := n.life
	if l.dead || l.paused {
		return
	}
	l.paused = true
	l.s.Trace.note(l.s.now, n.name, "pause")
	var rest []*box
	for _, b := range l.s.ready {
		if b.life == l {
			l.parked = append(l.parked, b)
		} else {
			rest = append(rest, b)
		}
	}
	l.s.ready = rest
}

// Resume ends a pause: all that was due meanwhile is due at once, in its order.
func (n *Node) Resume() {
	l, s := n.life, n.s
	if l.dead || !l.paused {
		return
	}
	l.paused = false
	s.Trace.note(s.now, n.name, "resume")
	s.ready = append(s.ready, l.parked...)
	held := l.held
	l.parked, l.held = nil, nil
	for _, e := range held {
		if e.timer != nil && e.timer.state == timerStopped {
			continue
		}
		if e.kind == evWork {
			s.work++
		}
		e.at = s.now
		s.events.push(e)
	}
	s.Net.mended()
}

// Paused reports whether the node is.
func (n *Node) Paused() bool { return n.life.paused }

// hold keeps an event of a node that is paused until it goes on.
func (l *Life) hold(e *event) bool {
	if l == nil || !l.paused {
		return false
	}
	l.held = append(l.held, e)
	return true
}
