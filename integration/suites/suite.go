package main

import (
	"os"
	"regexp"
)

// A suite is a public test suite, or a client or tool with a list of checks.
type suite struct {
	name    string
	version string
	broker  settings
	get     func(cache) error          // fetches and builds what it needs, once
	run     func(job) (results, error) // an error means that the suite itself could not run
}

// settings are what a suite wants of its broker.
type settings struct {
	port       int      // 0: any
	advertise  string   // host that clients are told; empty: the address listened on
	properties []string // KEY=VALUE, as Kafka names them
}

// A job is one run of a suite against one broker.
type job struct {
	cache     cache
	bootstrap string
	nobody    bool           // nobody listens there
	log       *os.File       // what the suite printed
	skips     skips          // tests that are not run, with reasons
	online    []string       // the top-level tests that need a broker; empty: all
	only      *regexp.Regexp // nil: all
	again     []string       // the top-level tests of a second try; empty: it is the first
}

// wants tells whether a check is to be run.
func (j job) wants(name string) bool { return j.only == nil || j.only.MatchString(name) }

// suites are all of them, the quick ones first.
var suites = []suite{
	javaClient, saramaClient, confluentPython, kafkaPython, aiokafka, kafkajs, platformatic, kafkaTools, kgo, kafkaGo, confluentGo,
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
