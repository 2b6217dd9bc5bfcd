# What to run, in the order in which a newcomer needs it: `make help`.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/ready
GO_MODULES := tests/faults/server tests/container/server bench/noop examples/classifier/server

# The tests build their servers with the same Go as everything else does.
export GO := $(CURDIR)/scripts/go.sh

.PHONY: help
help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# --- the two commands -----------------------------------------------------------------------------

.PHONY: demo
demo: $(READY) ## Gate the example server; SLOW=1: a slower build of it, which ends red
	@BASES=$(BASES) scripts/demo.sh $(if $(filter-out 0,$(SLOW)),slow,dev)

.PHONY: test
test: check engine server images ## Everything that CI runs
	@scripts/test.sh

# --- development ----------------------------------------------------------------------------------

.PHONY: venv
venv: $(READY) ## Make .venv, with the project and its tools in it

$(READY): pyproject.toml
	@scripts/venv.sh
	@echo "Installing the project and its tools into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

.PHONY: check
check: $(READY) ## Lint, types, layers, and Go's own checks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for module in $(GO_MODULES); do \
		echo "go vet and gofmt: $$module"; \
		(cd $$module && "$$($(GO) env GOROOT)/bin/gofmt" -l . | { ! grep .; } && $(GO) vet ./...); \
	done

.PHONY: clean
clean: ## Remove what the above made, but not the engine
	-docker image ls --quiet 'modelgate-test/*' 2>/dev/null | sort -u | xargs -r docker image rm --force
	rm -rf .venv build dist .coverage .coverage.* .benchmarks .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache examples/classifier/server/{assets,build}

# --- container engine and images of the example ---------------------------------------------------

# Where the images' base layers come from: registry, local (no base images are needed), or auto, which
# is registry where the base images can be had.
BASES ?= auto

.PHONY: engine
engine: ## Find a container engine; install and start one as root on Debian or Ubuntu
	@scripts/engine.sh

.PHONY: images
images: engine ## Build the example server's images, :dev and the deliberately slower :slow
	@scripts/images.sh $(BASES)

.PHONY: server
server: ## Build the example server for this machine, to run it as a plain process
	@scripts/server.sh
