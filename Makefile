# Troupe's build, tests and figures. `make test` is what CI runs.
#
# cgo is decided here, once: on where a C compiler is there. With it Pebble keeps memtables and block cache outside Go's
# heap and zstd is the C library's; without it both count as heap and everything else is the same. CGO=0 forces it off.
CGO ?= $(if $(shell command -v gcc || command -v cc),1,0)
export CGO_ENABLED := $(CGO)

GO   ?= go
BIN  := bin/broker
# Packages with unit tests and stories; integration tests run as targets of their own, because they start processes.
UNIT := $(shell $(GO) list ./... 2>/dev/null | grep -v /integration)

SEED     ?= 1
N        ?= 1000
FUZZTIME ?= 60s
ROUNDS   ?= 20
BENCH_ROUNDS ?= $(if $(filter bench-cluster,$(MAKECMDGOALS)),3,5)
KILLS    ?= 20
STATE    ?= both
ONLY     ?=
PARTITIONS ?= 10000
SUITE    ?= all
T        ?= 30m

.PHONY: all build run test check fmt vet staticcheck tidy race stories sim fuzz mutants differential differential-smoke \
        bench clients clients-more suites crash contract origin golden hostile faults soak soak-short clean help

all: build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 24

build: ## bin/broker
	$(GO) build -o $(BIN) ./cmd/broker

run: build ## a broker on 127.0.0.1:9092
	$(BIN) start

# In the order in which a mistake shows soonest.
test: build check stories golden sim-short origin cluster contract space hostile clients clients-more differential-smoke crash faults soak-short mutants-some ## everything CI asks for
	@echo "make test: all passed"

check: fmt vet staticcheck tidy race ## format, vet, staticcheck, shape, unit tests with the race detector

fmt:
	@bad=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$bad" ]; then echo "gofmt -w $$bad"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

tidy: ## floors, sizes, banned calls, documented messages
	$(GO) test -count=1 ./integration/tidy

# The race detector needs cgo; without a C compiler the tests run without it.
race: ## unit tests, with the race detector
ifeq ($(CGO),1)
	$(GO) test -race -timeout 10m $(UNIT)
else
	$(GO) test -timeout 10m $(UNIT)
endif

stories: ## conversations of actors, compared with testdata/*.txt (REWRITE=1 records them anew)
	$(GO) test -count=1 -timeout 5m -run 'Story|Stories' $(UNIT) ./integration/stories $(if $(REWRITE),-rewrite)

golden: ## request and response bytes of every key and version served
	$(GO) test -count=1 -timeout 5m -run Golden ./kafka/...

sim: ## N seeds from SEED on: whole nodes under crashes, on virtual time
	$(GO) run ./integration/sim/cmd -seed $(SEED) -n $(N)

.PHONY: sim-short
sim-short: ## the tests of the simulation itself (fsync off must fail), and 200 seeds
	$(GO) test -count=1 -short -timeout 5m ./integration/sim
	$(MAKE) sim N=200

fuzz: ## each fuzz target for FUZZTIME
	@set -e; for pkg in $(UNIT); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

.PHONY: mutants-some
mutants-some: ## as many mutants as a minute allows, beginning elsewhere each day
	$(GO) run ./integration/mutants -within 1m

mutants: ## break the code on purpose: a test must notice each time
	$(GO) run ./integration/mutants

differential: build ## the same requests to Kafka and to Troupe, every version
	TROUPE_BINARY=$(BIN_PATH) $(GO) test -count=1 -timeout 30m -v -run TestDifferential ./integration/differential

differential-smoke: build
	SMOKE=1 TROUPE_BINARY=$(BIN_PATH) $(GO) test -count=1 -timeout 10m -v ./integration/differential

.PHONY: differential-cluster
differential-cluster: build ## the same to three nodes of each (not part of make test)
	CLUSTER=1 ORACLE_HEAP=512m TROUPE_BINARY=$(BIN_PATH) $(GO) test -count=1 -timeout 10m -v -run TestDifferentialCluster ./integration/differential

clients: build ## real clients against the real binary
	BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 15m -v ./integration/clients

clients-more: build ## clients that Debian does not bring: Java's, and those of PyPI and npm, with groups and admin
	$(GO) run ./integration/suites -target troupe -broker $(BIN_PATH) -strict -suite java,confluent-python,kafka-python,kafkajs

suites: ## public suites, clients and Kafka's tools on Kafka and on Troupe, compared (SUITE=name for one; not part of make test)
	$(GO) run ./integration/suites -target kafka -suite $(SUITE)
	$(GO) run ./integration/suites -target troupe -suite $(SUITE) -compare

.PHONY: suites-cluster
suites-cluster: ## sarama's functional suite on five brokers and franz-go's with three replicas on three: Kafka's, then Troupe's, compared
	ORACLE_HEAP=512m $(GO) run ./integration/suites -target kafka -suite clusters
	$(GO) run ./integration/suites -target troupe -suite clusters -compare

crash: build ## kill -9 in a loop of ROUNDS under load
	CRASH_ROUNDS=$(ROUNDS) BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 10m -v ./integration/crash

soak: build ## the binary under a mixed load, restarts and kills for T: memory, files and latency stay flat, nothing is lost
	$(GO) run ./integration/soak/cmd -bin $(BIN_PATH) -t $(T)

soak-short: build ## the same for a minute
	BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 3m ./integration/soak

.PHONY: cluster torture
cluster: build ## three real brokers: started at once, killed, stopped, restarted, grown; what was acknowledged stays
	BROKER_BIN=$(BIN_PATH) TORTURE=2m $(GO) test -count=1 -timeout 10m -v ./integration/cluster

torture: build ## the same for T, in an order that SEED decides: killed, stopped, restarted, without power, cut off, with full disks
	BROKER_BIN=$(BIN_PATH) TORTURE=$(T) SEED=$(SEED) $(GO) test -count=1 -timeout 3h -v -run 'TestTorture$$' ./integration/cluster

.PHONY: torture-kafka
torture-kafka: ## the same to three nodes of Kafka, for T: it keeps its promises, but not when all lose power; so the checker judges rightly
	KAFKA=1 TORTURE=$(T) SEED=$(SEED) $(GO) test -count=1 -timeout 3h -v -run TestTortureKafka ./integration/cluster

origin: ## the three faults this project was born from, on whole brokers
	$(GO) test -count=1 -timeout 5m ./integration/origin ./integration/mutants

contract: build ## what the binary promises: ready line, exit codes, one-line errors, commands
	BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 5m ./integration/contract

faults: build ## full disks and flipped bits, with the real binary (needs root; without it the tests are skipped, and say so)
	BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 10m -v ./integration/faults

.PHONY: space
space: build ## disk space of deleted topics and records is given back within a minute
	BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 10m -v ./integration/space

.PHONY: flips
flips: build ## N flipped bits from SEED on: each is named, or does no harm
	FLIPS=$(N) SEED=$(SEED) BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 60m -v -run TestFlips ./integration/faults

hostile: build ## what strangers send: answered or closed, within bounds of processor and memory (GIANTS=all: more sizes)
	BROKER_BIN=$(BIN_PATH) $(GO) test -count=1 -timeout 15m -v ./integration/hostile

bench: build ## Troupe beside Kafka, all figures of docs/benchmarks.md, which it writes (ONLY=regexp for some, STATE=full|fresh|both)
	$(GO) run ./integration/bench -bin $(BIN) -rounds $(BENCH_ROUNDS) -state $(STATE) $(if $(ONLY),-only '$(ONLY)',-write docs/benchmarks.md)

.PHONY: bench-cluster
bench-cluster: build ## the same with three brokers each, RF 3; and what happens when one dies (KILLS=20)
	$(GO) run ./integration/bench -cluster -bin $(BIN) -rounds $(BENCH_ROUNDS) -state $(STATE) -kills $(KILLS) $(if $(ONLY),-only '$(ONLY)',-write docs/benchmarks.md)

.PHONY: bench-hop
bench-hop: ## what a hop between actors costs
	$(GO) test -run '^$$' -bench . -benchmem ./actors/kit

.PHONY: bench-groups
bench-groups: build ## rebalances of a large group, and producing while a thousand groups commit
	$(GO) run ./integration/groupload -bin $(BIN)

.PHONY: bench-partitions
bench-partitions: build ## one broker with PARTITIONS partitions: create, list, produce, consume, rest, restart
	$(GO) run ./integration/manyload -bin $(BIN) -partitions $(PARTITIONS) -load

clean:
	rm -rf bin

BIN_PATH := $(CURDIR)/$(BIN)
