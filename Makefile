# Every target can be repeated. Settings come from the environment, see
# `.venv/bin/python scripts/build.py --help`, and may be given to make as well:
#   make build EXTRACTS_DIR=/path/to/extracts WAREHOUSE_PATH=/path/to/second.duckdb

PYTHON ?= python3
UV_VERSION := 0.13.9

VENV := .venv
BIN := $(VENV)/bin
COMPILE := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help env env-postgres env-dashboard env-quality build publications rollback test lint check definitions kpi-sheet review docs dashboard report screenshots mappings mutation fuzz torture quality sample land summary bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# $(call ensure,a lock): make the environment hold requirements.lock, this lock, and the others that
# it has held before, exactly as they say. The locks agree on every version. Copies of them in the
# environment tell what it was made from: touching a lock installs nothing.
define ensure
	@if ! cmp -s requirements.lock $(VENV)/requirements.lock || ! cmp -s $(1) $(VENV)/$(1); then \
		set -e; \
		test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
		locks=requirements.lock; \
		for lock in requirements-*.lock; do \
			if test $$lock = $(1) || test -e $(VENV)/$$lock; then locks="$$locks $$lock"; fi; \
		done; \
		VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode $$locks; \
		cp $$locks $(VENV)/; \
	fi
endef

env: ## make the Python environment, again only when requirements.lock changed
	$(call ensure,requirements.lock)

env-postgres: ## the same with psycopg, for a copy of the marts in PostgreSQL (PUBLISH_POSTGRES)
	$(call ensure,requirements-postgres.lock)

env-dashboard: ## the same with Streamlit and Altair, for the dashboard and the report
	$(call ensure,requirements-dashboard.lock)

env-quality: ## the same with all that tests need: both, Great Expectations, clients, a browser's driver
	$(call ensure,requirements-quality.lock)

build: env ## land the extracts (a sample if there are none), build, test, publish, print the funnel
	@$(BIN)/python scripts/build.py

publications: env ## list the published versions
	@$(BIN)/python scripts/publications.py list

rollback: env ## make the version before current again: VERSION=20261123T103154Z for a named one
	@$(BIN)/python scripts/publications.py rollback $(if $(VERSION),--to "$(VERSION)")

test: env-quality ## lint, check the architecture rules, run every test
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint check
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 \
		--dist loadfile --no-loadscope-reorder

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

# many systems set a LANGUAGE of their own in the environment: only one given to make counts
review: env ## write the monthly review (月次レビュー): MONTH=2026-09 LANGUAGE=en
	@$(BIN)/python scripts/review.py $(if $(MONTH),--month "$(MONTH)") \
		$(if $(filter command,$(origin LANGUAGE)),--language "$(LANGUAGE)")

docs: env ## write the documentation of all tables and columns, one page: data/docs/index.html
	@$(BIN)/python scripts/docs.py

dashboard: env-dashboard ## show the published marts in a browser, on this machine: PORT=8501
	@$(BIN)/python scripts/dashboard.py $(if $(PORT),--port "$(PORT)")

report: env-dashboard ## write the main charts of a month as one file: MONTH=2026-09 LANGUAGE=en
	@$(BIN)/python scripts/report.py $(if $(MONTH),--month "$(MONTH)") \
		$(if $(filter command,$(origin LANGUAGE)),--language "$(LANGUAGE)")

screenshots: env-quality ## write the pictures of docs/ja anew, with Chromium
	@$(BIN)/python scripts/screenshots.py

mappings: env ## propose rows for codes that no mapping knows; ACCEPT=1 adds the accepted ones
	@$(BIN)/python scripts/mappings.py $(if $(WRITE),--write) $(if $(ACCEPT),--accept)

mutation: env ## plant errors in the models and the registry, and see that each is caught
	@$(BIN)/python scripts/mutation.py

fuzz: env ## put damaged extracts through landing and the build: COUNT=2000 SEED=1
	@$(BIN)/python scripts/fuzz.py $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

torture: env ## publish under readers, kills, full and read-only disks: PUBLICATIONS=200 KILLS=50
	@$(BIN)/python scripts/torture.py $(if $(PUBLICATIONS),--publications $(PUBLICATIONS)) \
		$(if $(KILLS),--kills $(KILLS))

quality: env-quality ## check the landed extracts and the published marts; writes Data Docs
	@$(BIN)/python scripts/quality.py

sample: env ## write the sample extracts anew
	@$(BIN)/python scripts/sample.py --out "$${EXTRACTS_DIR:-data/extracts}"

land: env ## only land the extracts
	@$(BIN)/python scripts/land.py

summary: env ## print the funnel of the published warehouse
	@$(BIN)/python scripts/summary.py

bench: env ## compare the models' time with one hand-written query
	@$(BIN)/python scripts/bench.py

# the largest set decides, so that each of the others is a part of it
lock: env ## resolve the dependencies of pyproject.toml anew
	$(BIN)/$(COMPILE) --upgrade --all-extras --output-file requirements-quality.lock
	cp requirements-quality.lock requirements-postgres.lock
	cp requirements-quality.lock requirements-dashboard.lock
	cp requirements-quality.lock requirements.lock
	$(BIN)/$(COMPILE) --extra postgres --output-file requirements-postgres.lock
	$(BIN)/$(COMPILE) --extra dashboard --output-file requirements-dashboard.lock
	$(BIN)/$(COMPILE) --output-file requirements.lock

clean: ## remove what tools generated; the environment, extracts and warehouse stay
	rm -rf target logs data/dbt .pytest_cache .ruff_cache .hypothesis
	find scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +
