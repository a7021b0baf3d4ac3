"""The ways to read a file of each format, as text columns: the fastest first.

A way of reading ("reading") gives the columns of the layout that a file may hold, as text, in the
order of the file. An empty text is NULL, an absent optional column is all NULL, a column that the
layout does not name is dropped. Beside them stands `_rule`: what is wrong with a row (`findings`),
or a question that only looking at the row can answer (`sieve`).

If a reading fails while it is drawn, the next one is asked: DuckDB reads strictly and in
parallel; what it does not take is read line by line. Names that come from a file are never put
into SQL; columns are addressed by position or by parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kpi_warehouse.landing import encodings
from kpi_warehouse.landing.csv_lines import (
    MAX_FIELD,
    CsvHeader,
    TolerantCsv,
    line_blocks,
    read_header,
)
from kpi_warehouse.landing.encodings import UTF_8, Content, Survey
from kpi_warehouse.landing.findings import FILE_CUT_OFF, FindingsWriter
from kpi_warehouse.landing.interface import ObjectLayout
from kpi_warehouse.landing.labels import (
    ColumnLabels,
    ColumnPlaces,
    column_places,
    column_spellings,
)
from kpi_warehouse.landing.mojibake import SUSPECT_PATTERN
from kpi_warehouse.landing.refusal import Refusal

# One Parquet row group of DuckDB: batches of this size are written without being cut again.
BATCH_ROWS = 122_880
_HEADER_LINES = 200
_BUFFER_BYTES = 32_000_000  # DuckDB's default for lines of its default length
_EXPORT_AGAIN = "export it again"

# `_rule` of a row that only has to be looked at
SUSPECT = "suspect"
SPARSE = "sparse"

# The first filled cell of a line that is no data. Compared with the whole cell, in any case.
_FOOTERS = "|".join(
    [
        r"(grand|sub|overall)?[ -]?totals?( *[(:=-].*)?",
        r"(総合計|総計|合計|小計|中計|計)(金額|件数)?( *[(（:：【\d].*)?",
        r"(copyright\b|©|\(c\) *(19|20)\d\d).*",
        r"confidential( information)?\b.*",
        r"機密(情報)?( *[-‐–—:：/].*)?",
        r"(report |file )?(generated|exported|created) (by|on|at)\b.*",
        r"(作成者|作成日時?|出力者|出力日時?|実行者|実行日時|レポート名) *[:：].*",
        r"\(?\d+ (rows?|records?)\)?( .*)?",
        r"end of (report|file|data)",
        r"以上",
    ]
)
_FOOTER_PATTERN = rf"(?is)^[\s*=<【\[_-]*({_FOOTERS})[\s*=>】\]_.-]*$"


class FileFormat(Enum):
    """What a file is, by its suffix."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"

    @property
    def is_text(self) -> bool:
        """Whether encodings matter."""
        return self is not FileFormat.PARQUET


FORMATS: dict[str, FileFormat] = {
    ".csv": FileFormat.CSV,
    ".csv.gz": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".tsv.gz": FileFormat.CSV,
    ".txt": FileFormat.CSV,
    ".txt.gz": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".jsonl.gz": FileFormat.JSONL,
    ".parquet": FileFormat.PARQUET,
}


@dataclass
class Extract:
    """One file that is being read: what is known of it, and what its readings report."""

    path: Path
    name: str
    format: FileFormat
    layout: ObjectLayout
    labels: ColumnLabels
    survey: Survey
    scratch: Path  # a file that does not exist yet
    # set by whoever draws the rows: a row is so empty that its dropped columns matter
    needs_every_column: bool = False


@dataclass
class Reading:
    """One way to read a file, while it is drawn."""

    draw: Callable[[], pa.RecordBatchReader]
    columns: tuple[str, ...]  # those that the file holds
    encoding: str | None = None
    delimiter: str | None = None
    twice: tuple[str, ...] = ()
    # read line by line: the batches have numbers, and do not hold all records
    is_numbered: bool = False
    record_count: Callable[[], int] | None = None


def readings(
    connect: Callable[[], duckdb.DuckDBPyConnection], extract: Extract, findings: Findings
) -> Iterator[Reading]:
    """The ways to read a file, to be tried in order. Raises Refusal if none makes sense."""
    read = {
        FileFormat.CSV: _csv_readings,
        FileFormat.JSONL: _jsonl_readings,
        FileFormat.PARQUET: _parquet_readings,
    }[extract.format]
    yield from read(connect, extract, findings)


class Findings:
    """Where the reading under way reports to; each reading starts with an empty account."""

    def __init__(self, path: Path, layout: ObjectLayout, file_name: str) -> None:
        self._place = (path, layout.system, layout.name, file_name)
        self._writer: FindingsWriter | None = None

    def start(self) -> FindingsWriter:
        """Forget what an earlier reading reported."""
        self.discard()
        self._writer = FindingsWriter(*self._place)
        return self._writer

    @property
    def writer(self) -> FindingsWriter:
        """The account of the reading under way."""
        return self._writer or self.start()

    def discard(self) -> None:
        """Drop the account and its file."""
        if self._writer:
            self._writer.close()
        self._place[0].unlink(missing_ok=True)
        self._writer = None


def literal_glob(path: Path) -> str:
    """The path as a DuckDB pattern that matches nothing but itself."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


# --------------------------------------------------------------------------------------- CSV


def _csv_readings(
    connect: Callable[[], duckdb.DuckDBPyConnection], extract: Extract, findings: Findings
) -> Iterator[Reading]:
    survey = extract.survey
    encoding, is_sure = encodings.encoding_of_head(survey.head)
    is_damaged = (
        survey.is_cut_off
        or survey.has_long_line
        or (survey.has_null and not encoding.startswith("utf-16"))
    )
    may_be_utf_8 = encoding == UTF_8 and encodings.decode_head(survey.head, UTF_8) is not None
    if may_be_utf_8 and not is_damaged:
        yield from _strict_csv(
            connect, extract, UTF_8, extract.path, survey.is_gzip, survey.may_hold_mojibake
        )
    content = Content(extract.path, extract.name)
    if not is_sure:
        encoding, has_bad_lines = encodings.find_encoding(content)
        is_damaged = is_damaged or has_bad_lines
    if encoding != UTF_8 and not is_damaged:
        try:
            is_suspicious = encodings.transcode(content, encoding, extract.scratch)
        except UnicodeError:
            pass
        else:
            yield from _strict_csv(
                connect, extract, encoding, extract.scratch, False, is_suspicious
            )
    yield _tolerant_csv(connect, extract, encoding, findings)


def _strict_csv(
    connect: Callable[[], duckdb.DuckDBPyConnection],
    extract: Extract,
    encoding: str,
    path: Path,
    is_gzip: bool,
    may_hold_mojibake: bool,
) -> Iterator[Reading]:
    header, places = _csv_header(extract, encoding)
    source = """
        read_csv(
            $path, columns = $columns, header = true, skip = $skip, compression = $compression,
            delim = $delimiter, quote = '"', escape = '"', nullstr = '', strict_mode = true,
            auto_detect = false, hive_partitioning = false,
            max_line_size = $max_line, buffer_size = $buffer
        )
    """
    parameters = {
        "path": literal_glob(path),
        "columns": {f"c{index}": "VARCHAR" for index in range(len(header.names))},
        "skip": header.lines_above,
        "compression": "gzip" if is_gzip else "none",
        "delimiter": header.delimiter,
        # a longer line is judged field by field by the tolerant reader
        "max_line": MAX_FIELD,
        "buffer": _BUFFER_BYTES,
    }
    for every_column in (False, True):
        rule, more = _csv_rule(extract.layout, header, places, may_hold_mojibake, every_column)
        try:
            stream = _stream(
                connect(),
                f"select {_columns(extract.layout, places)}, {rule} as _rule from {source}",
                {**parameters, **more},
            )
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            # DuckDB begins to read at once, and may meet the first bad line before anybody asks
            return
        yield Reading(stream, tuple(places.positions), encoding, header.delimiter, places.twice)
        if not extract.needs_every_column:
            break


def _tolerant_csv(
    connect: Callable[[], duckdb.DuckDBPyConnection],
    extract: Extract,
    encoding: str,
    findings: Findings,
) -> Reading:
    header, places = _csv_header(extract, encoding)
    writer = findings.start()
    content = Content(extract.path, extract.name)
    is_utf_16 = encoding.startswith("utf-16")
    reader = TolerantCsv(
        line_blocks(encodings.as_lines_of_bytes(content.chunks(), encoding)),
        UTF_8 if is_utf_16 else encoding,
        header,
        writer.add,
    )
    rule, parameters = _csv_rule(extract.layout, header, places, True, True, "_before")
    connection = connect()
    connection.register(
        "csv_lines",
        pa.RecordBatchReader.from_batches(
            reader.schema, _then(reader.batches(), lambda: _note_cut_off(content, writer))
        ),
    )
    cells = ", ".join(f"nullif(c{index}, '') as c{index}" for index in range(len(header.names)))
    return Reading(
        _stream(
            connection,
            f"""
            select {_columns(extract.layout, places)}, _row_number, {rule} as _rule
            from (select {cells}, _row_number, _before from csv_lines)
            """,
            parameters,
        ),
        tuple(places.positions),
        encoding,
        header.delimiter,
        places.twice,
        record_count=lambda: reader.record_count,
        is_numbered=True,
    )


def _csv_header(extract: Extract, encoding: str) -> tuple[CsvHeader, ColumnPlaces]:
    head = b"".join(encodings.as_lines_of_bytes(iter([extract.survey.head]), encoding))
    lines = head.splitlines(keepends=True)[:_HEADER_LINES]
    header = read_header(
        lines,
        UTF_8 if encoding.startswith("utf-16") else encoding,
        lambda names: len(column_spellings(names, extract.layout, extract.labels)),
    )
    places = column_places(header.names, extract.layout, extract.labels)
    if not places.positions:
        raise Refusal(
            "file_without_header",
            f"its first line names no column of {extract.layout.name}",
            _needs(extract.layout),
        )
    _require(places.positions, extract.layout)
    return header, places


def _csv_rule(
    layout: ObjectLayout,
    header: CsvHeader,
    places: ColumnPlaces,
    may_hold_mojibake: bool,
    every_column: bool,
    before: str | None = None,
) -> tuple[str, dict[str, object]]:
    """SQL of a row's `_rule`, and its parameters. Cheap for a row that is nothing special."""
    landed = sorted(places.positions.values())
    seen = list(range(len(header.names))) if every_column else landed
    cells = [f"c{index}" for index in seen]
    required = [places.positions[each] for each in layout.required if each in places.positions]
    parameters: dict[str, object] = {"footer": _FOOTER_PATTERN}

    # a header that stands there again, perhaps with the byte order mark of a file that was added
    same = []
    for number, index in enumerate(landed):
        parameters[f"name{number}"] = header.names[index].strip()
        match = f"c{index} = $name{number}"
        if index == 0:
            parameters["marked"] = f"\ufeff{header.names[index].strip()}"
            match = f"({match} or c{index} = $marked)"
        same.append(match)
    branches = [f"when {' and '.join(same)} then 'repeated_header'"]

    first_cell = f"coalesce({', '.join([*cells, 'null'])})"
    no_required = " and ".join(f"c{index} is null" for index in required) or "true"
    filled = " + ".join(f"cast({cell} is not null as integer)" for cell in cells)
    is_sparse = f"{no_required} and {filled} <= 1"
    # a total stands in the place of a key, or leaves one empty
    incomplete = " or ".join(f"c{index} is null" for index in required) or "true"
    if required == [0] or (layout.key and places.positions.get(layout.key[0]) == 0):
        incomplete = "true"
    if before:
        incomplete = f"{before} is not null or {incomplete}"
    is_footer = f"regexp_full_match({first_cell}, $footer)"
    every_cell_seen = every_column or len(landed) == len(header.names)
    if every_cell_seen:
        nothing = " and ".join(f"{cell} is null" for cell in cells)
        branches += [
            f"when ({incomplete}) and {is_footer} then 'footer_line'",
            f"when {nothing} then 'blank_line'",
        ]
        if required:
            branches.append(f"when {is_sparse} then 'footer_line'")
    else:
        branches += [
            f"when {is_sparse} then '{SPARSE}'",
            f"when ({incomplete}) and {is_footer} then 'footer_line'",
        ]
    if before:
        branches.append(f"when {before} is not null then {before}")
        branches.append(_oversized([f"c{index}" for index in landed]))
    if may_hold_mojibake:
        parameters["suspect"] = SUSPECT_PATTERN
        branches.append(_suspect([f"c{index}" for index in landed]))
    return f"case {' '.join(branches)} end", parameters


def _note_cut_off(content: Content, writer: FindingsWriter) -> None:
    if content.is_cut_off:
        writer.add(FILE_CUT_OFF)


# ------------------------------------------------------------------------------- JSON lines


def _jsonl_readings(
    connect: Callable[[], duckdb.DuckDBPyConnection], extract: Extract, findings: Findings
) -> Iterator[Reading]:
    """One JSON object per line; numbers as they are written, nested values as JSON."""
    survey = extract.survey
    encoding, is_sure = encodings.encoding_of_head(survey.head)
    has_mark = survey.head.startswith(b"\xef\xbb\xbf")
    is_damaged = survey.is_cut_off or survey.has_null or survey.has_long_line or has_mark
    if encoding == UTF_8 and not is_damaged:
        source = "read_ndjson_objects($path, compression = $compression, hive_partitioning = false)"
        parameters = {
            "path": literal_glob(extract.path),
            "compression": "gzip" if survey.is_gzip else "none",
        }
        try:
            keys = connect().execute(_json_keys(source), parameters).fetchall()
            yield _json_reading(connect(), extract, encoding, source, parameters, keys)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            pass  # some line is no JSON
    content = Content(extract.path, extract.name)
    if not is_sure:
        encoding, _ = encodings.find_encoding(content)

    def lines(writer: FindingsWriter | None) -> tuple[JsonLines, duckdb.DuckDBPyConnection]:
        reader = JsonLines(Content(extract.path, extract.name), encoding, writer)
        connection = connect()
        connection.register(
            "json_lines", pa.RecordBatchReader.from_batches(reader.schema, reader.batches())
        )
        return reader, connection

    source = """(
        select
            case when json_valid(line) and json_type(line) = 'OBJECT' then line end as json,
            _row_number
        from json_lines
    )"""
    _, connection = lines(None)
    keys = connection.execute(_json_keys(source)).fetchall()
    reader, connection = lines(findings.start())
    reading = _json_reading(connection, extract, encoding, source, {}, keys, is_numbered=True)
    reading.record_count = lambda: reader.record_count
    yield reading


class JsonLines:
    """The lines of a file, decodable ones as batches of `line` and `_row_number`."""

    schema = pa.schema([("line", pa.string()), ("_row_number", pa.int64())])

    def __init__(self, content: Content, encoding: str, writer: FindingsWriter | None) -> None:
        self.record_count = 0
        self._content = content
        self._encoding = encoding
        self._writer = writer

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Draw the lines."""
        encoding = UTF_8 if self._encoding.startswith("utf-16") else self._encoding
        chunks = encodings.as_lines_of_bytes(self._content.chunks(), self._encoding)
        for block in line_blocks(chunks):
            texts, numbers = [], []
            for line in block:
                if line is not None and not line.strip():
                    continue
                self.record_count += 1
                rule, text = self._judge(line, encoding)
                if rule is None:
                    texts.append(text)
                    numbers.append(self.record_count)
                elif self._writer:
                    self._writer.add(rule, self.record_count)
            yield pa.RecordBatch.from_arrays(
                [pa.array(texts, pa.string()), pa.array(numbers, pa.int64())], schema=self.schema
            )
        if self._writer:
            _note_cut_off(self._content, self._writer)

    @staticmethod
    def _judge(line: bytes | None, encoding: str) -> tuple[str | None, str]:
        if line is None:
            return "oversized_field", ""
        text = encodings.decode_line(line, encoding)
        if text is None:
            return "undecodable_row", ""
        return ("null_byte", "") if "\0" in text else (None, text)


def _json_keys(source: str) -> str:
    return f"select distinct unnest(json_keys(json)) from {source} where json_type(json) = 'OBJECT'"


def _json_reading(
    connection: duckdb.DuckDBPyConnection,
    extract: Extract,
    encoding: str,
    source: str,
    parameters: dict[str, object],
    keys: list[tuple[str]],
    is_numbered: bool = False,
) -> Reading:
    layout = extract.layout
    # records may spell one key differently, so that each column has a list of places to look at
    places = column_spellings(sorted(key for (key,) in keys), layout, extract.labels)
    if not places:
        raise Refusal(
            "file_without_header",
            f"no line is a JSON object with a key of {layout.name}",
            _needs(layout),
        )
    _require(places, layout)
    pointers = [name for column in layout.file_columns for name in places.get(column, [])]
    numbers = {name: number for number, name in enumerate(pointers, start=1)}
    expressions, cells = [], []
    for number, column in enumerate(layout.file_columns):
        spellings = [f"nullif(texts[{numbers[name]}], '')" for name in places.get(column, [])]
        value = f"coalesce({', '.join(['null', *spellings])})"
        expressions.append(f"cast({value} as varchar) as v{number}")
        if spellings:
            cells.append(f"v{number}")
    names = ", ".join(
        f'v{number} as "{column}"' for number, column in enumerate(layout.file_columns)
    )
    rule = f"""case
        when not is_object then 'not_json'
        {_oversized(cells)} {_with_null_byte(cells)} {_suspect(cells)}
    end"""
    row_number = "_row_number, " if is_numbered else ""
    return Reading(
        _stream(
            connection,
            f"""
            select {names}, {row_number} {rule} as _rule
            from (
                select {", ".join(expressions)}, {row_number} is_object
                from (
                    select
                        case when json_type(json) = 'OBJECT'
                            then json_extract_string(json, $pointers)
                        end as texts,
                        {row_number}
                        coalesce(json_type(json) = 'OBJECT', false) as is_object
                    from {source}
                )
            )
            """,
            {
                **parameters,
                "pointers": [_json_pointer(name) for name in pointers],
                "suspect": SUSPECT_PATTERN,
            },
        ),
        tuple(places),
        encoding,
        is_numbered=is_numbered,
    )


def _json_pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


# ---------------------------------------------------------------------------------- Parquet


def _parquet_readings(
    connect: Callable[[], duckdb.DuckDBPyConnection], extract: Extract, findings: Findings
) -> Iterator[Reading]:
    """Parquet of any types: numbers without a change, times as ISO 8601 text in UTC."""
    del findings  # what is damaged in a Parquet file is the whole file
    if not extract.survey.size:
        raise Refusal("file_empty", "empty (0 bytes)", "export it again, or remove it")
    try:
        schema = pq.read_schema(extract.path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise not_parquet() from error
    places = column_places(schema.names, extract.layout, extract.labels)
    _require(places.positions, extract.layout)
    texts = [
        f"{_parquet_text(f'c{index}', schema.types[index])} as t{index}"
        for index in sorted(places.positions.values())
    ]
    cells = [f"t{index}" for index in sorted(places.positions.values())]
    names = ", ".join(
        f't{places.positions[column]} as "{column}"'
        if column in places.positions
        else f'cast(null as varchar) as "{column}"'
        for column in extract.layout.file_columns
    )
    aliases = ", ".join(f"c{index}" for index in range(len(schema.names)))
    rule = f"case {_oversized(cells)} {_with_null_byte(cells)} {_suspect(cells)} end"
    yield Reading(
        _stream(
            connect(),
            f"""
            select {names}, {rule} as _rule
            from (
                select {", ".join(texts)}
                from read_parquet($path, binary_as_string = true, hive_partitioning = false)
                    as landed ({aliases})
            )
            """,
            {"path": literal_glob(extract.path), "suspect": SUSPECT_PATTERN},
        ),
        tuple(places.positions),
        twice=places.twice,
    )


def not_parquet() -> Refusal:
    """The refusal of a file whose footer or pages do not read."""
    return Refusal("file_not_parquet", "not Parquet, or damaged", _EXPORT_AGAIN)


def _parquet_text(column: str, data_type: pa.DataType) -> str:
    if pa.types.is_timestamp(data_type) and data_type.tz:
        column = f"cast({column} as timestamp)"  # drops the zone; the connection's is UTC
    return f"nullif(cast({column} as varchar), '')"


# ----------------------------------------------------------------------------------- shared


def _stream(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object]
) -> Callable[[], pa.RecordBatchReader]:
    return lambda: connection.sql(query, params=parameters).to_arrow_reader(BATCH_ROWS)


def _columns(layout: ObjectLayout, places: ColumnPlaces) -> str:
    return ", ".join(
        f'c{places.positions[column]} as "{column}"'
        if column in places.positions
        else f'cast(null as varchar) as "{column}"'
        for column in layout.file_columns
    )


def _oversized(cells: Sequence[str]) -> str:
    sizes = " or ".join(f"strlen({cell}) > {MAX_FIELD}" for cell in cells)
    return f"when {sizes} then 'oversized_field'"


def _with_null_byte(cells: Sequence[str]) -> str:
    return f"when contains(concat({', '.join(cells)}), chr(0)) then 'null_byte'"


def _suspect(cells: Sequence[str]) -> str:
    return f"when regexp_matches(concat_ws(' ', {', '.join(cells)}), $suspect) then '{SUSPECT}'"


def _require(found: object, layout: ObjectLayout) -> None:
    missing = [column for column in layout.required if column not in found]
    if set(missing) <= set(layout.key) and layout.key_from and set(layout.key_from) <= set(found):
        return  # the key is made of them
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise Refusal(
            "file_without_mandatory_column",
            f"mandatory {noun} {', '.join(missing)} missing",
            _needs(layout),
        )


def _needs(layout: ObjectLayout) -> str:
    return f"{layout.name} needs {', '.join(layout.required)}"


def _then(
    batches: Iterator[pa.RecordBatch], finish: Callable[[], None]
) -> Iterator[pa.RecordBatch]:
    yield from batches
    finish()
