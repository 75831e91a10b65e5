//go:build race

package kafka

// The race detector keeps a shadow of everything.
const raceFactor = 2
