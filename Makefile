# `make run`: environment, install, dashboard. `make quick`: lint, types and the fast tests. `make test`: all of them.
# Python 3.11 or 3.12; name another one with `make run PYTHON=/path/to/python`.
PYTHON ?= $(shell for python in python3 python3.12 python3.11; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
# Compiling all modules takes half of an installation; Python does it at the first import, where it may write.
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(if $(PYTHONDONTWRITEBYTECODE),,--no-compile)
# Another index for torch, such as the one that pytorch.org names for CPUs: docs/install.md
TORCH_INDEX ?=
WORKERS ?= 2
# A file stays with one worker, in the order that tests/conftest.py gives.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: run quick test lint bench docs lock audit clean

run: .venv/installed
	$(BIN)/streamlit run dashboard/app.py

quick: lint
	$(PYTEST) -q -m "not slow" --durations=10

test: lint
	$(PYTEST) --durations=25

bench: .venv/test-installed
	$(BIN)/python -m benchmarks all --keep

docs: .venv/test-installed	# docs/_build/html/index.html; the tutorial is executed
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -d docs/_build/doctrees . docs/_build/html

lint: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 with the venv module is needed (Debian: apt install python3-venv)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the packages of requirements.txt, 7 GB on Linux, mostly CUDA's libraries; without a GPU less: docs/install.md"
	$(if $(strip $(TORCH_INDEX)),$(PIP) --index-url $(TORCH_INDEX) $(shell grep -E '^torch(vision)?==' requirements.txt))
	$(PIP) -r requirements.txt
	touch $@

.venv/test-installed: .venv/installed
	$(PIP) -e '.[test,export,docs]'
	touch $@

lock:	# every package with its hashes, for 3.11 and 3.12; without uv's own line about how
	test -x .venv/lock/bin/uv || { $(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install -q uv==0.13.9; }
	grep -v '^-e' requirements.txt | .venv/lock/bin/uv pip compile - --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links -q -o requirements.lock

audit: .venv/installed
	.ci/audit

clean:
	rm -rf .venv docs/_build docs/examples build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
