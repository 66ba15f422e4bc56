# One virtual environment, one committed constraints file; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := data/demo

.PHONY: setup setup-hashed demo base test lint bench bench-million bench-patterns bench-masking bench-scores torture fuzz audit sbom constraints hashes clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[train,dev]'
	@touch $@

# The same, but every file must have one of the hashes in constraints-hashed*.txt: docs/contributing.md. A torch that is in .venv already
# (PyTorch's CPU build, whose files are not PyPI's) is left as it is, unchecked.
setup-hashed:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r constraints-hashed.txt
	@$(BIN)/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)' \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r constraints-hashed-torch.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	@touch $(VENV)/.ready

# The bundled sample plus made-up readings up to the gate, through the whole pipeline: ingest, publish, report, train, evaluate.
demo: setup
	@$(BIN)/python -m flows.demo --data-dir $(DEMO)

# Train the small base of the package again, with two processes: docs/training.md. Continues if it was stopped.
base: setup
	$(BIN)/accelerate launch --config_file tarot_train/launch/cpu-2.yaml -m flows.base

# In a process per core, four at most (each may hold a model and a server); a module stays in one, which shares what it starts.
test: setup
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The whole way at 1,000 to 100,000 readings, ten into a full store, publish, diff, report; a reader's day: docs/performance.md.
# Each figure is printed beside that of the commit before.
bench: setup
	$(BIN)/python -m benchmarks.pipeline --write
	$(BIN)/python -m benchmarks.day --write
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

# Known vulnerabilities of the pinned tree. ADVISORIES=DIR looks them up in an offline copy of the OSV database; without it the
# network is asked, by pip-audit in an environment of its own: it is no part of the project.
audit: setup
ifdef ADVISORIES
	@$(BIN)/python -m benchmarks.audit constraints.txt '$(ADVISORIES)'
else
	$(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/python -m pip install --quiet pip-audit==2.10.1
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off
endif

# Bill of materials (CycloneDX 1.6, checked against its schema) of what is installed in .venv.
sbom: setup
	$(PYTHON) -m venv $(VENV)/sbom && $(VENV)/sbom/bin/python -m pip install --quiet cyclonedx-bom==7.5.0
	$(VENV)/sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --sv 1.6 -o sbom.cdx.json $(BIN)/python

bench-patterns: setup
	$(BIN)/python -m benchmarks.patterns

bench-masking: setup
	$(BIN)/python -m benchmarks.masking

bench-scores: setup
	$(BIN)/python -m benchmarks.scores

UV = $(VENV)/pin/bin/uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-annotate pyproject.toml
TORCH = /^[a-zA-Z0-9]/ { torch = /^(torch|triton|nvidia-|cuda-)/ }

# Regenerate the pinned tree after a change of pyproject.toml, with the hashes of its files.
constraints: $(UV)
	$(COMPILE) -o constraints.txt
	$(MAKE) hashes

# The hashes of the pinned versions, as the index has them; torch and CUDA's libraries in a file of their own.
hashes: $(UV)
	$(COMPILE) --generate-hashes -c constraints.txt -o $(VENV)/pin/hashed.txt
	awk '$(TORCH) !torch' $(VENV)/pin/hashed.txt > constraints-hashed.txt
	awk '$(TORCH) torch' $(VENV)/pin/hashed.txt > constraints-hashed-torch.txt

$(UV):
	$(PYTHON) -m venv $(VENV)/pin && $(VENV)/pin/bin/python -m pip install --quiet uv==0.13.9

clean:
	rm -rf $(VENV) $(DEMO)
