# wireroom: `make run` runs the wire room, `make test` proves it. Needs Python 3.11 or newer, pip and make; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv from PATH when it is there, else from PyPI into the project's own environment.
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)

.PHONY: help install run test properties chaos check audit lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "wireroom needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Call make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.uv: | $(BIN)/python
	@command -v uv >/dev/null 2>&1 || $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/.installed: pyproject.toml requirements.lock | $(VENV)/.uv
	$(UV) pip install --quiet --python $(BIN)/python --constraint requirements.lock --editable '.[embedded]'
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(VENV)/.uv
	$(UV) pip install --quiet --python $(BIN)/python --constraint requirements.lock --editable '.[dev]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed ## the environment in .venv, the command at .venv/bin/wireroom

run: install ## the whole wire room on this machine: Redis, workers, beat, relay (Ctrl-C stops it)
	@exec $(BIN)/wireroom run

test: $(VENV)/.dev ## every test: real Redis, real Postgres, SQLite, HTTP on loopback, Celery workers
	$(BIN)/python -m pytest -n 3 --dist worksteal

EXAMPLES ?= 2000
properties: $(VENV)/.dev ## what must hold of cleaning whatever the copy says, on copies drawn at random; EXAMPLES=2000
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n 2 --timeout 0 tests/normalize/test_clean_properties.py tests/normalize/test_reading.py

SECONDS ?= 180
chaos: $(VENV)/.dev ## the whole wire room under faults drawn at random; SECONDS=180 SEED=7 DATABASE=sqlite
	PYTHONPATH=tests $(BIN)/python -m chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(filter sqlite,$(DATABASE)),--sqlite)

check: $(VENV)/.dev ## lint, types, import contracts
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/.dev ## known vulnerabilities of what is locked (needs the internet)
	$(BIN)/python .ci/audit

lock: | $(VENV)/.uv ## resolve pyproject.toml anew into requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-annotate --no-header pyproject.toml --output-file requirements.lock

clean: ## remove the environment (the data folder stays)
	rm -rf $(VENV)
