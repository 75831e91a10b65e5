package peer

import (
	"bufio"
	"net"

	"troupe/actors/kit"
)

// Network is where connections come from. The real one is Sockets; the simulator has one of its own (actors/peer/sim).
// Nothing here blocks: what it takes time to do is told to the actor that asked, c.Self(), as the message that done returns.
type Network interface {
	// Accept takes one connection. It is asked for the next one when the last was told.
	Accept(c kit.Context, done func(w Wire, err error) any)
	// Dial connects to an address.
	Dial(c kit.Context, address string, done func(w Wire, err error) any)
	// Close ends what Accept waits for, with net.ErrClosed.
	Close()
}

// Wire is one connection. One actor at a time works with it.
type Wire interface {
	// Exchange writes b, then reads want bytes. It is for handshakes, before the first Read or Write.
	Exchange(c kit.Context, b []byte, want int, done func(data []byte, err error) any)
	// Read runs next as soon as there is at least one frame to be read, or the connection has ended; next may block until the frame is
	// whole. Several may be asked for; they run in order.
	Read(c kit.Context, next func(src *bufio.Reader) any)
	// Write writes what fill returns; fill and done may run on another goroutine. One at a time. done runs in any case, once.
	Write(c kit.Context, fill func() net.Buffers, done func(err error) any)
	// Heard counts the bytes that have come in so far.
	Heard() uint64
	// Remote is the other end's address, for people.
	Remote() string
	// Close ends the connection and all that waits for it.
	Close()
}
