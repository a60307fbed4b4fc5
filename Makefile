# Parley. `make` alone lists what can be done.
# Needs Go, git and make; what else a target needs it installs from Debian's packages.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

GO ?= go
ARGS ?=
TOOLS := bin/tools

# A package that takes longer hangs, and says where: it is three times what the slowest takes when
# twenty others want each processor.
TESTTIME := 45m

# Flags of the test runners; .ci/tally sets them to read the output.
GOTESTFLAGS ?=
NODETESTFLAGS ?=

# Where browser tests put screenshots and logs.
export PARLEY_ARTIFACTS := $(CURDIR)/artifacts

# Debian 12 has a node too old for the browser tests; .ci/need puts a newer one here.
export PATH := $(CURDIR)/.cache/node/node_modules/.bin:$(PATH)

# Go, npm and the linters keep caches in HOME; some CI systems give us none.
ifneq ($(shell test -n "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(shell mkdir -p .cache/home && cd .cache/home && pwd)
endif

# The version comes from git when it can; -buildvcs=false because a checkout that belongs to
# somebody else (a bind mount) would make the build fail rather than lack a number. Images
# are built with -trimpath; here it would compile every dependency a second time.
GIT := git -c safe.directory='*'
version := $(shell $(GIT) describe --tags --always --dirty 2>/dev/null || echo dev)
define LDFLAGS
-s -w
-X parley/api/observe.version=$(version)
-X parley/api/observe.gitSHA=$(shell $(GIT) rev-parse HEAD 2>/dev/null)
-X parley/api/observe.gitBranch=$(shell $(GIT) rev-parse --abbrev-ref HEAD 2>/dev/null)
-X parley/api/observe.buildTimestamp=$(shell $(GIT) log -1 --format=%cI 2>/dev/null)
endef
GOBUILD := $(GO) build -buildvcs=false

# Go packages of the project: ./... leaves out what begins with a dot.
PACKAGES := ./... ./.ci/tally ./.ci/bench
GOFILES := .ci $(wildcard api cmd dbmate protobuf web/*.go)

##@ Use

.PHONY: run
run: build ## Build and start a node with everything it needs; data in ./data. ARGS="--http-addr :9000"
	@.ci/need postgres
	@exec bin/parley dev --data-dir data $(ARGS)

.PHONY: build
build: ## Build bin/parley
	@$(GOBUILD) -ldflags '$(strip $(LDFLAGS))' -o bin/parley ./cmd/parley

.PHONY: up
up: ## Start a node, PostgreSQL and NATS in containers. COMPOSE_PROFILES=observe adds Grafana
	docker compose -f docker/compose.yaml up --build --detach --wait
	@echo "Parley: http://localhost:8080"

.PHONY: down
down: ## Stop them and remove their data
	docker compose -f docker/compose.yaml --profile '*' down --volumes --remove-orphans

##@ Test

.PHONY: test
test: $(TOOLS)/tally ## Run every test of every tier; installs what is missing, logs in ./artifacts
	@rm -rf artifacts
	-@.ci/need postgres cc chromium node
	@$(TOOLS)/tally

.PHONY: test-go
test-go: ## Run the Go tests only
	@.ci/need postgres cc
	@$(GO) test -race -shuffle=on -timeout=$(TESTTIME) $(GOTESTFLAGS) $(PACKAGES)

.PHONY: test-web
test-web: web/node_modules ## Run the unit tests of the browser client only
	@cd web && npm run --silent test -- $(NODETESTFLAGS)

.PHONY: test-e2e
test-e2e: build web/node_modules ## Run the tests in real browsers only
	@.ci/need postgres chromium
	@cd web && npm run --silent e2e -- $(NODETESTFLAGS)

# Networks are made by root, or by who is root in a user namespace.
ifneq ($(shell id -u),0)
AS_ROOT := -exec "unshare --user --map-root-user --net"
endif

.PHONY: test-net
test-net: ## Run calls over networks made to lose packets; fails where make test has to leave them out
	@PARLEY_TEST_NETWORKS=required $(GO) test -count=1 -v $(AS_ROOT) ./api/lossy/...

.PHONY: tests_run
tests_run: ## Run the Go tests against PostgreSQL and NATS in containers
	@.ci/integration $(GO) test -race -shuffle=on -timeout=$(TESTTIME) $(GOTESTFLAGS) ./...

.PHONY: tests_down
tests_down: ## Remove those containers after an interrupted tests_run
	docker compose -f docker/compose.integration.yaml down --volumes --remove-orphans

.PHONY: bench
bench: build ## What a packet costs, beside the least it could, and under load. ARGS="-runs ws -repeat 3"
	@.ci/need postgres
	@$(GO) run ./.ci/bench $(ARGS)

.PHONY: bench-net
bench-net: ## What people get while some lose packets, stall, or are on narrow paths. ARGS="-benchtime 20x"
	@PARLEY_TEST_NETWORKS=required $(GO) test -v -run '^$$' -bench 'Others|Narrow' -benchtime 5x $(AS_ROOT) ./api/lossy $(ARGS)

##@ Change

.PHONY: generate
generate: generate-code ## Generate everything that is generated: Go, TypeScript, web/dist, references
	@.ci/need postgres
	@$(GO) test -run 'TestReferenceIsCurrent|TestSchemaFile' ./api/config ./dbmate -update

.PHONY: generate-code
generate-code: $(TOOLS)/buf web/node_modules
	@cd protobuf && ../$(TOOLS)/buf generate
	@cd web && npm run --silent build

# The references and golden files have tests of their own that compare them.
.PHONY: generate-check
generate-check: ## Fail when generated code is not current
	@mkdir -p artifacts
	@.ci/fingerprint >artifacts/before.txt
	@$(MAKE) generate-code
	@.ci/fingerprint >artifacts/after.txt
	@diff artifacts/before.txt artifacts/after.txt || { echo "generated files above are out of date: make generate" >&2; exit 1; }
	@rm artifacts/before.txt artifacts/after.txt

.PHONY: fmt
fmt: $(TOOLS)/buf ## Format Go and protobuf
	@gofmt -w $(GOFILES)
	@cd protobuf && ../$(TOOLS)/buf format -w

.PHONY: lint
lint: lint-format lint-vet lint-staticcheck lint-rules lint-web ## Check format, vet, staticcheck, import rules, TypeScript

.PHONY: lint-format
lint-format: $(TOOLS)/buf
	@out=$$(gofmt -l $(GOFILES)); test -z "$$out" || { echo "not formatted, run make fmt:" $$out >&2; exit 1; }
	@cd protobuf && ../$(TOOLS)/buf format --diff --exit-code && ../$(TOOLS)/buf lint

.PHONY: lint-vet
lint-vet:
	@$(GO) vet $(PACKAGES)

.PHONY: lint-staticcheck
lint-staticcheck: $(TOOLS)/staticcheck
	@$(TOOLS)/staticcheck $(PACKAGES)

.PHONY: lint-rules
lint-rules: $(TOOLS)/golangci-lint
	@$(TOOLS)/golangci-lint run $(PACKAGES)

.PHONY: lint-web
lint-web: web/node_modules
	@cd web && npm run --silent check

.PHONY: clean
clean: ## Remove what was built, not ./data
	rm -rf bin artifacts web/node_modules

.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9_-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Tools are built from the sources that their go.mod pins.

$(TOOLS)/tally: $(wildcard .ci/tally/*.go)
	@$(GOBUILD) -o $@ ./.ci/tally

$(TOOLS)/buf: .ci/tools/go.mod .ci/tools/go.sum
	@echo "building buf"
	@cd .ci/tools && $(GOBUILD) -o ../../$@ github.com/bufbuild/buf/cmd/buf

$(TOOLS)/golangci-lint: .ci/lint/go.mod .ci/lint/go.sum
	@echo "building golangci-lint"
	@cd .ci/lint && $(GOBUILD) -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/staticcheck: .ci/lint/go.mod .ci/lint/go.sum
	@echo "building staticcheck"
	@cd .ci/lint && $(GOBUILD) -o ../../$@ honnef.co/go/tools/cmd/staticcheck

web/node_modules: web/package.json web/package-lock.json
	@.ci/need node
	@cd web && npm ci && touch node_modules
