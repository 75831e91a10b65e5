// Package sim has the model engines of storage: small, in memory, with what a crash may lose kept apart from what is durable. The
// simulator runs on them, and the tests beside them hold both them and the real engines to one contract. Disk is the real engine
// on a file system in memory that can lose power.
package sim
