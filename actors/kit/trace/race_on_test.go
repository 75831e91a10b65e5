//go:build race

package trace

const raceOn = true
