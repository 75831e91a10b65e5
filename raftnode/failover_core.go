package raftnode

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// How fast a leader is replaced. The election timeout is long, so that a busy machine does not change leaders; a broken link is a better
// sign, and followers act on it at once.
const (
	standStep  = 10 * time.Millisecond  // between followers that stand for election, by their rank
	standAgain = 50 * time.Millisecond  // until a follower asks again: the others may have seen the break a little later
	standTries = 20                     // then it is left to the election timeout
	standFirst = 150 * time.Millisecond // from the links to a majority until the first election: somebody may lead, and say so
)

// rank is the place of self among the voters that may take over, lowest Raft id first: those it has a link to, but not the node that fell.
// −1: self is no voter, or there are not enough of them for a majority.
func rank(conf *pb.ConfState, self uint64, linked func(node int32) bool, fallen int32) int {
	at, live := -1, 0
	voters := slices.Sorted(slices.Values(conf.GetVoters()))
	for _, id := range voters {
		switch node := NodeOf(id); {
		case id == self:
			at = live
		case node == fallen || !linked(node):
			continue
		}
		live++
	}
	if live <= len(voters)/2 {
		return -1
	}
	return at
}

// quorum reports whether those that are there are most of the voters; while the group changes, most of the former ones, too.
func quorum(conf *pb.ConfState, there func(id uint64) bool) bool {
	for _, list := range [][]uint64{conf.GetVoters(), conf.GetVotersOutgoing()} {
		n := 0
		for _, id := range list {
			if there(id) {
				n++
			}
		}
		if len(list) > 0 && n <= len(list)/2 {
			return false
		}
	}
	return true
}

// mayStand says whether asking for votes (again) is of use: not for who leads, nor for who has voted for himself and waits for the others.
func mayStand(role raft.StateType, leader uint64) bool {
	return leader == raft.None && (role == raft.StateFollower || role == raft.StatePreCandidate)
}

// stuckTicks is after how many ticks of an unfinished write a leader's disk counts as stuck, and it hands over: 2 s.
const stuckTicks = 40

// diskWatch knows since when writes of the log are under way, by Raft's own clock: a process that was stopped finds no disk stuck.
type diskWatch struct{ began []uint64 }

func (d *diskWatch) write(tick uint64) { d.began = append(d.began, tick) }

// done takes n writes out, the oldest.
func (d *diskWatch) done(n int) { d.began = d.began[n:] }

func (d *diskWatch) stuck(tick uint64) bool {
	return len(d.began) > 0 && tick-d.began[0] >= stuckTicks
}
