"""CSV as it really comes: line by line, every bad line told from the good ones around it.

The strict reader of DuckDB stops at the first defect of a file. This reader goes on: it yields
the good rows as Arrow batches with their true record numbers, and reports the others.
Memory stays bounded whatever the file holds.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from kpi_warehouse.landing.encodings import decode_line
from kpi_warehouse.landing.refusal import Refusal

MAX_FIELD = 1 << 20
# A record whose quoted fields run over more lines, or more text, is an open quote.
MAX_RECORD_LINES = 1000
_MAX_RECORD_BYTES = 2 << 20
_MAX_LINE = 4 << 20
# How often a growing record is parsed before its quote counts as open.
_MAX_ATTEMPTS = 20
_BATCH_ROWS = 16_384
# Lines after the last row that are a report's footer, not torn rows.
_MAX_FOOTER_LINES = 20
_EXPORT_CSV = "export it as CSV in UTF-8 with commas"

# the module's own limit of 128 KiB is lower than what a real memo field holds
csv.field_size_limit(MAX_FIELD)

Report = Callable[[str, int], None]


@dataclass(frozen=True)
class CsvHeader:
    """The column names of a CSV file, what separates them, and the lines they take."""

    names: list[str]
    delimiter: str
    lines_above: int
    lines: int  # those above included


@dataclass
class Lines:
    """Physical lines, looked ahead as far as a record needs."""

    blocks: Iterator[list[bytes | None]]
    _drawn: list[bytes | None] = field(default_factory=list)
    # lines are counted off, not deleted one by one: a block may hold half a million
    _first: int = 0

    def __len__(self) -> int:
        """Number of lines drawn and not yet dropped."""
        return len(self._drawn) - self._first

    def __getitem__(self, position: int) -> bytes | None:
        """One of them, the next at 0."""
        return self._drawn[self._first + position]

    def has(self, count: int) -> bool:
        """Whether so many lines are left; draws further blocks."""
        while len(self) < count:
            block = next(self.blocks, None)
            if block is None:
                return False
            self._drawn = self.waiting() + block
            self._first = 0
        return True

    def waiting(self) -> list[bytes | None]:
        """All lines drawn and not yet dropped."""
        return self._drawn[self._first :]

    def drop(self, count: int) -> None:
        """Take lines off the front."""
        self._first += count


def read_header(
    lines: Sequence[bytes], encoding: str, is_better: Callable[[list[str]], int]
) -> CsvHeader:
    """The first record that is not blank, separated so that most columns are known.

    Raises Refusal if there is none, or it cannot be read.
    """
    texts: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = decode_line(line, encoding)
        if text is None:
            if any(each.strip() for each in texts):
                break  # damage after the header is for the rows' reader
            raise Refusal("file_not_text", f"line {number} is not {encoding.upper()}", _EXPORT_CSV)
        texts.append(text)
    candidates = [header for mark in ",\t;" if (header := _header(texts, mark))]
    if not candidates:
        raise Refusal("file_without_header", "its first line cannot be parsed", _EXPORT_CSV)
    return max(candidates, key=lambda each: (is_better(each.names), len(each.names)))


def _header(texts: Sequence[str], delimiter: str) -> CsvHeader | None:
    rows = csv.reader(texts, delimiter=delimiter, strict=True)
    above = 0
    try:
        for names in rows:
            if any(name.strip() for name in names):
                return CsvHeader(names, delimiter, above, rows.line_num)
            above = rows.line_num
    except csv.Error:
        pass
    return None


def line_blocks(chunks: Iterator[bytes]) -> Iterator[list[bytes | None]]:
    """Physical lines with their ends, many at a time; None for a line that is far too long."""
    rest = b""
    is_skipping = False
    for chunk in chunks:
        data = rest + chunk
        # a carriage return at the very end may be half of a line end
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        lines: list[bytes | None] = list(data[:end].splitlines(keepends=True))
        rest = data[end:]
        if is_skipping and lines:
            lines[0], is_skipping = None, False
        if is_skipping:
            rest = rest[-1:]
        elif len(rest) > _MAX_LINE:
            is_skipping, rest = True, rest[-1:]
        if lines:
            yield lines
    if is_skipping:
        yield [None]
    elif rest:
        yield rest.splitlines(keepends=True)


class TolerantCsv:
    """The rows of a CSV file, good ones as batches, bad ones by `report(rule, row_number)`.

    A batch has the columns c0 … cN of the header as text, `_row_number`, and `_before`: the rule
    that a row with too few fields breaks unless it turns out to be no data at all.
    """

    def __init__(
        self, blocks: Iterator[list[bytes | None]], encoding: str, header: CsvHeader, report: Report
    ) -> None:
        self.record_count = 0
        self._lines = Lines(blocks)
        self._encoding = encoding
        self._header = header
        self._width = len(header.names)
        self._report = report
        self._rows: list[Sequence[str]] = []
        self._numbers: list[int] = []
        self._rules: list[str | None] = []
        self._footer: list[int] = []
        self._is_after_blank = False
        self.schema = pa.schema(
            [
                *((f"c{index}", pa.string()) for index in range(self._width)),
                ("_row_number", pa.int64()),
                ("_before", pa.string()),
            ]
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Draw the rows."""
        self._lines.has(self._header.lines)
        self._lines.drop(self._header.lines)
        while self._lines.has(1):
            rows = self._good_rows(self._lines.waiting())
            if rows is not None:
                self._lines.drop(len(self._lines))
                self._keep_all(rows)
            else:
                for _ in range(len(self._lines)):
                    if len(self._lines):
                        self._next_record()
                    if len(self._rows) >= _BATCH_ROWS:
                        yield self._batch()
            while len(self._rows) >= _BATCH_ROWS:
                yield self._batch()
        if len(self._footer) <= _MAX_FOOTER_LINES:
            self._release_footer("footer_line")
        self._release_footer("ragged_row")
        if self._rows:
            yield self._batch()

    def _good_rows(self, lines: list[bytes | None]) -> list[list[str]] | None:
        """All rows of a block, if nothing is wrong with any of them."""
        if None in lines:
            return None
        text = decode_line(b"".join(lines), self._encoding)
        if text is None or "\0" in text:
            return None
        try:
            rows = [row for row in self._parse(io.StringIO(text, newline="")) if row]
        except csv.Error:
            return None
        return rows if all(len(row) == self._width for row in rows) else None

    def _keep_all(self, rows: list[list[str]]) -> None:
        if not rows:
            return
        self._release_footer("ragged_row")
        first = self.record_count + 1
        self.record_count += len(rows)
        self._rows += rows
        self._numbers += range(first, first + len(rows))
        self._rules += [None] * len(rows)

    def _next_record(self) -> None:
        """Take one record off the waiting lines, and keep or report it."""
        line = self._lines[0]
        if line is not None and not line.strip():
            self._drop(1)
            self._is_after_blank = True
            return
        self.record_count += 1
        is_torn = not self._lines.has(2) and line is not None and not line.endswith((b"\n", b"\r"))
        text = None if line is None else decode_line(line, self._encoding)
        rule = None
        if line is None:
            rule = "oversized_field"
        elif text is None:
            rule = "undecodable_row"
        elif "\0" in text:
            rule = "null_byte"
        if rule:
            # a file may be cut within a character
            self._reject("cut_off_row" if is_torn and rule == "undecodable_row" else rule)
            return
        try:
            (row,) = self._parse([text])
        except csv.Error as error:
            if "field limit" in str(error):
                self._reject("oversized_field")
            elif "unexpected end" in str(error):
                self._join(text, is_torn)
            else:
                self._reject("open_quote")
            return
        self._keep(row, is_torn)

    def _keep(self, row: list[str], is_torn: bool) -> None:
        self._drop(1)
        filled = len(row)
        if filled > self._width:
            if any(row[self._width :]):
                self._report("ragged_row", self.record_count)
                return
            row = row[: self._width]
        if filled >= self._width:
            self._release_footer("ragged_row")
            self._add(row, None)
            return
        if filled == 1 and self._width > 2 and self._is_after_blank and not is_torn:
            self._footer.append(self.record_count)
            return
        rule = "cut_off_row" if is_torn else "ragged_row"
        self._add(row + [""] * (self._width - filled), rule)

    def _join(self, text: str, is_torn: bool) -> None:
        """A quote is open: add lines until it closes, within bounds."""
        if is_torn:
            self._reject("cut_off_row")
            return
        attempts, size = 0, len(text)
        parts = [text]
        while len(parts) < MAX_RECORD_LINES and attempts < _MAX_ATTEMPTS:
            if not self._lines.has(len(parts) + 1):
                self._reject_open_end(len(parts))
                return
            line = self._lines[len(parts)]
            further = None if line is None else decode_line(line, self._encoding)
            if further is None or "\0" in further:
                break
            parts.append(further)
            size += len(further)
            if size > _MAX_RECORD_BYTES:
                break
            if '"' not in further:
                continue
            attempts += 1
            try:
                (row,) = self._parse(parts)
            except csv.Error as error:
                if "unexpected end" in str(error):
                    continue
                break
            except ValueError:  # more than one record: the quote closed, and another line followed
                break
            if len(row) < self._width or any(row[self._width :]):
                break
            self._drop(len(parts))
            self._release_footer("ragged_row")
            self._add(row[: self._width], None)
            return
        self._reject("open_quote")

    def _reject_open_end(self, line_count: int) -> None:
        """The file ends within quotes: one torn record, unless the lines below are good rows."""
        if any(self._is_row(self._lines[below]) for below in range(1, line_count)):
            self._reject("open_quote")
        else:
            self._reject("cut_off_row", line_count)

    def _is_row(self, line: bytes | None) -> bool:
        text = None if line is None else decode_line(line, self._encoding)
        if not text:
            return False
        try:
            rows = list(self._parse([text]))
        except csv.Error:
            return False
        return bool(rows) and len(rows[0]) == self._width

    def _parse(self, lines: Iterator[str] | Sequence[str]) -> Iterator[list[str]]:
        # a blank before a quote does not make the quote a part of the value; so reads DuckDB
        return csv.reader(
            lines, delimiter=self._header.delimiter, strict=True, skipinitialspace=True
        )

    def _reject(self, rule: str, line_count: int = 1) -> None:
        self._drop(line_count)
        self._report(rule, self.record_count)

    def _drop(self, line_count: int) -> None:
        self._lines.drop(line_count)

    def _add(self, row: Sequence[str], rule: str | None) -> None:
        self._rows.append(row)
        self._numbers.append(self.record_count)
        self._rules.append(rule)

    def _release_footer(self, rule: str) -> None:
        self._is_after_blank = False
        for number in self._footer:
            self._report(rule, number)
        self._footer.clear()

    def _batch(self) -> pa.RecordBatch:
        rows, self._rows = self._rows[:_BATCH_ROWS], self._rows[_BATCH_ROWS:]
        numbers, self._numbers = self._numbers[:_BATCH_ROWS], self._numbers[_BATCH_ROWS:]
        rules, self._rules = self._rules[:_BATCH_ROWS], self._rules[_BATCH_ROWS:]
        return pa.RecordBatch.from_arrays(
            [
                *(pa.array(column, pa.string()) for column in zip(*rows, strict=True)),
                pa.array(numbers, pa.int64()),
                pa.array(rules, pa.string()),
            ],
            schema=self.schema,
        )
