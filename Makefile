# Every target can be repeated. Settings come from the environment, see
# `.venv/bin/python scripts/build.py --help`, and may be given to make as well:
#   make build EXTRACTS_DIR=/path/to/extracts WAREHOUSE_PATH=/path/to/second.duckdb

PYTHON ?= python3
UV_VERSION := 0.13.9

VENV := .venv
BIN := $(VENV)/bin
# copies of the locks the environment was made from: touching a lock installs nothing.
# requirements-postgres.lock holds all of requirements.lock at the same versions, and
# requirements-quality.lock all of both and what the tests need: a larger environment serves every
# target and is never taken back to a smaller one.
INSTALLED := $(VENV)/requirements.lock
INSTALLED_POSTGRES := $(VENV)/requirements-postgres.lock
INSTALLED_QUALITY := $(VENV)/requirements-quality.lock
COMPILE := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help env env-postgres env-quality build publications rollback test lint check definitions kpi-sheet review docs mappings mutation fuzz torture quality sample land summary bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# $(call install,a lock): make the environment hold exactly what the lock says
define install
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode $(1)
endef

env: ## make the Python environment, again only when requirements.lock changed
	@if ! cmp -s requirements.lock $(INSTALLED); then \
		set -e; \
		if test -e $(INSTALLED_QUALITY); then \
			$(call install,requirements-quality.lock); \
			cp requirements-quality.lock $(INSTALLED_QUALITY); \
		elif test -e $(INSTALLED_POSTGRES); then \
			$(call install,requirements-postgres.lock); \
			cp requirements-postgres.lock $(INSTALLED_POSTGRES); \
		else \
			$(call install,requirements.lock); \
		fi; \
		cp requirements.lock $(INSTALLED); \
	fi

env-postgres: ## the same with psycopg, for a copy of the marts in PostgreSQL (PUBLISH_POSTGRES)
	@if ! cmp -s requirements-postgres.lock $(INSTALLED_POSTGRES) && ! test -e $(INSTALLED_QUALITY); then \
		set -e; \
		$(call install,requirements-postgres.lock); \
		cp requirements-postgres.lock $(INSTALLED_POSTGRES); \
		cp requirements.lock $(INSTALLED); \
	fi

env-quality: ## the same with Great Expectations and the clients that tests and quality need
	@if ! cmp -s requirements-quality.lock $(INSTALLED_QUALITY); then \
		set -e; \
		$(call install,requirements-quality.lock); \
		cp requirements-quality.lock $(INSTALLED_QUALITY); \
		cp requirements.lock $(INSTALLED); \
	fi

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

# the larger set decides, so that the smaller one is always a part of it
lock: env ## resolve the dependencies of pyproject.toml anew
	$(BIN)/$(COMPILE) --upgrade --extra quality --extra postgres --extra clients \
		--output-file requirements-quality.lock
	cp requirements-quality.lock requirements-postgres.lock
	$(BIN)/$(COMPILE) --extra postgres --output-file requirements-postgres.lock
	cp requirements-postgres.lock requirements.lock
	$(BIN)/$(COMPILE) --output-file requirements.lock

clean: ## remove what tools generated; the environment, extracts and warehouse stay
	rm -rf target logs data/dbt .pytest_cache .ruff_cache .hypothesis
	find scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +
