# The front door. Meson builds; these are the commands one types. PYTHON=… picks the interpreter of .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MESON := $(BIN)/meson
SOURCES := $(shell find include lib capture cli python -type f ! -path '*/__pycache__/*' 2>/dev/null) \
	meson.build meson_options.txt pyproject.toml README.md

export PYTHON

.DEFAULT_GOAL := help

.NOTPARALLEL:
.PHONY: help build test suites c asan tsan python versions regress lint fmt web bench soak demo clean bootstrap

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(VENV)/.built ## The package and the command, in .venv

bootstrap: ## System packages and .venv for building and testing
	@tools/bootstrap.sh build test

$(BIN)/meson: tools/requirements-build.txt
	@tools/bootstrap.sh build
	@touch $@

# pip builds in place: only what changed is compiled again.
$(VENV)/.built: $(SOURCES) | $(BIN)/meson
	@echo "building tonnage into $(VENV)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation \
	    --no-deps --force-reinstall -Cbuild-dir=build .
	@touch $@

test: bootstrap build ## Every suite: C, sanitizers, Python, other interpreters, lint
	@$(BIN)/python tools/run_tests.py

suites: ## The names of the suites; each is also a target
	@$(BIN)/python tools/run_tests.py --list

asan: bootstrap ## The C tests and the fuzz corpus under ASan and UBSan
	@$(BIN)/python tools/run_tests.py asan

lint: bootstrap build ## ruff, mypy, stubs, clang-format, the dependency table
	@$(BIN)/python tools/run_tests.py lint

c tsan python interop versions regress: bootstrap build
	@$(BIN)/python tools/run_tests.py $@

fmt: bootstrap ## Lay out C and what is in web/, sort Python imports
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs $(BIN)/clang-format -i
	@$(BIN)/ruff check -q --fix . || true
	@[ ! -d web/node_modules/prettier ] || npm --prefix web run --silent fmt

web: bootstrap ## The viewer from web/, as python/tonnage/viewer.html, and its tests
	@tools/bootstrap.sh web
	@cd web && npm run -s build
	@$(MAKE) -s build
	@$(BIN)/python tools/run_tests.py web

bench: bootstrap build ## Measurements of speed and memory (bench/)
	@tools/bootstrap.sh bench
	@PATH="$(CURDIR)/$(BIN):$$PATH" bench/run

soak: bootstrap build ## Fuzz every target for SOAK_SECONDS (300), then other programs' tests under us
	@tools/soak.sh

demo: ## Look into Sphinx and into a leaking service
	@tools/demo.sh

clean: ## Remove what was built, keep .venv
	@rm -rf build build-* $(VENV)/.built
