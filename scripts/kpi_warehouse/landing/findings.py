"""What landing has to say about rows: one finding per row that did not land as it came.

A finding names file, row, column and rule; it never holds a value.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq

REJECTED = "rejected"
EXCLUDED = "excluded"

# rule -> fate of the row; a rule that is not here keeps the row
FATES = {
    "ragged_row": REJECTED,
    "open_quote": REJECTED,
    "cut_off_row": REJECTED,
    "undecodable_row": REJECTED,
    "oversized_field": REJECTED,
    "null_byte": REJECTED,
    "mojibake": REJECTED,
    "not_json": REJECTED,
    "repeated_header": EXCLUDED,
    "footer_line": EXCLUDED,
    "blank_line": EXCLUDED,
}

# of the whole file, or of one of its columns; the rows are kept
COLUMN_TWICE = "column_twice"
KEY_DERIVED = "key_derived"
FILE_CUT_OFF = "file_cut_off"

SCHEMA = pa.schema(
    [
        ("system", pa.string()),
        ("object", pa.string()),
        ("file_name", pa.string()),
        ("row_number", pa.int64()),
        ("column_name", pa.string()),
        ("rule", pa.string()),
        ("fate", pa.string()),
        ("row_count", pa.int64()),
    ]
)
_ROWS_IN_MEMORY = 50_000


@dataclass(frozen=True)
class FindingCounts:
    """Rows by rule: those that did not land, and those that landed with something to say."""

    rejected: dict[str, int]
    excluded: dict[str, int]
    kept: dict[str, int]

    @property
    def rejected_rows(self) -> int:
        """Rows that were rejected."""
        return sum(self.rejected.values())

    @property
    def excluded_rows(self) -> int:
        """Lines that are no data."""
        return sum(self.excluded.values())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.rejected or self.excluded or self.kept)

    def __add__(self, other: FindingCounts) -> FindingCounts:
        return FindingCounts(
            *(
                dict(Counter(mine) + Counter(theirs))
                for mine, theirs in (
                    (self.rejected, other.rejected),
                    (self.excluded, other.excluded),
                    (self.kept, other.kept),
                )
            )
        )


NO_FINDINGS = FindingCounts({}, {}, {})


class FindingsWriter:
    """Collects the findings of one file in a Parquet file; memory stays bounded.

    The Parquet file comes into being with the first finding. `close` must be called. Who splits a
    file into rows and who looks at the rows may add from threads of their own.
    """

    def __init__(self, path: Path, system: str, object_name: str, file_name: str) -> None:
        self.path = path
        self._place = (system, object_name, file_name)
        self._lock = Lock()
        self._rows: list[tuple] = []
        self._blank_lines: list[int] = []  # the first, and how many
        self._writer: pq.ParquetWriter | None = None
        self._counts: dict[str | None, Counter[str]] = {
            REJECTED: Counter(),
            EXCLUDED: Counter(),
            None: Counter(),
        }

    @property
    def counts(self) -> FindingCounts:
        """What was found so far."""
        return FindingCounts(*(dict(self._counts[fate]) for fate in (REJECTED, EXCLUDED, None)))

    def add(
        self,
        rule: str,
        row_number: int | None = None,
        column_name: str | None = None,
        row_count: int = 1,
    ) -> None:
        """Add one finding; its fate follows from its rule."""
        fate = FATES.get(rule)
        with self._lock:
            self._counts[fate][rule] += row_count
            if rule == "blank_line":
                # a spreadsheet may leave thousands of them: one finding for all
                first, count = self._blank_lines or (row_number, 0)
                self._blank_lines = [min(first, row_number), count + row_count]
                return
            self._append(row_number, column_name, rule, fate, row_count)

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            if self._blank_lines:
                first, count = self._blank_lines
                self._append(first, None, "blank_line", EXCLUDED, count)
            self._flush()
            if self._writer:
                self._writer.close()

    def _append(self, *row: object) -> None:
        self._rows.append((*self._place, *row))
        if len(self._rows) >= _ROWS_IN_MEMORY:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self.path, SCHEMA)
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self._rows.clear()
