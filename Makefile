# Every target can be repeated. Settings come from the environment, see
# `.venv/bin/python scripts/build.py --help`, and may be given to make as well:
#   make build EXTRACTS_DIR=/path/to/extracts WAREHOUSE_PATH=/path/to/second.duckdb

PYTHON ?= python3
UV_VERSION := 0.13.9

VENV := .venv
BIN := $(VENV)/bin
# a copy of the lock the environment was made from: touching the lock installs nothing
INSTALLED := $(VENV)/requirements.lock

.DEFAULT_GOAL := help
.PHONY: help env build test lint check definitions kpi-sheet mutation sample land summary bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: ## make the Python environment, again only when requirements.lock changed
	@if ! cmp -s requirements.lock $(INSTALLED); then \
		set -e; \
		test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
		VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode requirements.lock; \
		cp requirements.lock $(INSTALLED); \
	fi

build: env ## land the extracts (a sample if there are none), build the warehouse, print the funnel
	@$(BIN)/python scripts/build.py

test: lint check ## lint, check the architecture rules, run every test
	$(BIN)/python -m pytest

# Compiling needs a database and a date, neither the warehouse nor its lock. Parsing and the layout
# rules take the time, about a minute on two cores: one process per core, see also .sqlfluffignore.
lint: env ## ruff and sqlfluff
	$(BIN)/ruff check scripts tests
	$(BIN)/ruff format --check scripts tests
	WAREHOUSE_PATH=:memory: AS_OF_DATE=2000-01-01 $(BIN)/sqlfluff lint --processes 0 \
		models tests/singular

check: env ## check the architecture rules, the registry and the lock of what was agreed
	$(BIN)/python scripts/check_project.py

definitions: env ## write what follows from the registry: the lock, the funnel's columns
	@$(BIN)/python scripts/definitions.py $(if $(SAME_MEANING),--same-meaning "$(SAME_MEANING)")

kpi-sheet: env ## write the KPI sheet (KPIシート) of the published warehouse
	@$(BIN)/python scripts/kpi_sheet.py

mutation: env ## plant errors in the models and the registry, and see that each is caught
	@$(BIN)/python scripts/mutation.py

sample: env ## write the sample extracts anew
	@$(BIN)/python scripts/sample.py --out "$${EXTRACTS_DIR:-data/extracts}"

land: env ## only land the extracts
	@$(BIN)/python scripts/land.py

summary: env ## print the funnel of the published warehouse
	@$(BIN)/python scripts/summary.py

bench: env ## compare the models' time with one hand-written query
	@$(BIN)/python scripts/bench.py

lock: env ## resolve the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --output-file requirements.lock

clean: ## remove what tools generated; the environment, extracts and warehouse stay
	rm -rf target logs data/dbt .pytest_cache .ruff_cache .hypothesis
	find scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +
