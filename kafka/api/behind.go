package api

import (
	"time"

	"troupe/actors/meta"
)

const (
	// BehindWait is how long a request waits for a topic that this broker does not know, if others may know more. A client has heard of the
	// topic somewhere, and the news is on its way here.
	BehindWait = 100 * time.Millisecond
	// LookEvery is how often it looks.
	LookEvery = 10 * time.Millisecond
)

// Behind says whether other brokers may know topics that this one does not: it does not lead the metadata log, or has not applied all that is
// committed.
func (e *Env) Behind() bool {
	if e.Quorum == nil {
		return false
	}
	s := e.Quorum()
	return s.Leader == 0 || s.Leader != s.ID || s.Committed > s.Image
}

// lookAgain is the time to look at the view again.
//
// From: the call's own timer.
type lookAgain struct{}

// whenKnown goes on when the view lacks nothing that the request names, at once if it cannot lack anything, and after BehindWait in any case.
func (c *Call) whenKnown(lacks func(img *meta.Image) bool, then func()) {
	if !lacks(c.View.Image) || !c.Env.Behind() {
		then()
		return
	}
	until := c.Sys.Now().Add(BehindWait)
	c.Next = func(c *Call, answer any) {
		if _, ok := answer.(lookAgain); !ok {
			return
		}
		view := c.Env.Published.Get()
		if lacks(view.Image) && c.Sys.Now().Before(until) {
			c.After(LookEvery, lookAgain{})
			return
		}
		c.Next, c.View = nil, view
		then()
	}
	c.After(LookEvery, lookAgain{})
}

// lacksName and lacksID say whether the image has no such topic.
func lacksName(img *meta.Image, name string) bool { return img.Topic(name) == nil }

func lacksID(img *meta.Image, id [16]byte) bool { return img.TopicByID(id) == nil }
