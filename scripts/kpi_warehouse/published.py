"""Reading what is published: the current version, read-only, closed again, refused in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.manifest import replacing
from kpi_warehouse.publishing.store import REGISTRY, Store, Version
from kpi_warehouse.settings import Settings

Row = Mapping[str, Any]
# no page or workbook can hold them: the C0 controls but tab and newline
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True)
class Text:
    """The same said in Japanese and in English."""

    ja: str
    en: str


@dataclass(frozen=True)
class Source:
    """What readers are to read.

    Attributes:
        path: the folder of a version, or the whole warehouse where nothing is published.
        as_of: the last day that is in.
        version: name of the version; none: the whole warehouse.
    """

    path: Path
    as_of: date
    version: str | None


def find_published(settings: Settings, say: Callable[[str], None]) -> Source:
    """The version that `current` names now, by its own name; else the warehouse, and a line.

    The name stays the same while a reader works, whatever is published meanwhile. Raises UserError
    if there is neither, or the version cannot be read.
    """
    version = Store(settings.publish_dir).current
    if version is not None:
        as_of = settings.as_of_date or date.fromisoformat(version.publication["as_of_date"])
        return Source(version.folder, as_of, version.name)
    if not settings.warehouse_path.is_file():
        raise UserError("no warehouse yet", settings.warehouse_path, "run make build")
    say(f"nothing is published in {settings.publish_dir}: reading {settings.warehouse_path}")
    return Source(settings.warehouse_path, settings.resolve_as_of_date(), None)


@contextmanager
def reading(source: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a version (its folder) or a warehouse (its file), closed at the end.

    Raises UserError if there is none, it cannot be read, is not one of this project's or is an
    older one; the last two also where the block finds a table or column missing.
    """
    is_version = source.is_dir() and Version(source).database.is_file()
    if not (is_version or source.is_file()):
        raise UserError("no warehouse yet", source, "run make build")
    try:
        connection = (
            _open_version(Version(source))
            if is_version
            else duckdb.connect(str(source), read_only=True)
        )
    except duckdb.Error as error:
        if "lock" in str(error):
            raise UserError(
                "another process has it open for writing", source, "close it there and retry"
            ) from error
        raise UserError(
            "cannot be opened as a DuckDB file", source, "set WAREHOUSE_PATH to a warehouse"
        ) from error
    try:
        yield connection
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise UserError(
            "not a warehouse of this project, or an older one", source, "run make build"
        ) from error
    finally:
        connection.close()


def _open_version(version: Version) -> duckdb.DuckDBPyConnection:
    """The marts of a version and the words of the registry beside them, in the same schemas."""
    connection = duckdb.connect()
    try:
        connection.execute(f"attach '{_quoted(version.database)}' as published (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'published'"
        ).fetchall()
        relations = {(schema, table): f'published."{schema}"."{table}"' for schema, table in tables}
        for path in sorted((version.folder / REGISTRY).glob("*/*.parquet")):
            relations[path.parent.name, path.stem] = f"read_parquet('{_quoted(path)}')"
        for schema in sorted({schema for schema, _ in relations}):
            connection.execute(f'create schema if not exists "{schema}"')
        for (schema, table), relation in relations.items():
            connection.execute(f'create view "{schema}"."{table}" as from {relation}')
    except BaseException:
        connection.close()
        raise
    return connection


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def check_as_of(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Raise UserError if the warehouse was built as of another day.

    It does not say its day, but which periods were over on it.
    """
    (of_another_day,) = read_rows(
        connection,
        """
        select count(*) as periods
        from marts.kpi_by_period
        where is_complete <> (period_end <= $as_of)
        """,
        {"as_of": as_of},
    )
    if of_another_day["periods"]:
        raise UserError(
            "the warehouse was built as of another day",
            f"as of {as_of}",
            "set AS_OF_DATE to the warehouse's day, or run make build",
        )


def read_rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query by the names of its columns, texts without control characters."""
    cursor = connection.execute(sql, parameters or {})
    names = [column[0] for column in cursor.description]
    return [
        {
            name: _CONTROLS.sub("", value) if isinstance(value, str) else value
            for name, value in zip(names, values, strict=True)
        }
        for values in cursor.fetchall()
    ]


def text_of(row: Row, stem: str) -> Text:
    """What a row says in `<stem>_ja` and `<stem>_en`."""
    return Text(row[f"{stem}_ja"], row[f"{stem}_en"])


def write_files(contents: Mapping[Path, bytes]) -> list[Path]:
    """Write files into one folder, each at once; returns their paths.

    Raises UserError if the folder cannot be one.
    """
    folder = next(iter(contents)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError("is not a folder", folder, "set --out or DATA_DIR to one") from error
    for path, content in contents.items():
        with replacing(path) as partial:
            partial.write_bytes(content)
    return list(contents)
