# Everything here works on a fresh Debian with Python 3.11, make and PyPI: each target sets up what it needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types bench browser peers wheel package clean help

help:
	@echo "make demo     the sandbox EHR with the app in it (http://localhost:8400)"
	@echo "make test     the tests (no network, under two minutes)"
	@echo "make lint     ruff, mypy --strict, import contracts, bandit"
	@echo "make browser  the demo walked through in Chromium, with screenshots"
	@echo "make peers    against software no one here wrote"
	@echo "make wheel    build the wheel and try it in a clean environment"
	@echo "make bench    figures, side by side with peers"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv is missing; on Debian: apt-get install python3-venv"; exit 2; }
	@echo "Setting up $(VENV) (once; a minute or so) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,postgres]'
	@touch $@

demo: $(READY)
	$(BIN)/steunfiguren demo $(DEMO)

test: $(READY)
	$(BIN)/python -m pytest -n 2 $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r -c pyproject.toml fhir_plugin smart_app

browser: $(READY)
	$(BIN)/python -m pytest -m browser $(TESTS)

peers: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[peers]'
	$(BIN)/python -m pytest -m peer $(TESTS)

wheel: $(READY)
	$(BIN)/python -m pytest -m wheel $(TESTS)

package: $(READY)
	$(BIN)/steunfiguren package build --out dist/package.tgz

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist var .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
