// Package dev is a playground: some whole brokers in one process, with sockets between them that can be held. Nothing of a broker is
// replaced: each has its own directory, stores, actors and ports.
//
// A node is up, paused (nothing goes into or out of it), or killed (ended without telling anybody). Cuts hold what one node sends to another.
// Held bytes are not lost: as with packets that are dropped on the way, they arrive when the cut is healed, unless somebody has given the
// connection up by then.
package dev
