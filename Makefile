# minijax: `make demo` and `make test` do everything on a machine that has Python 3.11+,
# gcc and make. `make help` lists the rest. Set-up and C builds are redone only when their
# inputs changed (tools/bootstrap.py and cbackend/build_ffi.py decide by contents).

PYTHON ?= python3
VPYTHON := .venv/bin/python
BUILD := $(VPYTHON) -P cbackend/build_ffi.py
# One worker per core; a test run by hand (`.venv/bin/python -m pytest`) uses one.
PYTEST_ARGS ?= -n auto --maxprocesses 8

C_FILES = $(shell find cbackend -name '*.[ch]' -not -path '*/build/*')
PY_FILES := minijax cbackend compat_tests examples benchmarks tools setup.py

# What the sanitizer run takes of the Python tests: those that reach C most directly.
SANITIZE_TESTS ?= compat_tests/test_kernels.py compat_tests/test_threads.py \
	compat_tests/test_ops.py compat_tests/test_tree.py compat_tests/test_tree_hostile.py \
	compat_tests/test_tree_registry.py \
	-k "kernels or threads or test_tree or (test_value and float32)"

.PHONY: help demo test test-all bench fuzz features ctest build setup-demo setup-test setup-lint lint format \
	sanitize package-test clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: build ## set up, then run examples/mlp.py on JAX and on minijax, and compare
	$(VPYTHON) -m minijax compare examples/mlp.py

test: setup-test ctest ## set up, then run the C tests and the Python tests
	$(VPYTHON) -m pytest $(PYTEST_ARGS)

test-all: setup-test ctest ## the slow tests too, with XLA's defaults on JAX's side
	XLA_FLAGS= $(VPYTHON) -m pytest $(PYTEST_ARGS) -m "not fuzz"

fuzz: setup-test build ## search with random programs: `make fuzz TIME=600 SEED=1`
	$(VPYTHON) -m compat_tests.fuzz --time $(or $(TIME),60) $(if $(SEED),--seed $(SEED))

bench: setup-demo build ## time the benchmarks on both sides: `make bench BENCH="calls --quick"`
	@mkdir -p build
	$(VPYTHON) -m minijax bench $(BENCH) --json build/bench.json --html build/bench.html \
		--plot build/bench.svg --history build/bench-history.jsonl

features: setup-test build ## write FEATURES.md anew
	$(VPYTHON) -W ignore -m compat_tests.features

ctest: build
	@$(BUILD) --ctests

# Byte code too, which pip makes of what it copies but not of an editable checkout.
build: setup-demo
	@$(BUILD)
	@$(VPYTHON) -m compileall -q minijax cbackend benchmarks

setup-demo:
	@$(PYTHON) tools/bootstrap.py demo

setup-test:
	@$(PYTHON) tools/bootstrap.py test

setup-lint:
	@$(PYTHON) tools/bootstrap.py lint

lint: setup-lint ## ruff, pyright and clang-format; changes nothing
	$(VPYTHON) -m ruff check $(wildcard $(PY_FILES))
	$(VPYTHON) -m ruff format --check $(wildcard $(PY_FILES))
	$(VPYTHON) -m basedpyright --level error
	$(if $(C_FILES),.venv/bin/clang-format --dry-run --Werror $(C_FILES))

format: setup-lint ## let ruff and clang-format rewrite the sources
	$(VPYTHON) -m ruff check --fix $(wildcard $(PY_FILES))
	$(VPYTHON) -m ruff format $(wildcard $(PY_FILES))
	$(if $(C_FILES),.venv/bin/clang-format -i $(C_FILES))

sanitize: setup-test ## C tests under ASan+UBSan and TSan, a part of the Python tests
	$(BUILD) --variant asan --ctests
	$(BUILD) --variant tsan --ctests
	$(BUILD) --variant asan
	LD_PRELOAD="$$($(BUILD) --variant asan --preload)" \
	ASAN_OPTIONS=detect_leaks=0 MINIJAX_TEST_EXTENSION=build/asan \
	$(VPYTHON) -m pytest -p no:cacheprovider --capture=sys $(SANITIZE_TESTS)

package-test: setup-test ## build sdist and wheel, install them elsewhere, use them
	$(VPYTHON) -m pytest -m slow compat_tests/test_packaging.py

clean: ## remove what the builds made; .venv stays
	rm -rf build dist *.egg-info cbackend/_mjx*.so minijax/_callpath*.so
