package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// AlterReplicaLogDirs (key 34, versions 1-2): moves replicas between the folders of this broker.
//
//	v2 flexible.
//
// There is one folder: a replica that shall go there is there already, and there is no other place to go to.
func alterReplicaLogDirs(c *Call) {
	req := c.Req.(*kmsg.AlterReplicaLogDirsRequest)
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	topics, places := map[string]int{}, map[partKey]int{}
	for i := range req.Dirs {
		d := &req.Dirs[i]
		for j := range d.Topics {
			for _, n := range d.Topics[j].Partitions {
				key := partKey{name: d.Topics[j].Topic, index: n}
				at, ok := topics[key.name]
				if !ok {
					at = len(resp.Topics)
					topics[key.name] = at
					resp.Topics = append(resp.Topics, kmsg.AlterReplicaLogDirsResponseTopic{Topic: key.name})
				}
				t := &resp.Topics[at]
				place, ok := places[key] // named again: the last folder counts
				if !ok {
					place = len(t.Partitions)
					places[key] = place
					t.Partitions = append(t.Partitions, kmsg.AlterReplicaLogDirsResponseTopicPartition{Partition: n})
				}
				t.Partitions[place].ErrorCode = int16(c.moveTo(d.Dir, &key))
			}
		}
	}
	c.Respond(resp)
}

// moveTo says what comes of moving a replica to a folder.
func (c *Call) moveTo(dir string, key *partKey) code.Code {
	if dir != c.Env.DataDir {
		return code.LogDirNotFound
	}
	t := c.View.Image.Topic(key.name)
	switch {
	case t == nil || key.index < 0 || int(key.index) >= len(t.Partitions):
		return code.UnknownTopicOrPartition
	case c.View.Partition(t.Partitions[key.index].ID) == nil:
		return code.ReplicaNotAvailable
	}
	return code.OK
}
