# `make run` and `make test` set everything up on a machine with Python 3.10 to 3.13 and a package index.
.DEFAULT_GOAL := help
.PHONY: setup run bench test test-all test-debian13 coverage lint audit fuzz types docs format lock prism prism-stop flink flink-stop clean help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
UV_VERSION := 0.13.9
PIP_AUDIT_VERSION := 2.10.1
ARGS ?=
# Two processes share the tests' files: most tests keep one core busy. Files start in the order of tests/conftest.py.
TESTS := -n 2 --dist loadfile --no-loadscope-reorder

# The newest interpreter that has TFX on this machine, else the newest. It must really run: a shim on PATH may not,
# and Debian's may lack ensurepip.
CHOOSE := requirements/choose.py
USABLE := -c 'import ensurepip, venv'
PYTHON ?= $(shell for need in --tfx ""; do for p in python3.13 python3.12 python3.11 python3.10 python3 python; do \
	$$p $(USABLE) >/dev/null 2>&1 && $$p $(CHOOSE) $$need >/dev/null 2>&1 && { echo $$p; exit; }; done; done)

export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL := 3
export PYTHONWARNINGS := ignore

help:  ## Lists the targets.
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Makes .venv from the lock; a second call does no work.

# uv takes what plain pip on 3.11 refuses (TFX 1.16 declares Python < 3.11). It does not read pip's settings, so an
# index that they name is passed on. The lock is complete: nothing is left to resolve. Unlike pip, uv compiles only if
# told to; where PYTHONDONTWRITEBYTECODE is set every process would compile TensorFlow and TFX anew, for 4 and 17 seconds.
$(STAMP): $(wildcard requirements/*.txt) $(CHOOSE) setup.py Makefile
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		if ! '$(PYTHON)' $(USABLE) >/dev/null 2>&1; then \
			echo "make: expected Python 3.10 to 3.13 with venv and ensurepip, found '$(PYTHON)'; try make PYTHON=/path/to/python3.13" >&2; \
			exit 1; \
		fi; \
		'$(PYTHON)' $(CHOOSE) >/dev/null || exit 1; \
		echo "Making $(VENV) with `'$(PYTHON)' --version`"; \
		'$(PYTHON)' -m venv --clear $(VENV) || exit 1; \
	fi
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv==$(UV_VERSION)
	@set -- `$(BIN)/python $(CHOOSE)`; lock=$$1; \
	test -n "$$lock" || { echo "make: remove $(VENV), which another Python made" >&2; exit 1; }; shift; \
	index=`$(BIN)/python -m pip config list 2>/dev/null | sed -n "s/^[^.]*\.index-url='\(.*\)'$$/\1/p" | head -n 1`; \
	if [ -n "$$index" ]; then UV_DEFAULT_INDEX=$${UV_DEFAULT_INDEX:-$$index}; export UV_DEFAULT_INDEX; fi; \
	echo "$$* ($$lock)"; \
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps -r $$lock || { \
		echo "make: $$lock could not be installed (on Python 3.10 pyfarmhash has no wheel: it needs g++ and Python's headers)" >&2; \
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

test-debian13:  ## `make test` in a Debian 13 of its own, as root (DEBIAN13_ROOT: where; ARGS go to pytest).
	@TESTS='$(TESTS)' .ci/debian13 $(ARGS)

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

# pip-audit runs in an environment of its own. --strict: a package that the service does not know is no package without faults.
audit: $(STAMP)  ## Known vulnerabilities of this Python's lock; needs the network (ARGS go to pip-audit).
	@set -- `$(BIN)/python $(CHOOSE)`; said=`mktemp`; \
	$(BIN)/uv tool run --quiet pip-audit@$(PIP_AUDIT_VERSION) --strict --no-deps --disable-pip --progress-spinner=off -r $$1 $(ARGS) >$$said 2>&1; \
	status=$$?; \
	if [ $$status = 0 ] || grep -qs '^Found .* known vulnerabilit' $$said; then cat $$said; else \
		echo "make: the vulnerabilities of $$1 were not looked up: `tail -n 1 $$said`" >&2; \
	fi; rm -f $$said; exit $$status

SECONDS ?= 60
fuzz: $(STAMP)  ## Fuzzes TARGET (rows, configuration, sequences, rating_requests, event_requests) for SECONDS; needs atheris on PYTHONPATH (see CONTRIBUTING.md).
	@$(BIN)/python -m tests.fuzz '$(TARGET)' $(SECONDS)

# Name, Python and the oldest glibc of each lock. A set follows from the glibc: TFX 1.21 has no wheel for an older one.
LOCKS := classic:3.10:2_28 classic:3.11:2_28 modern:3.11:2_39 modern:3.12:2_39 modern:3.13:2_39 library:3.12:2_28 library:3.13:2_28
LIBRARY := beam serving tune demo report baselines dev

lock: $(STAMP)  ## Resolves all locks anew from setup.py, keeping pins that still fit (ARGS=--upgrade renews them).
	@for lock in $(LOCKS); do \
		set -- `echo $$lock | tr : ' '`; \
		case $$1 in library) extras="$(LIBRARY:%=--extra %)";; *) extras=--all-extras;; esac; \
		$(BIN)/uv pip compile --quiet setup.py $$extras --python-version $$2 --python-platform x86_64-manylinux_$$3 \
			--no-annotate --override requirements/overrides.txt --custom-compile-command 'make lock' $(ARGS) \
			--output-file requirements/$$1-py`echo $$2 | tr -d .`.txt || exit 1; \
	done

prism: $(STAMP)  ## Starts Beam's Prism and two pools of workers (docs/scale.md); its first call builds it, with Go.
	@PYTHON=$(BIN)/python scripts/prism start

prism-stop:  ## Ends what `make prism` has started.
	@scripts/prism stop

flink: $(STAMP)  ## Starts Flink, Beam's job server and a pool of workers (docs/scale.md); its first call takes them from Maven's repository.
	@PYTHON=$(BIN)/python scripts/flink start

flink-stop:  ## Ends what `make flink` has started.
	@scripts/flink stop

clean:  ## Removes caches and build products; keeps .venv and runs/.
	@rm -rf build docs/build dist *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
