// Package stories tells of one whole simulated broker, command by command: what a client asks, and what it hears. The broker is the
// one of integration/sim, without chance: time stands still between commands. Stories are in testdata; go test -rewrite records them
// anew, and the diff is the review.
package stories
