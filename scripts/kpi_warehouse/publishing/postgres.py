"""A copy of a version in PostgreSQL, for tools that read no DuckDB file.

All of it is one transaction: a new schema is filled, takes the name `marts`, and the one of before
is dropped. Readers see the old tables until it commits, and if anything fails they go on seeing
them. A reader that holds a lock on the old tables is waited for, with everything else done.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing.store import Version

if TYPE_CHECKING:
    import psycopg

SCHEMA = "marts"
_NEXT, _BEFORE = "marts_next", "marts_before"
_LOCK_TIMEOUT = "60s"
# columns of grains: what a dashboard filters and joins by
_KEYS = (
    *("kpi_id", "channel_id", "rep_id", "team", "lead_id", "month", "period_start", "date_day"),
    *("activity_id", "opportunity_id", "appointment_id", "activity_date"),
)
_TYPES = {
    "VARCHAR": "text",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
# so that two copies do not meet; any number does
_ADVISORY_LOCK = 7_405_151
_BUFFER = 1 << 20


@dataclass(frozen=True)
class Copied:
    """What is in PostgreSQL now: tables and rows."""

    tables: int
    rows: int


def copy_to_postgres(version: Version, where: str, role: str = "") -> Copied:
    """Replace schema `marts` of a PostgreSQL database by the marts of a version.

    Args:
        version: what is published.
        where: how libpq reaches the database, without a password.
        role: may read the copy; none: who may, stays as the database has it.

    Raises UserError if psycopg is not installed, `where` is wrong or holds a password, or
    PostgreSQL refuses something; then the copy of before is as it was.
    """
    psycopg = _psycopg()
    _check(psycopg, where)
    try:
        with psycopg.connect(where, connect_timeout=30) as connection:
            return _copy(connection, version, role)
    except psycopg.Error as error:
        raise UserError(
            f"PostgreSQL refused the copy ({_reason(error)})",
            "PUBLISH_POSTGRES",
            "its tables are as before; mend it and run make build again",
        ) from error


def check_postgres(where: str) -> None:
    """Raise UserError now rather than after the build if there can be no copy."""
    psycopg = _psycopg()
    _check(psycopg, where)
    try:
        psycopg.connect(where, connect_timeout=10).close()
    except psycopg.Error as error:
        raise UserError(
            f"PostgreSQL cannot be reached ({_reason(error)})",
            "PUBLISH_POSTGRES",
            "start it, or mend the setting",
        ) from error


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise UserError(
            "psycopg is not installed", "PUBLISH_POSTGRES", "run make env-postgres"
        ) from error
    return psycopg


def _check(psycopg: Any, where: str) -> None:
    try:
        given = psycopg.conninfo.conninfo_to_dict(where)
    except psycopg.Error as error:
        raise UserError(
            "not a connection string",
            "PUBLISH_POSTGRES",
            "write it as libpq does: host=… dbname=… user=…",
        ) from error
    if given.get("password"):
        raise UserError(
            "holds a password",
            "PUBLISH_POSTGRES",
            "take it out, and put it into PGPASSWORD or ~/.pgpass",
        )


def _copy(connection: psycopg.Connection, version: Version, role: str) -> Copied:
    from psycopg import sql

    def run(statement: str, *names: str) -> None:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    connection.execute("select pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
    # a copy that somebody else has begun otherwise, or an older way left
    for schema in (_NEXT, _BEFORE):
        run("drop schema if exists {} cascade", schema)
    run("create schema {}", _NEXT)
    rows = 0
    tables = version.publication["tables"]
    with _reading(version.database) as source:
        for table, told in tables.items():
            columns = _columns(source, table)
            connection.execute(
                sql.SQL("create table {}.{} ({})").format(
                    sql.Identifier(_NEXT),
                    sql.Identifier(table),
                    sql.SQL(", ").join(
                        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_type(kind)))
                        for name, kind in columns
                    ),
                )
            )
            _fill(connection, source, table)
            _check_equal(connection, table, told)
            for name, _ in columns:
                if name in _KEYS:
                    run("create index on {}.{} ({})", _NEXT, table, name)
            rows += told["rows"]
    connection.execute(
        sql.SQL("comment on schema {} is {}").format(
            sql.Identifier(_NEXT), sql.Literal(f"version {version.name}")
        )
    )
    if role:
        run("grant usage on schema {} to {}", _NEXT, role)
        run("grant select on all tables in schema {} to {}", _NEXT, role)
    connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT)))
    exists = connection.execute(
        "select 1 from pg_namespace where nspname = %s", [SCHEMA]
    ).fetchone()
    if exists:
        run("alter schema {} rename to {}", SCHEMA, _BEFORE)
    run("alter schema {} rename to {}", _NEXT, SCHEMA)
    if exists:
        run("drop schema {} cascade", _BEFORE)
    return Copied(len(tables), rows)


def _fill(connection: psycopg.Connection, source: duckdb.DuckDBPyConnection, table: str) -> None:
    """Hand a table over as CSV, in which NULL and an empty text are two things."""
    from psycopg import sql

    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        path = Path(folder, "table.csv")
        quoted = str(path).replace("'", "''")
        source.execute(
            f"copy {SCHEMA}.\"{table}\" to '{quoted}' "
            "(format csv, header false, nullstr '', force_quote *)"
        )
        statement = sql.SQL("copy {}.{} from stdin (format csv, null '')").format(
            sql.Identifier(_NEXT), sql.Identifier(table)
        )
        with path.open("rb") as stream, connection.cursor().copy(statement) as copy:
            while block := stream.read(_BUFFER):
                copy.write(block)


def _check_equal(connection: psycopg.Connection, table: str, told: dict[str, Any]) -> None:
    """Raise UserError if rows or totals of the copy are not those of the version."""
    from psycopg import sql

    names = list(told["totals"])
    sums = [sql.SQL("sum({})::text").format(sql.Identifier(name)) for name in names]
    found = connection.execute(
        sql.SQL("select {} from {}.{}").format(
            sql.SQL(", ").join([sql.SQL("count(*)"), *sums]),
            sql.Identifier(_NEXT),
            sql.Identifier(table),
        )
    ).fetchone()
    if found is None or list(found) != [told["rows"], *told["totals"].values()]:
        raise UserError(
            f"the copy of {table} is not equal to what is published",
            "PUBLISH_POSTGRES",
            "its tables are as before; run make build again",
        )


@contextlib.contextmanager
def _reading(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(database), read_only=True)
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _columns(source: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    return source.execute(
        """
        select column_name, data_type
        from duckdb_columns()
        where schema_name = $schema and table_name = $table and not internal
        order by column_index
        """,
        {"schema": SCHEMA, "table": table},
    ).fetchall()


def _type(kind: str) -> str:
    if kind.startswith("DECIMAL("):
        return kind.replace("DECIMAL", "numeric")
    if kind not in _TYPES:
        raise UserError(f"has a column of type {kind}", "a published table", "cast it in its model")
    return _TYPES[kind]


def _reason(error: Exception) -> str:
    """The first line of what PostgreSQL says, which holds no password."""
    lines: Sequence[str] = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
