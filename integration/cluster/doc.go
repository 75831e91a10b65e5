// Package cluster runs three real brokers and does to them what happens to brokers: started at once in any order, killed, stopped for a
// while, restarted one after the other, joined by a fourth. Clients work meanwhile, and a checker holds what was acknowledged against what
// the partitions hold afterwards.
package cluster
