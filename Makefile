# Everything a person needs: make run, make test. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
# The first interpreter that both starts and has a version we support.
FIND_PYTHON = for candidate in python3 python3.13 python3.12 python3.11; do \
	"$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& { echo "$$candidate"; break; }; done
PIP_INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes
# Three processes on two cores: while one waits for a server, another works. Each more costs its start.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
TEST_WORKERS ?= $(shell echo $$(( ($(CORES) * 3 + 1) / 2 )))
PYTEST = $(PYTHON) -m pytest -n $(TEST_WORKERS) --dist worksteal

.PHONY: run worker test test-fast test-pg16 prove check lint format types lock bench chromium clean help

run: $(VENV)/.runtime ## set up what is missing and start Inkdesk on http://127.0.0.1:8501
	@$(PYTHON) -m core.startup.preflight
	@exec $(PYTHON) -m streamlit run app.py

worker: $(VENV)/.runtime ## start one more worker, alone
	@exec $(PYTHON) -m jobs.worker

test: $(VENV)/.dev chromium ## set up what is missing and run every test, browser tests included
	$(PYTEST)

# Left out are tests that take seconds and go by the same queries from further away.
QUICK = smoke or not (browser or chaos or prover or slow or whole)

test-fast: $(VENV)/.dev ## an answer within a minute: each rule and each page once, no browser, no whole desk
	$(PYTEST) -m "$(QUICK)"

test-pg16: $(VENV)/.dev ## what is about SQL, on PostgreSQL 16 instead of 18
	INKDESK_TEST_POSTGRES=16 $(PYTEST) -m "sql and ($(QUICK))"

prove: $(VENV)/.dev ## every prover at full length, in parts; goes on where it was stopped
	$(PYTHON) -m tests.prove --workers $(TEST_WORKERS)

check: lint types test ## all that CI checks on PostgreSQL 18

lint: $(VENV)/.dev ## formatting, lint, and the floors of the house
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(VENV)/bin/lint-imports --no-logo --no-cache

format: $(VENV)/.dev ## put formatting right
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

types: $(VENV)/.dev ## strict type check
	$(PYTHON) -m mypy

chromium: $(VENV)/.dev
	@$(PYTHON) -m tests.browser.chromium

bench: $(VENV)/.dev ## every figure of bench/, one after another
	@for script in bench/bench_*.py; do $(PYTHON) -m "bench.$$(basename "$$script" .py)" || exit 1; done

lock: ## resolve the pinned dependency lists anew from pyproject.toml
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-annotate pyproject.toml -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-annotate pyproject.toml --group dev -o requirements-dev.lock

$(VENV)/bin/python:
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then echo "Inkdesk needs Python 3.11, 3.12 or 3.13: install one and try again."; exit 2; fi; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -q && apt-get install -q -y python3-venv && "$$python" -m venv $(VENV); \
		else echo "Python lacks its venv module: install it (Debian: python3-venv) and try again."; exit 2; fi; }

$(VENV)/.runtime: requirements.lock | $(VENV)/bin/python
	@echo "Installing Inkdesk's dependencies (once) ..."
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	@echo "Installing Inkdesk's test dependencies (once) ..."
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime

clean: ## remove the virtual environment and caches; your data in .inkdesk stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12
