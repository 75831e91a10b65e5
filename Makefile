# make run: a broker on 127.0.0.1:9092. make test: everything that must hold. The other targets are parts of it, or longer runs.
#
# cgo is on where a C compiler is there: then Pebble's memtables and block cache do not count as Go heap. make CGO_ENABLED=0 works too.
CGO_ENABLED ?= $(shell command -v $${CC:-gcc} >/dev/null 2>&1 && echo 1 || echo 0)
export CGO_ENABLED

N ?= 1000
SEED ?= 1
FUZZTIME ?= 10s
ROUNDS ?= 3
GO ?= go

.PHONY: build run test check unit race stories sim fuzz mutants clients crash contract differential bench tidy

build:
	$(GO) build -trimpath -o bin/broker ./cmd/broker

run: build
	bin/broker start

# Everything, in the order of how soon it fails. STRICT=1 makes a client that could not be installed a failure.
test: build check unit race clients contract crash mutants differential-short
	@echo "make test: all passed"

check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

tidy:
	$(GO) test -count=1 ./integration/tidy

# Unit tests, stories, golden captures, the short simulation.
unit:
	$(GO) test ./storage/... ./actors/... ./raftnode/... ./kafka/... ./cmd/... ./integration/tidy ./integration/sim/... ./integration/stories/... ./integration/mutants

race:
	$(GO) test -race -short ./actors/... ./raftnode/... ./kafka/... ./storage/...

stories:
	$(GO) test -count=1 -run 'Stor(y|ies)' ./actors/... ./raftnode/... ./integration/stories/...

sim:
	$(GO) run ./integration/sim/cmd -seed $(SEED) -n $(N)

fuzz:
	@for t in $$(grep -rhoE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' . | awk '{print $$2}' | sort -u); do \
	  for p in $$(grep -rlE "^func $$t\(" --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	    echo "fuzz $$p $$t"; $(GO) test $$p -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) || exit 1; done; done

mutants:
	$(GO) run ./integration/mutants

clients: build
	BROKER_BIN=$(CURDIR)/bin/broker $(GO) test -count=1 -v -timeout 15m ./integration/clients

contract: build
	BROKER_BIN=$(CURDIR)/bin/broker $(GO) test -count=1 -timeout 5m ./integration/contract

crash: build
	BROKER_BIN=$(CURDIR)/bin/broker $(GO) test -count=1 -v -timeout 10m ./integration/crash

differential: build
	BROKER_BIN=$(CURDIR)/bin/broker $(GO) test -count=1 -v -timeout 20m ./integration/differential

differential-short: build
	BROKER_BIN=$(CURDIR)/bin/broker $(GO) test -count=1 -short -v -timeout 10m ./integration/differential

bench: build
	$(GO) test -run '^$$' -bench 'Tell|Hop|Mailbox' -benchmem ./actors/kit
	$(GO) run ./integration/bench -rounds $(ROUNDS)
