package meta

import (
	"fmt"

	"troupe/kafka/code"
)

// Apply computes the next image from an image, the entry's Raft index and the entry. It is pure: the same input gives the same output on
// every node, and img stays as it was. The index is above the image's. An error result changes nothing but the index and the memory of requests.
func Apply(img *Image, index uint64, env Envelope) (*Image, Changes, Result) {
	mustAdvance(img, index)
	e := newEdit(img, index)
	if _, founding := env.Cmd.(InitCluster); !founding && img.clusterID == "" {
		return e.img, Changes{}, refuse(code.NotController, "The cluster is not founded yet: no InitCluster has been applied.")
	}
	if r, ok := img.remembered(env.ID); ok {
		return e.img, Changes{}, r
	}
	r := e.dispatch(env.Cmd)
	e.remember(env.ID, r)
	next, changes := e.finish()
	return next, changes, r
}

func (e *edit) dispatch(c Command) Result {
	switch c := c.(type) {
	case InitCluster:
		return e.initCluster(c)
	case AddNode:
		return e.addNode(c)
	case RegisterBroker:
		return e.registerBroker(c)
	case FenceBroker:
		return e.fenceBroker(c)
	case UnfenceBroker:
		return e.unfenceBroker(c)
	case CreateTopics:
		return e.createTopics(c)
	case DeleteTopics:
		return e.deleteTopics(c)
	case CreatePartitions:
		return e.createPartitions(c)
	case IncrementalAlterConfigs:
		return e.alterConfigs(c)
	case AllocateProducerIds:
		return e.allocateProducerIds(c)
	case UpdateFeatures:
		return e.updateFeatures(c)
	case AlterPartition:
		return e.alterPartition(c)
	case ResignLeadership:
		return e.resignLeadership(c)
	case ElectLeaders:
		return e.electLeaders(c)
	case AlterReassignments:
		return e.alterReassignments(c)
	case BeginControlledShutdown:
		return e.beginControlledShutdown(c)
	case UnregisterBroker:
		return e.unregisterBroker(c)
	case RemoveNode:
		return e.removeNode(c)
	}
	panic(fmt.Sprintf("BUG: meta: no way to apply a %T", c))
}

func refuse(c code.Code, format string, args ...any) Result {
	return Result{Code: c, Message: fmt.Sprintf(format, args...)}
}
