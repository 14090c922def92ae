# `make run` and `make test` set everything up on a machine with Python 3.10 or 3.11 and a package index.
.DEFAULT_GOAL := help
.PHONY: setup run bench test test-all coverage lint types docs format lock clean help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
UV_VERSION := 0.13.9
ARGS ?=
# Two processes share the tests' files: most tests keep one core busy. Files start in the order of tests/conftest.py.
TESTS := -n 2 --dist loadfile --no-loadscope-reorder

# The first interpreter that really runs: a shim on PATH may not, and Debian's may lack ensurepip.
SUPPORTED := import ensurepip, sys, venv; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))
PYTHON ?= $(shell for p in python3.11 python3.10 python3 python; do \
	$$p -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo $$p; break; }; done)

export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL := 3
export PYTHONWARNINGS := ignore

help:  ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Makes .venv from the lock; a second call does no work.

# uv takes what plain pip on 3.11 refuses (TFX 1.16 declares Python < 3.11). It does not read pip's settings, so an
# index that they name is passed on. The lock is complete: nothing is left to resolve.
$(STAMP): requirements/py310.txt requirements/py311.txt setup.py Makefile
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		if ! '$(PYTHON)' -c '$(SUPPORTED)' >/dev/null 2>&1; then \
			echo "make: expected Python 3.10 or 3.11 with venv and ensurepip, found '$(PYTHON)'; try make PYTHON=/path/to/python3.11" >&2; \
			exit 1; \
		fi; \
		echo "Making $(VENV) with `'$(PYTHON)' --version`"; \
		'$(PYTHON)' -m venv --clear $(VENV) || exit 1; \
	fi
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv==$(UV_VERSION)
	@lock=`$(BIN)/python -c 'import sys; print("requirements/py%d%d.txt" % sys.version_info[:2])'`; \
	test -f $$lock || { echo "make: expected Python 3.10 or 3.11 in $(VENV), found no $$lock; remove $(VENV)" >&2; exit 1; }; \
	index=`$(BIN)/python -m pip config list 2>/dev/null | sed -n "s/^[^.]*\.index-url='\(.*\)'$$/\1/p" | head -n 1`; \
	if [ -n "$$index" ]; then UV_DEFAULT_INDEX=$${UV_DEFAULT_INDEX:-$$index}; export UV_DEFAULT_INDEX; fi; \
	echo "Installing $$lock"; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -r $$lock || { \
		echo "make: $$lock could not be installed (on Python 3.10 pyfarmhash has no wheel: it needs g++ and Python's headers; 3.11 does not)" >&2; \
		exit 1; \
	}; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP)  ## Trains and evaluates on real ratings: the whole TFX pipeline (ARGS: see rrn run --help).
	@$(BIN)/rrn run $(ARGS)

bench: $(STAMP)  ## Throughput (ARGS: see rrn bench --help).
	@$(BIN)/rrn bench $(ARGS)

test: $(STAMP)  ## The fast tests (ARGS go to pytest).
	@$(BIN)/python -m pytest $(TESTS) $(ARGS)

test-all: $(STAMP)  ## Every test, the end-to-end pipeline too.
	@$(BIN)/python -m pytest $(TESTS) -m "" $(ARGS)

coverage: $(STAMP)  ## Every test, and which lines they run; fails below the floor in pyproject.toml.
	@$(BIN)/python -m pytest $(TESTS) -m "" --cov --cov-report=term:skip-covered $(ARGS)

lint: $(STAMP)  ## Style, formatting and the import law.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: $(STAMP)  ## Static types.
	@$(BIN)/mypy

docs: $(STAMP)  ## The documents and the API reference in docs/build; a warning fails.
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --fresh-env docs docs/build

format: $(STAMP)  ## Formats and mends what ruff can mend.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(STAMP)  ## Resolves both locks anew from setup.py, keeping pins that still fit (ARGS=--upgrade renews them).
	@for v in 3.10 3.11; do \
		lock=requirements/py`echo $$v | tr -d .`.txt; \
		$(BIN)/uv pip compile --quiet setup.py --all-extras --python-version $$v --no-annotate \
			--override requirements/overrides.txt --custom-compile-command 'make lock' $(ARGS) --output-file $$lock || exit 1; \
	done

clean:  ## Removes caches and build products; keeps .venv and runs/.
	@rm -rf build docs/build dist *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
