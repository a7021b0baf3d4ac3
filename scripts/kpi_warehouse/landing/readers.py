"""How each file format becomes text columns: one function per format, and the registry of them.

A reader takes a DuckDB connection, a file and the layout of its object, and returns the
layout's columns as text, in the order of the file, in batches. An empty text is NULL, an absent
optional column is all NULL, a column that the layout does not name is dropped. It raises
UserError for a file that it cannot read; what goes wrong while the batches are drawn is a
duckdb.Error, which the format's `explain` turns into a UserError. No message quotes a value.

This is the one place for the readers of native and dirty formats: write the function, add its
suffix to FORMATS. Names that come from a file are never put into SQL; columns are addressed by
position or by parameter.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.interface import ObjectLayout

# One Parquet row group of DuckDB: batches of this size are written without being cut again.
BATCH_ROWS = 122_880
# A header that is longer is none.
_HEAD_BYTES = 1 << 20
_EXPORT_AGAIN = "export it again"
_EXPORT_CSV = "export it as CSV in UTF-8 with commas"

Reader = Callable[[duckdb.DuckDBPyConnection, Path, ObjectLayout], pa.RecordBatchReader]
Explainer = Callable[[Path, duckdb.Error], UserError]


@dataclass(frozen=True)
class FileFormat:
    """How files of one suffix are read, and how DuckDB's complaints about them are worded."""

    read: Reader
    explain: Explainer
    is_plain_text: bool


@dataclass(frozen=True)
class CsvHeader:
    """The column names of a CSV file and the number of blank lines above them."""

    names: list[str]
    blank_lines: int


def read_csv(
    connection: duckdb.DuckDBPyConnection, path: Path, layout: ObjectLayout
) -> pa.RecordBatchReader:
    """Comma-separated text in UTF-8, strictly by RFC 4180, a byte order mark allowed."""
    header = read_csv_header(path)
    if len(header.names) == 1 and re.search("[;\t]", header.names[0]):
        raise UserError("not separated by commas", path, _EXPORT_CSV)
    positions = column_positions(header.names, layout, path)
    expressions = [
        f"c{positions[column]}" if column in positions else "cast(null as varchar)"
        for column in layout.columns
    ]
    return _stream(
        connection,
        f"""
        select {_select_list(expressions, layout)}
        from read_csv(
            $path, columns = $columns, header = true, skip = $skip, compression = $compression,
            delim = ',', quote = '"', escape = '"', nullstr = '', strict_mode = true,
            auto_detect = false, hive_partitioning = false
        )
        """,
        {
            "path": literal_glob(path),
            "columns": {f"c{index}": "VARCHAR" for index in range(len(header.names))},
            "skip": header.blank_lines,
            "compression": _compression(path),
        },
    )


def read_jsonl(
    connection: duckdb.DuckDBPyConnection, path: Path, layout: ObjectLayout
) -> pa.RecordBatchReader:
    """One JSON object per line in UTF-8; numbers as they are written, nested values as JSON."""
    records = "read_ndjson_objects($path, compression = $compression, hive_partitioning = false)"
    parameters = {"path": literal_glob(path), "compression": _compression(path)}
    try:
        keys = connection.execute(
            f"""
            select distinct unnest(
                case when json_type(json) = 'OBJECT' then json_keys(json) else [null] end
            )
            from {records}
            """,
            parameters,
        ).fetchall()
    except duckdb.Error as error:
        raise explain_jsonl(path, error) from error
    names = sorted(key for (key,) in keys if key is not None)
    if len(names) < len(keys):
        raise UserError("a line holds no JSON object", path, "write one object per line")
    if not names:
        raise UserError("holds no record", path, "export it again, or remove the file")

    # records may spell one key differently, so that each column has a list of places to look at
    places = column_spellings(names, layout)
    _require(places, layout, path)
    pointers = [name for column in layout.columns for name in places.get(column, [])]
    numbers = {name: number for number, name in enumerate(pointers, start=1)}
    expressions = []
    for column in layout.columns:
        spellings = [f"nullif(texts[{numbers[name]}], '')" for name in places.get(column, [])]
        expressions.append(f"coalesce({', '.join(['null', *spellings])})")
    return _stream(
        connection,
        f"""
        select {_select_list([f"cast({each} as varchar)" for each in expressions], layout)}
        from (select json_extract_string(json, $pointers) as texts from {records})
        """,
        {**parameters, "pointers": [_json_pointer(name) for name in pointers]},
    )


def read_parquet(
    connection: duckdb.DuckDBPyConnection, path: Path, layout: ObjectLayout
) -> pa.RecordBatchReader:
    """Parquet of any types: numbers without a change, times as ISO 8601 text in UTC."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(path) from error
    positions = column_positions(schema.names, layout, path)
    expressions = [
        _parquet_text(f"c{positions[column]}", schema.types[positions[column]])
        if column in positions
        else "cast(null as varchar)"
        for column in layout.columns
    ]
    aliases = ", ".join(f"c{index}" for index in range(len(schema.names)))
    return _stream(
        connection,
        f"""
        select {_select_list(expressions, layout)}
        from read_parquet($path, binary_as_string = true, hive_partitioning = false)
            as landed ({aliases})
        """,
        {"path": literal_glob(path)},
    )


def read_csv_header(path: Path) -> CsvHeader:
    """The first record of a CSV file. Raises UserError if the file does not begin with one."""
    head = _head(path)
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise UserError("empty, not even a header line", path, "export it again, or remove it")
    if b"\0" in head:
        raise not_text(path, head.index(b"\0"))
    try:
        text = _decode_head(head)
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise UserError(f"line {line} is not UTF-8", path, "export it as CSV in UTF-8") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    blank_lines = 0
    try:
        for names in rows:
            if names:
                return CsvHeader(names, blank_lines)
            blank_lines = rows.line_num
    except csv.Error as error:
        raise UserError("not CSV (line 1 cannot be parsed)", path, _EXPORT_CSV) from error
    raise UserError("no header line in its first megabyte", path, _EXPORT_CSV)


def column_positions(names: Sequence[str], layout: ObjectLayout, path: Path) -> dict[str, int]:
    """Where the layout's columns stand among the file's; case and outer blanks do not matter.

    Raises UserError if a mandatory column is missing or a column stands there twice.
    """
    spellings = column_spellings(names, layout)
    _require(spellings, layout, path)
    for column, found in spellings.items():
        if len(found) > 1:
            raise UserError(f"two columns {column}", path, "keep one of them")
    return {column: names.index(found[0]) for column, found in spellings.items()}


def column_spellings(names: Iterable[str], layout: ObjectLayout) -> dict[str, list[str]]:
    """For each column of the layout that the file has: the names that mean it, as written."""
    spellings: dict[str, list[str]] = {}
    for name in names:
        column = name.strip().casefold()
        if column in layout.columns:
            spellings.setdefault(column, []).append(name)
    return spellings


def literal_glob(path: Path) -> str:
    """The path as a DuckDB pattern that matches nothing but itself."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def not_text(path: Path, offset: int) -> UserError:
    """The complaint about a NUL byte, which no text file holds; UTF-16 and binary files do."""
    return UserError(f"not text in UTF-8 (byte {offset + 1} is binary)", path, _EXPORT_CSV)


def explain_csv(path: Path, error: duckdb.Error) -> UserError:
    """The line of a CSV file that DuckDB could not read, and why."""
    message = str(error)
    line = _first_number(r"CSV Error on Line: (\d+)", message)
    place = f"line {line}" if line else "a line"
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if "GZIP stream" in message:
        return _not_gzip(path)
    if "Invalid unicode" in message:
        return UserError(f"{place} is not UTF-8", path, "export it as CSV in UTF-8")
    if counts:
        what = f"{place} has {counts[2]} fields, the header {counts[1]}"
        return UserError(what, path, "mend the line, or export the file again")
    if "unterminated quote" in message:
        what = f"{place} has a quote that does not end its field"
        return UserError(what, path, "double quotes within quotes, or export the file again")
    if "Maximum line size" in message:
        return UserError(f"{place} is longer than 2 MB", path, "is a quote left open before it?")
    return UserError(f"{place} is not CSV", path, "export it again, with one kind of line ends")


def explain_jsonl(path: Path, error: duckdb.Error) -> UserError:
    """The line of a JSON Lines file that DuckDB could not read."""
    message = str(error)
    if "GZIP stream" in message:
        return _not_gzip(path)
    if "byte order mark" in message:
        return UserError("begins with a byte order mark", path, "save it as UTF-8 without one")
    # DuckDB counts the line after the one it could not read
    line = _first_number(r"in line (\d+)", message)
    place = f"line {line - 1}" if line else "a line"
    return UserError(f"{place} is not JSON in UTF-8", path, _EXPORT_AGAIN)


def explain_parquet(path: Path, error: duckdb.Error) -> UserError:
    """A Parquet file whose footer reads but whose pages do not."""
    del error  # names offsets and types only, nothing that helps the reader of the message
    return _not_parquet(path)


_CSV = FileFormat(read_csv, explain_csv, is_plain_text=True)
_CSV_GZ = FileFormat(read_csv, explain_csv, is_plain_text=False)
_JSONL = FileFormat(read_jsonl, explain_jsonl, is_plain_text=True)
_JSONL_GZ = FileFormat(read_jsonl, explain_jsonl, is_plain_text=False)
_PARQUET = FileFormat(read_parquet, explain_parquet, is_plain_text=False)

FORMATS: dict[str, FileFormat] = {
    ".csv": _CSV,
    ".csv.gz": _CSV_GZ,
    ".jsonl": _JSONL,
    ".jsonl.gz": _JSONL_GZ,
    ".parquet": _PARQUET,
}


def _stream(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object]
) -> pa.RecordBatchReader:
    return connection.sql(query, params=parameters).to_arrow_reader(BATCH_ROWS)


def _select_list(expressions: Sequence[str], layout: ObjectLayout) -> str:
    return ", ".join(
        f'{expression} as "{column}"'
        for expression, column in zip(expressions, layout.columns, strict=True)
    )


def _parquet_text(column: str, data_type: pa.DataType) -> str:
    if pa.types.is_timestamp(data_type) and data_type.tz:
        column = f"cast({column} as timestamp)"  # drops the zone; the connection's is UTC
    return f"nullif(cast({column} as varchar), '')"


def _require(found: dict[str, list[str]], layout: ObjectLayout, path: Path) -> None:
    missing = [column for column in layout.required if column not in found]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise UserError(
            f"mandatory {noun} {', '.join(missing)} missing",
            path,
            f"{layout.name} needs {', '.join(layout.required)}",
        )


def _head(path: Path) -> bytes:
    if _compression(path) == "none":
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    try:
        with gzip.open(path, "rb") as stream:
            return stream.read(_HEAD_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _not_gzip(path) from error


def _decode_head(head: bytes) -> str:
    """Decode strictly, but for a character that the end of a full head cuts in two."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    return decoder.decode(head, final=len(head) < _HEAD_BYTES)


def _compression(path: Path) -> str:
    return "gzip" if path.name.casefold().endswith(".gz") else "none"


def _json_pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _first_number(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text)
    return int(found[1]) if found else None


def _not_gzip(path: Path) -> UserError:
    return UserError("not gzip, or cut off", path, "compress it again")


def _not_parquet(path: Path) -> UserError:
    return UserError("not Parquet, or damaged", path, _EXPORT_AGAIN)
