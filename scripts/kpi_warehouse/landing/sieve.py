"""Between reading and writing: rows get their numbers, and those that are no good are left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_warehouse.landing.findings import FindingsWriter
from kpi_warehouse.landing.mojibake import is_mojibake
from kpi_warehouse.landing.readers import SPARSE, SUSPECT, Extract, Reading


class EveryColumnNeeded(Exception):  # noqa: N818  a question to the reader, not an error
    """A row is so empty that the columns which do not land decide what it is."""


class Sieve:
    """Draws a reading, reports the rows that are no good, and passes the others on.

    `record_count` is known when all is drawn. An exception that passes through DuckDB loses its
    type there: it is kept in `error`.
    """

    def __init__(self, extract: Extract, reading: Reading, writer: FindingsWriter) -> None:
        self.error: Exception | None = None
        self._rows = reading.draw()
        self._extract = extract
        self._reading = reading
        self._writer = writer
        self._drawn = 0

    @property
    def record_count(self) -> int:
        """Records that the file holds, bad ones included."""
        return self._reading.record_count() if self._reading.record_count else self._drawn

    def batches(self) -> pa.RecordBatchReader:
        """The good rows, with `_row_number` as the last column.

        Counting here, and not by a window function, leaves DuckDB free to write in parallel.
        """
        fields = [
            field for field in self._rows.schema if field.name not in ("_rule", "_row_number")
        ]
        schema = pa.schema([*fields, pa.field("_row_number", pa.int64())])
        return pa.RecordBatchReader.from_batches(schema, self._guarded(schema))

    def _guarded(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._rows:
                yield self._sift(batch, schema)
        except Exception as error:
            self.error = error
            raise

    def _sift(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        if self._reading.is_numbered:
            numbers = batch.column("_row_number")
        else:
            first = self._drawn + 1
            numbers = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
        self._drawn += batch.num_rows
        columns = [batch.column(name) for name in schema.names[:-1]]
        good = pa.RecordBatch.from_arrays([*columns, numbers], schema=schema)
        rules = batch.column("_rule")
        if rules.null_count == batch.num_rows:
            return good
        keep = np.ones(batch.num_rows, dtype=bool)
        marked = np.flatnonzero(pc.is_valid(rules).to_numpy(zero_copy_only=False))
        for index in marked.tolist():
            rule, column = rules[index].as_py(), None
            if rule == SPARSE:
                self._extract.needs_every_column = True
                raise EveryColumnNeeded
            if rule == SUSPECT:
                column = self._damaged_column(good, index)
                if column is None:
                    continue
                rule = "mojibake"
            self._writer.add(rule, numbers[index].as_py(), column)
            keep[index] = False
        kept = np.flatnonzero(keep)
        if len(kept) == batch.num_rows:
            return good
        return pa.RecordBatch.from_arrays(
            [_take(column, kept) for column in good.columns], schema=schema
        )

    def _damaged_column(self, batch: pa.RecordBatch, index: int) -> str | None:
        for name in self._reading.columns:
            text = batch.column(name)[index].as_py()
            if text and is_mojibake(text):
                return name
        return None


def _take(column: pa.Array, indices: np.ndarray) -> pa.Array:
    # pyarrow has no kernel for views of text; the few batches concerned are copied
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string()).take(pa.array(indices)).cast(column.type)
    return column.take(pa.array(indices))
