package kit

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox is a double-buffered queue with one goroutine: senders append under a short lock, the consumer takes the
// whole queue at once. It plugs into protoactor as its Mailbox.
type mailbox struct {
	mu      sync.Mutex
	q       []any
	sys     []any
	running bool
	closed  bool
	limit   int

	cur []any // owned by the consumer
	pos int
	inv actor.MessageInvoker
}

func newMailbox(limit int) *mailbox {
	if limit == 0 {
		limit = DefaultLimit
	}
	return &mailbox{limit: limit}
}

// Post implements Box.
func (b *mailbox) Post(m any) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.q = append(b.q, m)
	b.start()
	return true
}

// TryPost implements Box.
func (b *mailbox) TryPost(m any) bool {
	b.mu.Lock()
	if b.closed || len(b.q) >= b.limit {
		b.mu.Unlock()
		return false
	}
	b.q = append(b.q, m)
	b.start()
	return true
}

// start is called with mu held and releases it.
func (b *mailbox) start() {
	run := !b.running && b.inv != nil
	if run {
		b.running = true
	}
	b.mu.Unlock()
	if run {
		go b.loop()
	}
}

// Depth implements Box.
func (b *mailbox) Depth() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.q) + len(b.cur) - b.pos
}

// PostUserMessage implements actor.Mailbox.
func (b *mailbox) PostUserMessage(m any) { b.Post(m) }

// PostSystemMessage implements actor.Mailbox.
func (b *mailbox) PostSystemMessage(m any) {
	b.mu.Lock()
	b.sys = append(b.sys, m)
	b.start()
}

// RegisterHandlers implements actor.Mailbox.
func (b *mailbox) RegisterHandlers(inv actor.MessageInvoker, _ actor.Dispatcher) { b.inv = inv }

// Start implements actor.Mailbox.
func (b *mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (b *mailbox) UserMessageCount() int { return b.Depth() }

func (b *mailbox) loop() {
	for {
		b.mu.Lock()
		if len(b.sys) > 0 {
			sys := b.sys
			b.sys = nil
			b.mu.Unlock()
			for _, m := range sys {
				b.inv.InvokeSystemMessage(m)
			}
			continue
		}
		if len(b.q) == 0 {
			b.running = false
			b.mu.Unlock()
			return
		}
		b.cur, b.q = b.q, b.cur[:0]
		b.pos = 0
		b.mu.Unlock()
		for b.pos < len(b.cur) {
			m := b.cur[b.pos]
			b.cur[b.pos] = nil
			b.pos++
			b.inv.InvokeUserMessage(m)
		}
	}
}

// close makes later posts fail and refuses what is left.
func (b *mailbox) close() {
	b.mu.Lock()
	b.closed = true
	rest := append([]any(nil), b.cur[b.pos:]...)
	rest = append(rest, b.q...)
	b.q, b.cur, b.pos = nil, nil, 0
	b.mu.Unlock()
	for _, m := range rest {
		refuse(m)
	}
}
