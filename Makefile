# One virtual environment, one committed constraints file; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := data/demo

.PHONY: setup demo test lint bench bench-million bench-patterns bench-scores torture fuzz audit constraints clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[train,dev]'
	@touch $@

# The bundled sample plus made-up readings up to the gate, through the whole pipeline: ingest, publish, report, train, evaluate.
demo: setup
	@$(BIN)/python -m flows.demo --data-dir $(DEMO)

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The whole way at 1,000 to 100,000 readings, ten into a full store, publish, diff, report: docs/performance.md.
bench: setup
	$(BIN)/python -m benchmarks.pipeline --write
	$(BIN)/python -m benchmarks.curation --write
	$(BIN)/python -m benchmarks.training --write

# The way into the store for a million readings: half an hour of one core, 6 GB of disk, docs/performance.md.
bench-million: setup
	$(BIN)/python -m benchmarks.pipeline --sizes 1000000 --repeats 1 --ingest-only --write

# Killed at random moments and run again: docs/reliability.md.
torture: setup
	$(BIN)/python -m benchmarks.torture --kills 200 --minutes 60 --write

# Damaged files of every form, read or rejected: docs/reliability.md.
fuzz: setup
	$(BIN)/python -m benchmarks.fuzz --files 10000 --write

# Known vulnerabilities of the pinned tree; asks the network. In an environment of its own: it is no part of the project.
audit: setup
	$(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/python -m pip install --quiet pip-audit
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off

bench-patterns: setup
	$(BIN)/python -m benchmarks.patterns

bench-scores: setup
	$(BIN)/python -m benchmarks.scores

# Regenerate the pinned tree after a change of pyproject.toml (needs uv).
constraints:
	uv pip compile --universal --python-version 3.11 --all-extras --no-header --no-annotate pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) $(DEMO)
