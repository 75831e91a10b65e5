// Package node is the root of a broker's actor tree. The node actor owns:
//
//   - the local replicas: it spawns a partition actor for every replica that the image gives to this broker, tells it
//     Become on every change, and stops it when the image takes it away. Nothing else ever makes a partition actor, so a
//     partition exists here only if the metadata names it.
//   - the published View: the applied image and the local replicas, swapped after the replicas were told. Who reads a
//     topic from the View may send to its partitions.
//   - the broker's registration: a life of steps, none of which waits inside the actor (see register.go).
//
// States: starting -> (image subscribed) -> initialising -> registering -> catching up -> unfencing -> running -> stopping.
// Each step knows what it waits for and since when; /readyz?verbose shows them.
//
// Invariants: a View never goes back; every partition of the View has been told Become before it is published; partIds that
// the image does not know are dropped from the store at start.
package node
