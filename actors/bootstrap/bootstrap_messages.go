package bootstrap

import "troupe/actors/kit"

// Serve says that the broker runs under its identity: others can be given places from now on.
//
// From: run, once, when metadata runs.
type Serve struct{ Metadata *kit.Ref }

// again visits an address once more.
//
// From: bootstrap (timer). Fence: a visit that is under way makes it stale.
type again struct{ i int }

// persisted says that this node's place is durable.
//
// From: bootstrap (pool).
type persisted struct{ err error }

// release answers questions that were held for long enough.
//
// From: bootstrap (timer).
type release struct{}
