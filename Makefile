# Everything that a contributor or a newcomer runs. `make` alone prints the list.
#
# PYTHON names the interpreter to build for. The default is Debian's own Python: the first `python3` on PATH is often a
# version manager's, built without optimisation, and every figure measured against it would flatter us.
# The default interpreter lives in `.venv`; `make demo PYTHON=python3.13` makes and uses `.venv-3.13` beside it.

DEFAULT_PYTHON := $(firstword $(wildcard /usr/bin/python3.11 /usr/bin/python3.1[2-4]) python3)
PYTHON ?= $(DEFAULT_PYTHON)

VENV := $(if $(filter $(DEFAULT_PYTHON),$(PYTHON)),.venv,.venv-$(patsubst python%,%,$(notdir $(PYTHON))))
BIN := $(abspath $(VENV))/bin
CARGO ?= cargo

# What the built extension depends on. The prelude is embedded in it, so it is a source like any other.
SOURCES := Cargo.toml $(wildcard Cargo.lock) pyproject.toml README.md \
	$(shell find crates -name '*.rs' -o -name Cargo.toml) $(wildcard python/ungil/prelude/*.py)

# PyO3's build script asks this interpreter for its version; without it, it would ask the first one on PATH.
export PYO3_PYTHON := $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help demo test test-rust test-python test-clusters loom check fuzz-jit fuzz-ipc fuzz-ipc-asan fmt lint bench bench-peers build clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' Makefile
	@echo "  PYTHON=…      the interpreter to build for (now $(PYTHON), in $(VENV))"

demo: build ## install what is missing, build, and time the lecture's integrate
	@$(BIN)/ungil bench integrate

test: lint test-rust test-python ## install what is missing, build, and run every test of both languages

test-rust: $(VENV)/.ready loom ## run the Rust tests
	$(CARGO) test --quiet
	$(CARGO) test --quiet -p ungil-codegen -p ungil-jit
	$(CARGO) run --quiet -p ungil-jit --example integrate

test-python: build ## run the Python tests (of the interpreter that PYTHON names)
	$(BIN)/python -m pytest

test-clusters: build ## start clusters of Dask and of Ray on this machine, and run the tests of parallel loops on them
	scripts/setup --group clusters "$(PYTHON)" "$(VENV)"
	RAY_USAGE_STATS_ENABLED=0 $(BIN)/python -m pytest tests/parallel/test_dask.py tests/parallel/test_ray.py

# How often the model checker takes a thread off where it could go on. Measured: with 2 it takes 6 s and misses what the third
# shows (an event's `set`, undone meanwhile, that wakes who came after that); with 3 a minute; with 4 more than five.
PREEMPTIONS ?= 3
loom: $(VENV)/.ready ## run the models of locks and futures, in every order of their threads' steps
	RUSTFLAGS="--cfg ungil_loom" LOOM_MAX_PREEMPTIONS=$(PREEMPTIONS) \
		$(CARGO) test --quiet --release --target-dir target/loom -p ungil-sync -p ungil-exec --lib

N ?= 100000
FIRST ?= 1000000
fuzz-jit: build ## compare N random programs (seeds from FIRST on), compiled, with what they mean, and mutilate N/10; on every core
	$(BIN)/python tests/fuzz/run.py --programs $(N) --first $(FIRST) --processes $$(nproc)
	$(BIN)/python tests/fuzz/mutate.py --programs $$(( $(N) / 10 )) --first $(FIRST)

TARGET ?=
fuzz-ipc: export UNGIL_FUZZ_CASES := $(N)
fuzz-ipc: export UNGIL_FUZZ_FIRST := $(FIRST)
fuzz-ipc: $(VENV)/.ready ## have hostile peers write nonsense into shared memory: N cases (from FIRST on) of each TARGET of crates/ungil-ipc/src/fuzz
	$(CARGO) test --quiet --release -p ungil-ipc --lib fuzz::$(TARGET)

# The sanitizer's runtime comes with the toolchain (`librustc-*_rt.asan.a` under `rustc --print target-libdir`), as those of rust-lang.org
# do for this target; the bootstrap's variable lets a stable compiler use it. The standard library itself is not checked. Without optimisation, and so with checked sums.
TRIPLE := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
fuzz-ipc-asan: export UNGIL_FUZZ_CASES := $(N)
fuzz-ipc-asan: export UNGIL_FUZZ_FIRST := $(FIRST)
fuzz-ipc-asan: $(VENV)/.ready ## the same under AddressSanitizer, whose runtime the Rust toolchain has to have (those of rust-lang.org do)
	@ls "$$(rustc --print target-libdir)"/librustc-*_rt.asan.a >/dev/null || \
		{ echo "this toolchain has no runtime of AddressSanitizer; one of rust-lang.org has" >&2; exit 1; }
	RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS=detect_leaks=1 \
		$(CARGO) test --quiet --target $(TRIPLE) --target-dir target/asan -p ungil-ipc --lib fuzz::$(TARGET)

check: $(VENV)/.ready ## the quick loop: types of both languages, and the tests that need neither LLVM nor Python
	$(CARGO) check --quiet --workspace --all-targets
	$(BIN)/mypy
	$(CARGO) test --quiet

fmt: $(VENV)/.ready ## format both languages
	$(CARGO) fmt --all
	$(BIN)/ruff format
	$(BIN)/ruff check --fix --quiet

lint: $(VENV)/.ready ## formats, clippy, ruff and strict mypy, without changing a file
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy

bench: build ## print every benchmark's table, beside the peers that are installed
	$(BIN)/python benches/integrate.py
	$(BIN)/python benches/start.py
	$(BIN)/python benches/call.py
	$(BIN)/python benches/mathematics.py
	$(BIN)/python benches/sync.py
	$(BIN)/python benches/queues.py
	$(BIN)/python benches/futures.py
	$(BIN)/python benches/processes.py
	$(BIN)/python benches/parallel.py

bench-peers: $(VENV)/.ready ## install numba, joblib and Cython, to be measured against
	scripts/setup --group peers "$(PYTHON)" "$(VENV)"

build: $(VENV)/.built ## build the extension in release, and install the package into the virtual environment

clean: ## remove everything that was built or installed here, virtual environments too
	rm -rf target .venv .venv-* dist python/ungil/_core.*.so

# The stamps make a second run start at once: an environment is ready until its requirements change, and the extension
# is built until a source does.
$(VENV)/.ready: pyproject.toml scripts/setup scripts/find-python
	scripts/setup "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/.built: $(VENV)/.ready $(SOURCES)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --extras plot
	@touch $@
