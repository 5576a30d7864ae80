# A fresh machine needs Python 3.11 or newer with pip, and make; `make demo` and `make test` do the rest.
# Another Python: make clean, then make PYTHON=python3.13 test

PYTHON ?= python3
SEED ?= 1
SCALE ?= 1
# Tests wait more than they compute: for real processes, leases and versions that settle.
WORKERS ?= 4
VENV := .venv
BIN := $(VENV)/bin
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet

# Debian's python3 without python3-venv has no ensurepip; pip then works on the environment from outside.
PIP_OF = $$(test -x $(1)/bin/pip && echo "$(1)/bin/python -m pip" || echo "$(PYTHON) -m pip --python $(1)/bin/python")
PIP = $(call PIP_OF,$(VENV))
INSTALL = install --quiet --disable-pip-version-check --no-input

# The tools of `make audit` and `make sbom` live apart from the product; $(AUDIT)/product is what users install.
AUDIT := .venv-audit
AUDIT_TOOLS := pip-audit==2.10.1 cyclonedx-bom==7.5.0
SBOM := dist/sbom.cdx.json

.PHONY: help setup demo test check bench torture week audit sbom documents lock clean

help:
	@echo "make demo       play 60 real customer threads through a local helpdesk, no account (HELPDESK=pylon)"
	@echo "make test       run the tests"
	@echo "make check      formatting, lint, types, layers, documents"
	@echo "make bench      run the benchmarks (LABELLED=DIR: those of labelled tickets on the sets there too)"
	@echo "make torture    kill the connector a thousand times and audit it (SEED=1 SCALE=1 ROUNDS=)"
	@echo "make week       live through a simulated week of 50,000 tickets"
	@echo "make audit      look the locked dependencies up among known vulnerabilities (needs the network)"
	@echo "make sbom       write the bill of materials of what users install to $(SBOM)"
	@echo "make setup      only install"
	@echo "make documents  write settings.example.toml and the help texts in README.md anew"
	@echo "make lock       write the lock files anew from pyproject.toml (needs uv)"
	@echo "make clean      remove everything that the other targets made"

setup: $(VENV)/.run

demo: $(VENV)/.run
	@$(BIN)/connector demo $(if $(HELPDESK),--helpdesk $(HELPDESK))

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/project

bench: $(VENV)/.dev
	@$(BIN)/python -m tests.benchmarks.polling
	@$(BIN)/python -m tests.benchmarks.backlog
	@$(BIN)/python -m tests.benchmarks.replicas
	@$(BIN)/python -m tests.benchmarks.wakeup
	@$(BIN)/python -m tests.benchmarks.latency
	@$(BIN)/python -m tests.benchmarks.savings
	@test ! -d "$(LABELLED)" || $(BIN)/python -m tests.benchmarks.savings "$(LABELLED)"
	@test ! -d "$(LABELLED)" || $(BIN)/python -m tests.benchmarks.local "$(LABELLED)"
	@test ! -d "$(LABELLED)" || $(BIN)/python -m tests.benchmarks.taxonomy "$(LABELLED)"

# About ten minutes on two idle cores; SCALE=0.1 is a taste.
torture: $(VENV)/.dev
	@$(BIN)/python -m tests.torture $(SEED) $(SCALE) $(if $(ROUNDS),--rounds $(ROUNDS))

week: $(VENV)/.dev
	@$(BIN)/python -m tests.long_life

# --strict: what cannot be audited counts as a failure.  --disable-pip: the lock files already name everything.
audit: $(AUDIT)/.made
	@for lock in requirements.txt requirements-dev.txt; do \
	  echo "Auditing $$lock …" >&2; \
	  $(AUDIT)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $$lock || { \
	    echo "make audit: $$lock has known vulnerabilities, or could not be audited (see above)." >&2; exit 1; }; \
	done

sbom: $(AUDIT)/.product
	@mkdir -p $(dir $(SBOM))
	@$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file $(SBOM) $(AUDIT)/product/bin/python
	@echo $(SBOM)

documents: $(VENV)/.run
	@$(BIN)/connector config example > settings.example.toml
	@$(BIN)/python -m tests.project.help_blocks

lock:
	@command -v uv >/dev/null || { echo "make lock       needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(LOCK) --group build --extra local --extra languages --extra web --output-file requirements.txt
	$(LOCK) --group dev --output-file requirements-dev.txt

clean:
	@rm -rf $(VENV) $(AUDIT) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@rm -f connector-demo.db connector-demo.db-wal connector-demo.db-shm
	@find connector migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.txt pyproject.toml
	@echo "Installing the locked dependencies …" >&2
	@$(PIP) $(INSTALL) --require-hashes -r requirements.txt
	@$(PIP) $(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements.txt requirements-dev.txt pyproject.toml
	@echo "Installing the locked dependencies and the development tools …" >&2
	@$(PIP) $(INSTALL) --require-hashes -r requirements-dev.txt
	@$(PIP) $(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(VENV)/.run $@

$(AUDIT)/.made: Makefile
	@echo "Making $(AUDIT) …" >&2
	@$(PYTHON) -m venv $(AUDIT) >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(AUDIT)
	@$(call PIP_OF,$(AUDIT)) $(INSTALL) $(AUDIT_TOOLS)
	@touch $@

$(AUDIT)/.product: $(AUDIT)/.made requirements.txt
	@$(PYTHON) -m venv --clear --without-pip $(AUDIT)/product
	@$(call PIP_OF,$(AUDIT)/product) $(INSTALL) --require-hashes -r requirements.txt
	@touch $@
