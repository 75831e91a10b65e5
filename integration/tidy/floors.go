package tidy

import "strings"

// The module's import path.
const module = "troupe"

// floors is the map of the house. Imports go strictly down: a package may import packages of lower floors only. Floors
// are in tenths, so that a simulated part can stand half a floor above the part that it stands for. A package that is
// not here is a breach: whoever adds one decides where it belongs.
var floors = map[string]int{
	"kafka/code":     0, // the ground: error codes are results of commands and of checks
	"storage/record": 5,
	"actors/meta":    5,

	"storage":    10,
	"actors/kit": 10,
	"kafka/auth": 10,

	"storage/faultfs":  5, // below storage, whose tests stand on it
	"storage/sim":      15,
	"actors/kit/trace": 15, // every actor above stamps the records of operations
	"actors/kit/sim":   16, // drives storage/sim: its disk crashes with the rest

	"actors/peer":     20,
	"actors/writer":   20,
	"actors/scrub":    20,
	"actors/peer/sim": 25,

	"raftnode": 30,

	"actors/partition": 40,
	"actors/metadata":  40,

	"actors/group":      50,
	"actors/txn":        50,
	"actors/controller": 50,
	"actors/bootstrap":  50,
	"actors/cleaner":    50,

	"actors/node": 60,

	"kafka/api": 70,

	"kafka":            80,
	"cmd/broker/admin": 80,

	"cmd/broker/run": 90,
	"cmd/broker/dev": 95,
	"cmd/broker":     100,

	"integration/readyline":    100,
	"integration/oracle":       110,
	"integration/harness":      110,
	"integration/tidy":         120,
	"integration/clients":      120,
	"integration/differential": 120,
	"integration/stories":      130, // stands on the simulated broker
	"integration/sim":          120,
	"integration/sim/cmd":      130,
	"integration/crash":        120,
	"integration/cluster":      120,
	"integration/contract":     120,
	"integration/origin":       120,
	"integration/faults":       120,
	"integration/golden":       120,
	"integration/hostile":      120,
	"integration/mutants":      120,
	"integration/bench":        120,
	"integration/suites":       120,
	"integration/groupload":    120,
	"integration/manyload":     120,
	"integration/space":        120,
	"integration/soak":         120,
	"integration/soak/cmd":     130,
}

// simulated packages replace a real part in a simulation. Only tests, integration and the hooks of cmd/broker/run may
// import them; for tests the floor does not count, so that a part can be tested on its own simulated disk.
var simulated = map[string]bool{"storage/sim": true, "storage/faultfs": true, "actors/kit/sim": true, "actors/peer/sim": true}

// A home says which packages may import an external one. Tests of any package may when tests is set.
type home struct {
	pkg   string   // import path, or a prefix of it ending at a slash
	dirs  []string // packages and all below them
	tests bool
	why   string
}

var homes = []home{
	{"github.com/cockroachdb/pebble/v2", []string{"storage"}, false, "only storage knows Pebble"},
	{"go.etcd.io/raft/v3/raftpb", []string{"raftnode", "storage"}, true, "raft's types are for raftnode, and for storage that keeps them"},
	{"go.etcd.io/raft/v3", []string{"raftnode"}, false, "only raftnode knows etcd raft"},
	{"github.com/asynkron/protoactor-go", []string{"actors/kit"}, false, "only the kit knows protoactor"},
	{"github.com/twmb/franz-go/pkg/kmsg", []string{"kafka", "kafka/api", "actors/group", "actors/txn", "cmd", "integration"}, true, "Kafka's messages stay at the Kafka door"},
	{"github.com/twmb/franz-go/pkg", []string{"cmd", "integration"}, true, "the broker is no Kafka client"},
}

// homeOf finds the first home that covers the import path.
func homeOf(path string) (home, bool) {
	for _, h := range homes {
		if path == h.pkg || strings.HasPrefix(path, h.pkg+"/") {
			return h, true
		}
	}
	return home{}, false
}

// under tells whether dir is one of the roots or below one.
func under(dir string, roots ...string) bool {
	for _, root := range roots {
		if dir == root || strings.HasPrefix(dir, root+"/") {
			return true
		}
	}
	return false
}

// inActor tells whether code of dir runs inside Receive: everything in actors/ but the kit, and raftnode. The pure
// packages among them are held to the same rules.
func inActor(dir string) bool {
	return under(dir, "actors", "raftnode") && !under(dir, "actors/kit")
}
