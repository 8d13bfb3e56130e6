# Everything that anyone needs to run. CI calls the same targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Commands and tests start hundreds of Python processes, and each of them would compile the same sources again.
unexport PYTHONDONTWRITEBYTECODE
# By whole files, so that what they have set up is used again. More than there are cores: deployments wait more than they
# work.
WORKERS ?= 3
EXAMPLES ?= 2000
SECONDS ?= 60
SEED ?=
RUNS ?= 3
ONLY ?=
MERMAID := 11.12.2
PROSE := README.md CHANGELOG.md CONTRIBUTING.md docs app.py constructs stacks examples benchmarks localaws tests tools
# pip installs uv, and uv installs everything else. It is many times faster than pip and shows its progress. Where only pip
# is configured for a package index, pip does it. Both check every hash and compile what they install.
UV := $(BIN)/uv
install = $(UV) pip install --compile-bytecode --python $(1)/bin/python --require-hashes -r $(2) || \
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
PYTHON_VERSION_CHECK := import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed, this is " + sys.version.split()[0])

.PHONY: help setup check lint collect format unit synth runtime e2e test random-order versions soak fuzz bench demo pr-comment pictures docs build release-dry-run lock clean

help: ## Show the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready .ministack/.ready node_modules/.ready ## Install everything into .venv, .ministack and node_modules

$(VENV)/.uv: requirements-setup.txt
	@$(PYTHON) -c '$(PYTHON_VERSION_CHECK)'
	@echo "Installing uv into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.txt
	@touch $@

$(VENV)/.ready: requirements-dev.txt pyproject.toml $(VENV)/.uv
	@echo "Installing the Python packages into $(VENV)"
	@$(call install,$(VENV),requirements-dev.txt)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.ministack/.ready: requirements-ministack.txt $(VENV)/.uv
	@echo "Installing the local AWS into .ministack"
	@test -x .ministack/bin/python || $(PYTHON) -m venv .ministack
	@$(call install,.ministack,requirements-ministack.txt)
	@touch $@

.custodian/.ready: requirements-bench.txt $(VENV)/.uv
	@echo "Installing Cloud Custodian into .custodian"
	@test -x .custodian/bin/python || $(PYTHON) -m venv .custodian
	@$(call install,.custodian,requirements-bench.txt)
	@touch $@

.checkov/.ready: requirements-checkov.txt $(VENV)/.uv
	@echo "Installing checkov into .checkov"
	@test -x .checkov/bin/python || $(PYTHON) -m venv .checkov
	@$(call install,.checkov,requirements-checkov.txt)
	@touch $@

# npm checks no hash of a package that it packs, so tools/mermaid.py does.
.docs/.ready: requirements-docs.txt tools/mermaid.py $(VENV)/.uv
	@echo "Installing what builds the documentation into .docs"
	@test -x .docs/bin/python || $(PYTHON) -m venv .docs
	@$(call install,.docs,requirements-docs.txt)
	@PATH="$(CURDIR)/.docs/bin:$$PATH" npm pack --silent --pack-destination .docs mermaid@$(MERMAID) > /dev/null
	@.docs/bin/python tools/mermaid.py .docs/mermaid-$(MERMAID).tgz docs/mermaid
	@touch $@

node_modules/.ready: package-lock.json $(VENV)/.ready
	@echo "Installing the CDK CLI and a browser into node_modules"
	@npm ci
	@touch $@

check: lint unit ## Check style, imports, prose and types, and run the unit tests

lint: setup ## Check style, formatting, imports, prose and types
	ruff check .
	ruff format --check .
	lint-imports --no-cache
	python -m tools.prose $(PROSE)
	mypy

format: setup ## Correct style and formatting
	ruff check --fix .
	ruff format .

unit: setup ## Test plan and request alone
	pytest --numprocesses 2 --dist loadfile tests/unit

synth: setup ## Test the templates and the wheel
	pytest tests/synth

runtime: setup ## Test the handler
	pytest tests/runtime

e2e: setup ## Test with the real CDK CLI on the local AWS
	pytest tests/e2e

# Compiles the tests while mypy works, or each worker would. Their errors are shown by the run of the tests itself.
collect: setup
	@pytest --collect-only -p no:terminal -o addopts= > /dev/null 2>&1 || true

test: setup ## Check and test everything, with WORKERS=3 at a time
	$(MAKE) --no-print-directory --jobs 3 lint collect .checkov/.ready
	pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

random-order: setup ## Test everything in random order, that of SEED=123 again if it is given
	pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --random-order $(if $(SEED),--random-order-seed=$(SEED))

versions: setup ## Test with the oldest and the newest Python that is there, and with the oldest aws-cdk-lib
	python -m tools.versions

soak: setup ## Test everything random with EXAMPLES=2000 examples each
	HYPOTHESIS_PROFILE=soak SOAK_EXAMPLES=$(EXAMPLES) pytest $(wildcard tests/unit tests/runtime tests/simulator)

fuzz: setup ## Fuzz the event parser for SECONDS=60, on Linux with x86-64
	@mkdir -p .fuzz/corpus
	python -m tests.fuzz.request_fuzzer -max_total_time=$(SECONDS) -artifact_prefix=.fuzz/ .fuzz/corpus tests/unit/events

bench: setup .custodian/.ready ## Measure everything RUNS=3 times, or ONLY="one_target planning", into docs/benchmarks
	@$(BIN)/python -m benchmarks --runs $(RUNS) $(ONLY)

demo: setup ## Show the main job on the local AWS
	@$(BIN)/python -m localaws.demo

pr-comment: setup ## Write the comment of the pull request check to .local/pr-comment.md, on the local AWS
	@$(BIN)/python -m localaws.pr_comment

pictures: setup ## Render the pictures of the documentation anew
	@$(BIN)/python -m localaws.pictures

docs: .docs/.ready ## Build the documentation into .docs/site; needs no network once .docs is installed
	@PYTHONPATH=constructs:. NO_MKDOCS_2_WARNING=1 .docs/bin/mkdocs build --quiet
	@echo "The documentation is in .docs/site/index.html"

build: setup ## Build the wheel into dist/
	python -m build --no-isolation --outdir dist .

release-dry-run: setup ## Do everything of a release except publishing, with the files in dist/
	rm -rf dist
	python -m release --out dist

lock: setup ## Work out the pinned requirements anew
	for name in requirements requirements-setup requirements-dev requirements-ministack requirements-bench requirements-checkov requirements-docs requirements-lowest; do \
	    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	        --no-emit-index-url --no-emit-find-links --no-header --no-annotate $$name.in --output-file $$name.txt; \
	done

clean: ## Remove what the other targets have made
	rm -rf $(VENV) .ministack .checkov .custodian .docs .versions docs/mermaid .local node_modules cdk.out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz
