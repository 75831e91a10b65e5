package kit

// Ref addresses one actor, living or gone. It is cheap to keep and safe for any goroutine.
type Ref struct {
	name string
	box  Box
}

// Box is a mailbox as a sender sees it. The kit and kit/sim implement it.
type Box interface {
	Post(m any) bool    // false: closed
	TryPost(m any) bool // false: closed or full
	Depth() int
}

// NewRef is for kit and kit/sim.
func NewRef(name string, b Box) *Ref { return &Ref{name: name, box: b} }

// Name is the actor's full name, such as "partition/<topicId>-0".
func (r *Ref) Name() string { return r.name }

// Box is for kit and kit/sim.
func (r *Ref) Box() Box { return r.box }

// Depth is the number of messages that wait.
func (r *Ref) Depth() int { return r.box.Depth() }

// Tell sends m. It never blocks. If the actor has stopped, an ask is refused at once; other messages are dropped.
func (r *Ref) Tell(m any) {
	if !r.box.Post(m) {
		Refuse(m)
	}
}

// TryTell sends m unless the mailbox is full or closed; then it reports false and m stays the caller's.
func (r *Ref) TryTell(m any) bool { return r.box.TryPost(m) }

// Refuse answers m with a retriable code if it is an ask that has no answer yet. For kit and kit/sim.
//
// An answer embeds its ask and so looks like a Refuser too: that the ask was answered tells them apart.
func Refuse(m any) {
	r, ok := m.(Refuser)
	if !ok {
		return
	}
	if a := AskOf(m); a != nil && a.answered {
		return
	}
	r.Refuse()
}
