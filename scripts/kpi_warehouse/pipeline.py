"""From raw files to a published warehouse: sample, landing, dbt, publication, summary.

One writer at a time: a lock per data folder, per warehouse and per published folder keeps two
builds apart. dbt builds a private file beside the warehouse. When all went well, a version is
written of its marts, the file takes the warehouse's place, and `current` names the version; until
then, and if anything fails, warehouse and published data stay as they were.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from kpi_warehouse.definitions.rules import registry_problems
from kpi_warehouse.errors import NO_ROOM, BuildError, UserError
from kpi_warehouse.landing import LandingReport, check_targets, land, read_layouts
from kpi_warehouse.locking import exclusive
from kpi_warehouse.publishing import Build, Published, Store, Version, publishing
from kpi_warehouse.publishing.postgres import check_postgres, copy_to_postgres
from kpi_warehouse.settings import PROJECT_DIR, Settings
from kpi_warehouse.summary import Stopwatch, print_summary, publication_lines

STAGING_DIR = PROJECT_DIR / "models" / "staging"
REGISTRY = PROJECT_DIR / "seeds" / "registry"
# DuckDB names the catalog after the file; one that is named like a schema cannot be queried.
_SCHEMAS = {"landing", "staging", "intermediate", "marts", "seeds", "main"}

Say = Callable[[str], None]


def build(settings: Settings, say: Say) -> None:
    """Land the extracts, build and test the warehouse, publish it and print its summary.

    Raises UserError for what the caller can mend, BuildError if dbt found something wrong.
    """
    watch = Stopwatch()
    # dbt takes seconds to import, which a caller's mistake should not have to wait for
    _check_warehouse(settings.warehouse_path)
    _make_writable(settings.publish_dir, "PUBLISH_DIR")
    if settings.publish_postgres:
        check_postgres(settings.publish_postgres)
    _check_registry(say)
    store = Store(settings.publish_dir)
    with (
        _exclusive(settings.data_dir),
        _exclusive_warehouse(settings.warehouse_path),
        store.writing(),
    ):
        _make_sample_if_default_is_empty(settings, say)
        as_of_date = settings.resolve_as_of_date()
        with watch.timing("landing"):
            _land(settings, say)
        published, warnings = _build_warehouse(settings, as_of_date, store, watch, say)
        # what is published is published, whatever becomes of its copy
        not_copied = _copy(settings, published.version, watch, say)
    for warning in warnings:
        say(f"  warning: {warning}")
    say("")
    print_summary(published.version.folder, as_of_date, say)
    for line in publication_lines(
        published.version, published.publication, settings, watch, len(warnings)
    ):
        say(line)
    if not_copied:
        raise not_copied


def land_extracts(settings: Settings, say: Say) -> LandingReport:
    """Only the landing of a build. Raises UserError for what the caller can mend."""
    with _exclusive(settings.data_dir):
        return _land(settings, say)


def _land(settings: Settings, say: Say) -> LandingReport:
    report = land(
        settings.extracts_dir,
        settings.landing_dir,
        read_layouts(STAGING_DIR),
        say,
        settings.sample_as_of_date(),
        settings.memory_limit,
    )
    if not report.landed_any:
        count = len(report.refused)
        raise UserError(
            "the only file is refused" if count == 1 else f"all {count} files are refused",
            settings.extracts_dir,
            "mend what the lines above say",
        )
    check_targets(settings.landing_dir, REGISTRY / "kpi_definitions.csv")
    return report


def _check_registry(say: Say) -> None:
    """Raise UserError, once each defect was said, before anything is built from the registry."""
    problems = registry_problems(REGISTRY)
    for problem in problems:
        say(f"  {problem}")
    if problems:
        count = "a defect" if len(problems) == 1 else f"{len(problems)} defects"
        raise UserError(f"has {count}", REGISTRY, "mend what the lines above say")


def _make_sample_if_default_is_empty(settings: Settings, say: Say) -> None:
    """Without any extracts in the default folder, make some."""
    target = settings.extracts_dir
    if not settings.extracts_are_default or any(path.is_file() for path in target.rglob("*")):
        return
    from kpi_warehouse.world import write_sample

    say(f"no extracts yet: writing a sample to {target}")
    write_sample(target)


def _build_warehouse(
    settings: Settings, as_of_date: date, store: Store, watch: Stopwatch, say: Say
) -> tuple[Published, tuple[str, ...]]:
    """Build and publish; returns what was published and the tests' warnings."""
    from kpi_warehouse.dbt_build import run_dbt_build

    warehouse = settings.warehouse_path
    private = _beside(warehouse, "building")
    failed = _beside(warehouse, "failed")
    _remove_database(private)
    environment = {
        "AS_OF_DATE": as_of_date.isoformat(),
        "DATA_DIR": str(settings.data_dir),
        "DUCKDB_MEMORY_LIMIT": settings.memory_limit,
        "EXTRACTS_DIR": str(settings.extracts_dir),
        "RESTATE_HISTORY": "1" if settings.restates_history else "0",
        "UNMAPPED_SEVERITY": "error" if settings.is_strict else "warn",
        "WAREHOUSE_PATH": str(private),
    }
    say(f"building the warehouse as of {as_of_date}")
    if settings.restates_history:
        say("  all of history is counted by what is agreed on that day (RESTATE_HISTORY=1)")
    with watch.timing("models and tests"):
        try:
            outcome = run_dbt_build(environment, settings.data_dir / "dbt", say)
        except BuildError as error:
            _remove_database(failed)
            if any(NO_ROOM.search(finding) for finding in error.findings):
                _remove_database(private)
                raise UserError(
                    "no space left on the device", private.parent, "make room and retry"
                ) from error
            if private.exists():
                os.replace(private, failed)
                error.findings.append(f"what was built is in {failed}")
            raise
    with watch.timing("publishing"):
        say("publishing the marts")
        seal(private)
        build = Build(
            private,
            as_of_date,
            restates_history=settings.restates_history,
            registry=REGISTRY,
            memory_limit=settings.memory_limit,
        )
        with publishing(store, build, settings.publish_keep) as show:
            put_in_place(private, warehouse)
            published = show()
    _remove_database(failed)
    return published, outcome.warnings


def _copy(settings: Settings, version: Version, watch: Stopwatch, say: Say) -> UserError | None:
    """Copy a version into PostgreSQL where that is wanted; returns what went wrong."""
    if not settings.publish_postgres:
        return None
    try:
        with watch.timing("PostgreSQL"):
            copied = copy_to_postgres(
                version, settings.publish_postgres, settings.publish_postgres_role
            )
    except UserError as error:
        return error
    say(f"copied to PostgreSQL: {copied.tables} tables, {copied.rows:,} rows")
    return None


def seal(private: Path) -> None:
    """Bring all of a finished database into its one file, safely on disk."""
    connection = duckdb.connect(str(private))
    connection.execute("force checkpoint")
    connection.close()
    with private.open("rb+") as stream:
        os.fsync(stream.fileno())


def put_in_place(private: Path, warehouse: Path) -> None:
    """Put a sealed database in the place of the warehouse, all or nothing.

    Raises UserError if another process has opened the warehouse for writing.
    """
    _check_not_written(warehouse)
    # a log of the file before, left by a writer that was killed, would spoil the new one
    _log_of(warehouse).unlink(missing_ok=True)
    os.replace(private, warehouse)


def _check_warehouse(warehouse: Path) -> None:
    """Raise UserError now rather than after the build if the warehouse could not be published."""
    if warehouse.is_dir():
        raise UserError("is a folder", warehouse, "set WAREHOUSE_PATH to a file")
    catalog = warehouse.name.lstrip(".").split(".")[0]
    if catalog in _SCHEMAS:
        raise UserError(
            f"a file named {catalog} hides the schema {catalog}", warehouse, "name it otherwise"
        )
    _make_writable(warehouse.parent, "WAREHOUSE_PATH")
    _check_not_written(warehouse)


def _check_not_written(warehouse: Path) -> None:
    if not warehouse.exists():
        return
    try:
        duckdb.connect(str(warehouse), read_only=True).close()
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise _not_a_warehouse(warehouse) from error
        raise UserError(
            "another process has it open for writing", warehouse, "close it there and retry"
        ) from error
    except duckdb.Error as error:
        raise _not_a_warehouse(warehouse) from error


def _not_a_warehouse(path: Path) -> UserError:
    return UserError(
        "cannot be opened as a DuckDB file", path, "move it away, or set another WAREHOUSE_PATH"
    )


def _make_writable(folder: Path, variable: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = (error.strerror or "not possible").lower()
        raise UserError(
            f"cannot be written ({reason})", folder, f"set {variable} to a place that can"
        ) from error


@contextmanager
def _exclusive(data_dir: Path) -> Iterator[None]:
    _make_writable(data_dir, "DATA_DIR")
    with exclusive(data_dir / ".lock", data_dir):
        yield


@contextmanager
def _exclusive_warehouse(warehouse: Path) -> Iterator[None]:
    with exclusive(warehouse.with_name(f".{warehouse.name}.lock"), warehouse):
        yield


def _beside(warehouse: Path, role: str) -> Path:
    return warehouse.with_name(f"{warehouse.stem}.{role}{warehouse.suffix}")


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")


def _remove_database(database: Path) -> None:
    database.unlink(missing_ok=True)
    _log_of(database).unlink(missing_ok=True)
    shutil.rmtree(database.with_name(f"{database.name}.tmp"), ignore_errors=True)
