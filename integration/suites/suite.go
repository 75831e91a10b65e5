package main

import (
	"os"
	"regexp"

	"troupe/integration/oracle"
)

// A suite is a public test suite, or a client or tool with a list of checks.
type suite struct {
	name    string
	version string
	lists   string // the suite whose lists of tests it has; empty: its own
	broker  settings
	get     func(cache) error          // fetches and builds what it needs, once
	run     func(job) (results, error) // an error means that the suite itself could not run
}

// settings are what a suite wants of its broker.
type settings struct {
	port       int      // 0: any
	advertise  string   // host that clients are told; empty: the address listened on
	properties []string // KEY=VALUE, as Kafka names them
	nodes      int      // of a cluster; 0: it is one node. The ports are then those from port on
	front      int      // of a cluster: clients are told the ports from here on, where the suite itself stands; 0: those that are listened on
}

// A job is one run of a suite against one broker.
type job struct {
	cache     cache
	bootstrap string
	nobody    bool            // nobody listens there
	log       *os.File        // what the suite printed
	skips     skips           // tests that are not run, with reasons
	online    []string        // the top-level tests that need a broker; empty: all
	only      *regexp.Regexp  // nil: all
	cluster   *oracle.Cluster // nil: it is one node
	again     []string        // the top-level tests of a second try; empty: it is the first
}

// wants tells whether a check is to be run.
func (j job) wants(name string) bool { return j.only == nil || j.only.MatchString(name) }

// suites are all of them, the quick ones first.
var suites = []suite{
	javaClient, saramaClient, confluentPython, kafkaPython, aiokafka, kafkajs, platformatic, kafkaTools, kgo, kafkaGo, confluentGo, kgoCluster, saramaFunctional,
}

// listed is the name of its lists of tests.
func (s suite) listed() string {
	if s.lists != "" {
		return s.lists
	}
	return s.name
}

func names() []string {
	var all []string
	for _, s := range suites {
		all = append(all, s.name)
	}
	return all
}

func find(name string) (suite, bool) {
	for _, s := range suites {
		if s.name == name {
			return s, true
		}
	}
	return suite{}, false
}
