"""Reading a published warehouse: read-only, closed again, and refused in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.manifest import replacing

Row = Mapping[str, Any]
# no page or workbook can hold them: the C0 controls but tab and newline
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True)
class Text:
    """The same said in Japanese and in English."""

    ja: str
    en: str


@contextmanager
def reading(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a published warehouse, closed at the end.

    Raises UserError if there is none, it cannot be read, is not one of this project's or is an
    older one; the last two also where the block finds a table or column missing.
    """
    if not warehouse.is_file():
        raise UserError("no warehouse yet", warehouse, "run make build")
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        if "lock" in str(error):
            raise UserError(
                "another process has it open for writing", warehouse, "close it there and retry"
            ) from error
        raise UserError(
            "cannot be opened as a DuckDB file", warehouse, "set WAREHOUSE_PATH to a warehouse"
        ) from error
    try:
        yield connection
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise UserError(
            "not a warehouse of this project, or an older one", warehouse, "run make build"
        ) from error
    finally:
        connection.close()


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
