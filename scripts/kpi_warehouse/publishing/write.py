"""Write one version: the marts as a DuckDB file and as Parquet, and what a reader needs to know."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from kpi_warehouse.definitions.lock import DEFINITIONS
from kpi_warehouse.errors import NO_ROOM, UserError
from kpi_warehouse.publishing.agreement import agreement_of, differences
from kpi_warehouse.publishing.revisions import (
    Comparison,
    add_revisions,
    carry_over,
    create_table,
)
from kpi_warehouse.publishing.store import (
    AGREEMENT,
    DATABASE,
    PARQUET,
    PUBLICATION,
    REGISTRY,
    Version,
)
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.yaml_file import read_yaml

FORMAT = 1
STORAGE_VERSION = "v1.4.0"
"""Of the published file; DuckDB 1.4 and later read it."""
# what the project's own readers show beside the marts: the registry's words, and the files read
_BESIDE = "schema_name = 'seeds' or (schema_name, table_name) = ('staging', 'stg_landing__files')"
_CATALOG = "kpi_warehouse"
_KEEPS_GOING = (
    "set TimeZone = 'UTC'",
    # wrong results in DuckDB 2.0.0: see docs/decisions/0012
    "set disabled_optimizers = 'statistics_propagation'",
    # order comes from `order by` only; keeping it costs memory
    "set preserve_insertion_order = false",
)


@dataclass(frozen=True)
class Build:
    """A finished warehouse that is to be published.

    Attributes:
        database: the file, which nobody writes any more.
        as_of: the last day that is in.
        restates_history: whether all of history is counted by what is agreed on that day.
        registry: seeds/registry, by which it was built.
        memory_limit: what DuckDB may use, as it writes it.
    """

    database: Path
    as_of: date
    restates_history: bool = False
    registry: Path = PROJECT_DIR / "seeds" / "registry"
    memory_limit: str = "4GB"


def write_version(
    draft: Path, build: Build, name: str, now: datetime, before: Version | None
) -> dict[str, Any]:
    """Write a version into an empty folder; returns what its publication.json says.

    `before` is the version that readers see until then, with which it is compared. Raises UserError
    if there is no room or DuckDB cannot write for another reason of the system.
    """
    try:
        return _write_version(draft, build, name, now, before)
    except duckdb.Error as error:
        # a commit that finds no room is no IOException
        is_system = isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException)
        if not (is_system or NO_ROOM.search(str(error))):
            raise
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"cannot be written ({reason})",
            draft.parent.parent,
            "nothing was published and what was published is as before; mend it and retry",
        ) from error


def _write_version(
    draft: Path, build: Build, name: str, now: datetime, before: Version | None
) -> dict[str, Any]:
    agreement = agreement_of(build.registry, build.as_of, build.restates_history)
    restated: dict[str, int] = {}
    months: dict[str, str] = {}
    spill = draft / "spill"
    connection = duckdb.connect()
    try:
        for setting in _KEEPS_GOING:
            connection.execute(setting)
        connection.execute(f"set memory_limit = '{_quoted(build.memory_limit)}'")
        connection.execute(f"set temp_directory = '{_quoted(spill)}'")
        _attach(connection, build.database, "built", "read_only")
        _attach(connection, draft / DATABASE, _CATALOG, f"storage_version '{STORAGE_VERSION}'")
        connection.execute(f"create schema {_CATALOG}.marts")
        for table in _tables(connection, "schema_name = 'marts'"):
            connection.execute(
                f'create table {_CATALOG}.marts."{table}" as from built.marts."{table}"'
            )
        create_table(connection, _CATALOG)
        if before is not None:
            known = before.publication
            months = dict(known["months_first_published"])
            _attach(connection, before.database, "earlier", "read_only")
            carry_over(connection, _CATALOG)
            restated = add_revisions(
                connection,
                _CATALOG,
                Comparison(
                    version=name,
                    previous_version=before.name,
                    published_at=now,
                    previous_published_at=datetime.fromisoformat(known["published_at"]),
                    as_of=build.as_of,
                    previous_as_of=date.fromisoformat(known["as_of_date"]),
                    months_first_published=months,
                    agreement=differences(before.agreement, agreement),
                ),
                build.registry,
            )
        for month in _complete_months(connection):
            months.setdefault(month, now.isoformat())
        connection.execute(f"checkpoint {_CATALOG}")
        tables = _describe(connection)
        _write_parquet(connection, draft, tables)
    finally:
        connection.close()
    shutil.rmtree(spill, ignore_errors=True)
    if (draft / f"{DATABASE}.wal").exists():
        raise RuntimeError("the published file was left with a log")
    publication = {
        "format": FORMAT,
        "version": name,
        "published_at": now.astimezone(UTC).isoformat(),
        "as_of_date": build.as_of.isoformat(),
        "restates_history": build.restates_history,
        "previous_version": before and before.name,
        "restated_values": restated,
        "project_version": read_yaml(PROJECT_DIR / "dbt_project.yml")["version"],
        "git_commit": git_commit(PROJECT_DIR),
        "definitions_lock_sha256": _sha256(build.registry / DEFINITIONS),
        "duckdb_version": duckdb.__version__,
        "storage_version": STORAGE_VERSION,
        "tables": tables,
        "months_first_published": months,
    }
    _write_json(draft / AGREEMENT, agreement)
    _write_json(draft / PUBLICATION, publication)
    return publication


def git_commit(project: Path) -> str | None:
    """The commit of the project, `-dirty` behind it if files differ; None if it is not known."""
    if not (project / ".git").exists():
        return None
    # optional locks would meet those of somebody who is committing
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=project, capture_output=True, encoding="utf-8", timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _tables(connection: duckdb.DuckDBPyConnection, condition: str) -> list[str]:
    rows = connection.execute(
        f"""
        select table_name
        from duckdb_tables()
        where database_name = 'built' and ({condition})
        order by table_name
        """
    ).fetchall()
    return [table for (table,) in rows]


def _describe(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Rows of each published table, and the sum of each of its decimal columns, as text."""
    rows = connection.execute(
        f"""
        select table_name, list(column_name order by column_index) filter (
            data_type like 'DECIMAL%'
        )
        from duckdb_columns()
        where database_name = '{_CATALOG}' and schema_name = 'marts'
        group by table_name
        order by table_name
        """
    ).fetchall()
    found = {}
    for table, decimals in rows:
        names = decimals or []
        sums = ", ".join(f'sum("{name}")' for name in names)
        count, *totals = connection.execute(
            f'select count(*){", " if sums else ""}{sums} from {_CATALOG}.marts."{table}"'
        ).fetchone() or (0,)
        found[table] = {
            "rows": count,
            "totals": {
                name: None if total is None else str(total)
                for name, total in zip(names, totals, strict=True)
            },
        }
    return found


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, draft: Path, tables: Mapping[str, Any]
) -> None:
    marts = draft / PARQUET
    marts.mkdir()
    for table in tables:
        _copy(connection, f'{_CATALOG}.marts."{table}"', marts / f"{table}.parquet")
    for schema in ("seeds", "staging"):
        folder = draft / REGISTRY / schema
        folder.mkdir(parents=True)
        for table in _tables(connection, f"schema_name = '{schema}' and ({_BESIDE})"):
            _copy(connection, f'built.{schema}."{table}"', folder / f"{table}.parquet")


def _copy(connection: duckdb.DuckDBPyConnection, relation: str, path: Path) -> None:
    connection.execute(f"copy {relation} to '{_quoted(path)}' (format parquet, compression zstd)")


def _complete_months(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        f"""
        select distinct period_start
        from {_CATALOG}.marts.kpi_by_period
        where period_grain = 'month' and basis = 'event' and is_complete
        order by period_start
        """
    ).fetchall()
    return [month.isoformat() for (month,) in rows]


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str, option: str) -> None:
    connection.execute(f"attach '{_quoted(path)}' as {name} ({option})")


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def utc_now() -> datetime:
    """Now, to the second, as versions are named."""
    return datetime.now(UTC).replace(microsecond=0)
