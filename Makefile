# All you need is Python 3.11 and make: every target first makes .venv. `make help` lists the targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export OMP_NUM_THREADS ?= 2

.PHONY: help setup demo ui check test test-fast bench formats docs lock

help:  ## list these targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 14

setup: .venv/.synced  ## make .venv from requirements.lock

.venv/.synced: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "error: $(PYTHON) is not Python 3.11; install it or run make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv; }
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	@touch $@

demo: setup  ## drawn scenes -> prepare -> train -> evaluate -> localize; make demo VIDEOS=folder shows your videos too
	$(BIN)/python -m workflows.demo $(if $(VIDEOS),--videos "$(VIDEOS)") $(DEMO_OPTIONS)

ui: setup  ## compare runs in a browser, on this machine only
	@$(BIN)/python -m workflows.ui

check: setup  ## check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

test: setup  ## run all tests, two at a time
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder

test-fast: setup  ## run the tests that need no cluster
	$(BIN)/python -m pytest -q -m "not ray and not slow"

bench: setup  ## measure speed as ratios in one table; make bench QUICK=1 is shorter
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks $(if $(QUICK),--quick) $(BENCH_OPTIONS)

formats: setup  ## try media files of all kinds and write docs/formats.md
	$(BIN)/python -m tests.formats

docs: setup  ## write docs/recipes.md from the recipes' docstrings
	$(BIN)/python -m tests.docs.recipes

lock:  ## compile requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-emit-index-url \
		--no-emit-find-links --group dev --extra faces --extra pretrained --custom-compile-command "make lock" pyproject.toml -o requirements.lock
