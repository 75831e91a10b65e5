package group

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// subscriptionTopics reads the topics of a consumer's metadata (ConsumerProtocolSubscription): a version, then an array of strings,
// which every version begins with.
func subscriptionTopics(b []byte) (topics []string, ok bool) {
	if len(b) < 6 || int16(binary.BigEndian.Uint16(b)) < 0 {
		return nil, false
	}
	n := int32(binary.BigEndian.Uint32(b[2:]))
	b = b[6:]
	if n < 0 || int64(n)*2 > int64(len(b)) {
		return nil, false
	}
	topics = make([]string, 0, n)
	for range n {
		if len(b) < 2 {
			return nil, false
		}
		k := int(int16(binary.BigEndian.Uint16(b)))
		if b = b[2:]; k < 0 || k > len(b) {
			return nil, false
		}
		topics = append(topics, string(b[:k]))
		b = b[k:]
	}
	return topics, true
}

// subscriptionsReadable says whether each of a consumer's protocols has metadata that can be read.
func subscriptionsReadable(list []kmsg.JoinGroupRequestProtocol) bool {
	for _, p := range list {
		if _, ok := subscriptionTopics(p.Metadata); !ok {
			return false
		}
	}
	return true
}

// subscriptions are the topics of all members under the chosen protocol; nil if they cannot be known.
func (c *core) subscriptions() map[string]bool {
	if c.protocolType != consumerType || len(c.list) > 0 && c.protocol == nil {
		return nil
	}
	all := map[string]bool{}
	for _, m := range c.list {
		topics, ok := subscriptionTopics(m.metadata(c.protocol))
		if !ok {
			return nil
		}
		for _, t := range topics {
			all[t] = true
		}
	}
	return all
}

// subscribedTo says whether a member may work on a topic. Of consumers whose metadata cannot be read, every topic.
func (c *core) subscribedTo(topic string) bool {
	if c.subscribed == nil {
		return c.protocolType == consumerType
	}
	return c.subscribed[topic]
}
