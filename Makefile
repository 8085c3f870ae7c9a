# Two commands are all the set-up there is: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCAL := $(BIN)/python -m portal.local
WORKERS ?= 2

.PHONY: help setup setup-dev run test check bench bench-overshoot e2e screenshots faults isolation-selftest lock clean

help:
	@echo "make run                 everything, on http://127.0.0.1:8000 (PORT=8001 make run for another port)"
	@echo "make test                the whole suite, on real PostgreSQL and Redis"
	@echo "make check               ruff, mypy, import-linter, migrations"
	@echo "make e2e                 the journeys in Chromium"
	@echo "make screenshots         the demo's main pages, light and dark, wide and narrow, into screenshots/"
	@echo "make bench               benchmarks, into benchmarks/results/latest.json"
	@echo "make bench-overshoot     a replayed trace against the caps, also under kill -9 (TRACE=file)"
	@echo "make faults              kill -9 at every labelled point, many seeds"
	@echo "make isolation-selftest  drop the row policies and see the leak suite fail"
	@echo "make setup, setup-dev    install only, for running or for everything"
	@echo "make lock                lock the dependencies anew (needs uv)"
	@echo "make clean               remove the virtual environment and all local data"

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11 to 3.14, or name one with PYTHON=python3.11."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
		{ echo "Causeway needs Python 3.11 to 3.14, and $(PYTHON) is another: name one with PYTHON=python3.11."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python lacks venv: install the package python3-venv."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements/run.lock | $(VENV)/bin/python
	@echo "Installing (once; a minute or less) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	@touch $@

$(VENV)/.dev: requirements/dev.lock | $(VENV)/bin/python
	@echo "Installing what tests and checks need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@ $(VENV)/.run

setup: $(VENV)/.run

setup-dev: $(VENV)/.dev

run: setup
	@exec $(LOCAL) run

test: setup-dev
	@$(LOCAL) exec -- $(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not e2e"

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(LOCAL) exec -- $(BIN)/python manage.py makemigrations --check --dry-run

bench: setup-dev
	@$(LOCAL) exec -- $(BIN)/python -m benchmarks

bench-overshoot: setup-dev
	@$(BIN)/python -m benchmarks.overshoot $(if $(TRACE),--trace "$(TRACE)")

e2e: setup-dev
	@$(LOCAL) exec -- $(BIN)/pytest -m e2e tests/e2e

screenshots: setup-dev
	@$(BIN)/python -m demo.screenshots

faults: setup-dev
	@FAULT_SEEDS=$${FAULT_SEEDS:-100} $(LOCAL) exec -- $(BIN)/pytest tests/faults

isolation-selftest: setup-dev
	@$(LOCAL) exec -- $(BIN)/pytest tests/isolation/selftest.py

lock:
	uv pip compile pyproject.toml --extra local --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -o requirements/dev.lock
	uv pip compile pyproject.toml --extra local --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -c requirements/dev.lock -o requirements/run.lock

clean:
	@if [ -x $(BIN)/python ]; then $(LOCAL) down; fi
	rm -rf $(VENV) .local
