package stories

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/peer"
	"troupe/raftnode"
)

// What is told of what happens: who asks for which change of the cluster (metadata <- Propose), what the cluster has decided, when the first
// broker knows it (node <- Changed), what brokers log, and the answers to the client. A story that is about other messages names them: hear.

// say adds a line. What did not happen at once says when it did, counted from the command.
func (c *cluster) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if by := c.Now() - c.began; by > 0 {
		line = fmt.Sprintf("+%s %s", by.Round(time.Millisecond), line)
	}
	c.lines = append(c.lines, line)
	if !c.hushed {
		c.Say("%s", line)
	}
}

// hear is called with every message that an actor is about to handle.
func (c *cluster) hear(n *kitsim.Node, actor string, m any) {
	switch m := m.(type) {
	case *raftnode.Propose:
		c.say("%s %s <- Propose %s", n.Name(), actor, c.proposal(m.Cmd))
	case *metadata.Changed:
		c.changed(n, m)
	case *raftnode.Install:
		c.say("%s %s <- Install, a snapshot up to index %d", n.Name(), actor, m.Mark.Index)
	default:
		if kind := kit.TypeName(m); c.listens[kind] || c.listens[actor+"<-"+kind] {
			c.say("%s %s <- %s", n.Name(), c.actorName(actor), inShort(m))
		}
	}
}

// noise is what differs by chance, or says nothing to a reader.
var noise = regexp.MustCompile(` (replicas|session|link|number|part|topic|items)=(\{[^}]*\}|\[[^]]*\]|\S+)`)

// outcomes are what a leader says to a subscription, by their numbers.
var outcomes = strings.NewReplacer(" outcome=1", " started", " outcome=2", " diverged", " outcome=3", " out of the log", " outcome=4", " not served")

// inShort is a message that the story wants to hear of.
func inShort(m any) string {
	switch m := m.(type) {
	case *peer.Asked:
		return fmt.Sprintf("peer.Asked by %s: %s", name(m.From.NodeID), m.Kind)
	case raftnode.Proposed:
		return spell(m)
	}
	return outcomes.Replace(noise.ReplaceAllString(kitsim.Format(m), ""))
}

// actorName is the name of an actor, that of a replica with the name of its topic.
func (c *cluster) actorName(actor string) string {
	id, index, ok := strings.Cut(strings.TrimPrefix(actor, "partition/"), "-")
	if raw, err := base64.RawURLEncoding.DecodeString(id); ok && err == nil && len(raw) == 16 {
		return fmt.Sprintf("%s-%s", c.topicName(meta.TopicID(raw)), index)
	}
	return actor
}

// log is called with what brokers log. That a node follows another leader, and what Propose and Changed say too, is left out.
func (c *cluster) log(n *kitsim.Node, line string) {
	switch self := strings.TrimPrefix(n.Name(), "n"); {
	case strings.HasPrefix(line, "INFO metadata leader"):
		if strings.Contains(line, " leader="+self+" ") {
			c.say("%s leads the metadata log", n.Name())
		}
	case strings.HasPrefix(line, "INFO link to a broker is down"):
		node, reason, _ := strings.Cut(strings.TrimPrefix(line, "INFO link to a broker is down node="), " reason=")
		if !strings.HasPrefix(reason, "the other side closed") { // the story has said that it ends
			c.say("%s has no link with n%s: %s", n.Name(), node, reason)
		}
	case strings.HasPrefix(line, "INFO link"), strings.HasPrefix(line, "INFO controller"), strings.HasPrefix(line, "INFO broker re"), strings.HasPrefix(line, "INFO broker ru"),
		strings.HasPrefix(line, "INFO no metadata leader"), strings.HasPrefix(line, "WARN fencing a broker"):
	default:
		c.say("%s log: %s", n.Name(), line)
	}
}

// told is called with what probes get.
func (c *cluster) told(probe string, m any) {
	if probe == "client" {
		c.say("client <- %s %s", name(c.asks[slotOf(m)].to), spell(m))
	}
}

// proposal is a command in short.
func (c *cluster) proposal(cmd meta.Command) string {
	kind := strings.TrimPrefix(kit.TypeName(cmd), "meta.")
	switch x := cmd.(type) {
	case meta.InitCluster:
		return kind
	case meta.RegisterBroker:
		return fmt.Sprintf("%s %d", kind, x.BrokerID)
	case meta.FenceBroker:
		return fmt.Sprintf("%s %d, epoch %d: %s", kind, x.BrokerID, x.BrokerEpoch, x.Reason)
	case meta.UnfenceBroker:
		return fmt.Sprintf("%s %d, epoch %d", kind, x.BrokerID, x.BrokerEpoch)
	case meta.BeginControlledShutdown:
		return fmt.Sprintf("%s %d, epoch %d", kind, x.BrokerID, x.BrokerEpoch)
	case meta.CreateTopics:
		return kind + " " + x.Topics[0].Name
	case meta.DeleteTopics:
		return kind + " " + c.topicName(x.IDs[0])
	case meta.AddNode:
		return fmt.Sprintf("%s %d", kind, x.RequestedID)
	case meta.AlterPartition:
		return fmt.Sprintf("%s by %d, epoch %d: %s", kind, x.BrokerID, x.BrokerEpoch, c.each(len(x.Partitions), func(i int) (meta.PartitionRef, string) {
			p := &x.Partitions[i]
			var isr []int32
			for _, m := range p.ISR {
				isr = append(isr, m.BrokerID)
			}
			return p.PartitionRef, fmt.Sprintf("ISR %v, leader epoch %d", isr, p.LeaderEpoch)
		}))
	case meta.ResignLeadership:
		return fmt.Sprintf("%s by %d: %s", kind, x.BrokerID, c.each(len(x.Partitions), func(i int) (meta.PartitionRef, string) {
			return x.Partitions[i].PartitionRef, fmt.Sprintf("reaches %v", x.Partitions[i].Reachable)
		}))
	case meta.ElectLeaders:
		if x.Unclean {
			kind += " uncleanly"
		}
		return kind + ": " + c.each(len(x.Partitions), func(i int) (meta.PartitionRef, string) { return x.Partitions[i].PartitionRef, "" })
	case meta.AlterReassignments:
		return kind + ": " + c.each(len(x.Partitions), func(i int) (meta.PartitionRef, string) {
			return x.Partitions[i].PartitionRef, fmt.Sprintf("to %v", x.Partitions[i].Target)
		})
	}
	_, fields, _ := strings.Cut(kitsim.Format(cmd), " ")
	return kind + " " + fields
}

// each lists partitions of a command with what is said of each.
func (c *cluster) each(n int, f func(i int) (meta.PartitionRef, string)) string {
	var out []string
	for i := range n {
		p, text := f(i)
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s-%d %s", c.topicName(p.Topic), p.Index, text)))
	}
	return strings.Join(out, "; ")
}

// topicName is the name of a topic, also when it has gone.
func (c *cluster) topicName(id meta.TopicID) string {
	if t := c.newest().TopicByID(id); t != nil {
		return t.Name
	}
	return strings.TrimRight(string(id[:]), "\x00")
}

// changed tells what the cluster has decided when the first broker hears of it.
func (c *cluster) changed(n *kitsim.Node, m *metadata.Changed) {
	for _, t := range m.Changes.Topics {
		if t.New != nil {
			for i := range t.New.Partitions {
				if k := fmt.Sprintf("%s-%d", t.New.Name, i); c.known[k] == 0 {
					c.known[k] = t.New.Partitions[i].ID
				}
			}
		}
	}
	c.noteEpochs(m.Image)
	if m.Changes.Reset || m.Image.Index() <= c.shown {
		return
	}
	c.shown = m.Image.Index()
	var out []string
	brokers := slices.Sorted(slices.Values(m.Changes.Brokers))
	for _, id := range slices.Compact(brokers) {
		out = append(out, fmt.Sprintf("broker %d %s", id, condition(m.Image, id)))
	}
	for at, t := range m.Changes.Topics {
		if slices.ContainsFunc(m.Changes.Topics[at+1:], func(x meta.TopicChange) bool { return x.New != nil && t.New != nil && x.New.ID == t.New.ID }) {
			continue // several changes at once: the last one counts
		}
		if t.New == nil {
			out = append(out, t.Old.Name+" deleted")
			continue
		}
		for i := range t.New.Partitions {
			p := &t.New.Partitions[i]
			if t.Old != nil && i < len(t.Old.Partitions) && t.Old.Partitions[i].PartitionEpoch == p.PartitionEpoch {
				continue
			}
			out = append(out, fmt.Sprintf("%s-%d %s", t.New.Name, i, state(p)))
		}
	}
	if len(out) > 0 {
		c.say("%s node <- Changed, index %d: %s", n.Name(), m.Image.Index(), strings.Join(out, "; "))
	}
}

// condition is how a broker is.
func condition(img *meta.Image, id int32) string {
	switch b := img.Broker(id); {
	case b == nil:
		return "not registered"
	case b.Fenced:
		return fmt.Sprintf("fenced, epoch %d", b.Epoch)
	case b.InControlledShutdown:
		return "shutting down"
	}
	return "in service"
}

// noteEpochs remembers under which epochs brokers were registered.
func (c *cluster) noteEpochs(img *meta.Image) {
	for _, b := range img.Brokers() {
		if int(b.ID) > len(c.nodes) {
			continue
		}
		m := c.nodes[b.ID-1]
		if n := len(m.epochs); n == 0 || m.epochs[n-1] < b.Epoch {
			m.epochs = append(m.epochs, b.Epoch)
		}
	}
}
