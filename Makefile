# Task runner: every command that a clone needs, by name; `make` lists them. Tools run under the Node that `make setup` chose; nothing global is touched.
export PATH := $(CURDIR)/.node/bin:$(CURDIR)/node_modules/.bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup dashboard pictures demo test test-long check types lint format-check format dead-code unit bench load clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## bring Node 22 if this machine's is older, the packages, and the operators' page (skipped when up to date)
	@sh scripts/setup.sh

dashboard: setup ## build the operators' page into .build/dashboard, also when nothing changed
	@sh scripts/dashboard.sh --always

pictures: setup ## take the pictures of docs/operating.md anew, in Debian's Chromium (smaller with pngquant)
	@sh scripts/install-debian.sh browser
	@node --disable-sigusr1 --disable-warning=ExperimentalWarning test/pictures/main.ts

demo: setup ## a wearer's day, played against a real server
	@bin/bandpass demo

test: setup ## check, and every test; ends with a line of counts (as root it first installs what scripts/debian-packages lists)
	@sh scripts/test.sh

test-long: setup ## the tests that could go on for ever, with larger budgets; a quarter to half an hour (POWER_CUTS=100000 or POWER_CUTS=1h; CONTRIBUTING.md has the list)
	@sh scripts/install-debian.sh compiler
	@BUDGETS=long node --disable-warning=ExperimentalWarning scripts/run-tests.ts

check: types lint format-check dead-code ## all checks that run no test

types: setup ## compile; a forbidden import between folders is an error
	tsc -b

lint: setup ## oxlint with type information
	oxlint

format-check: setup ## is everything formatted?
	prettier --check --log-level warn .

format: setup ## format everything
	prettier --write --log-level warn .

dead-code: setup ## unused files, exports and dependencies
	knip

unit: setup ## every test, without the checks (FOLDERS="policy engine" for some)
	@node --disable-warning=ExperimentalWarning scripts/run-tests.ts $(FOLDERS)

bench: setup ## measure floors, peers, growth, a million live bands; writes benchmarks/RESULTS.md (ARGS="--quick" for a first look, ARGS="--help")
	@sh scripts/install-debian.sh peers
	@node --disable-sigusr1 --disable-proto=delete --disable-warning=ExperimentalWarning --expose-gc benchmarks/main.ts $(ARGS)

load: setup ## a load on a server of its own; report in .build/load.html (ARGS="--bands 50000 --rate 5000 --profile reconnect-storm")
	@node --disable-sigusr1 --disable-warning=ExperimentalWarning scripts/load.ts $(ARGS)

clean: ## remove what was built (leaves .node and node_modules)
	rm -rf .build
