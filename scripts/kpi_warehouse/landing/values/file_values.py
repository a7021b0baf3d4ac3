"""The values of one file: SQL to normalise its columns, and an account of what was done."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from kpi_warehouse.landing.values.columns import Plan, plan_of
from kpi_warehouse.landing.values.companies import company_key
from kpi_warehouse.landing.values.reading import Reading

# Readings that are kept per column: real columns repeat few odd values, and memory is bounded.
_KEPT_READINGS = 20_000
_KEPT_LENGTH = 64
_FOLDS: dict[str, Callable[[str], str | None]] = {"company": company_key}
# A connection may see the values of many files; each has a function of its own.
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, order=True)
class ValueFinding:
    """What was repaired or could not be kept in one column: how often, and where first."""

    column_name: str
    rule: str
    row_number: int
    row_count: int


class Values:
    """Normalises the columns of one file while a query lands it.

    Usage: `prepare` a connection, put `expression` and `folded` into ONE query on it (or on a
    cursor of it), each expression once, draw all rows, then ask for the `findings`. Keep the
    object until the query is over. Thread-safe.
    """

    def __init__(self, file_name: str, forms_of: Callable[[str, str], Mapping[str, str]]) -> None:
        self.file_name = file_name
        self._forms_of = forms_of
        self._function = f"landing_value_{next(_NUMBERS)}"
        self._columns: list[_OddValues] = []
        self._prepared: duckdb.DuckDBPyConnection | None = None

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the function known to a connection; close that one last."""
        # a connection outlives the values of a file and shall not keep what they remember
        values = weakref.ref(self)

        def read_batch(
            texts: pa.ChunkedArray, rows: pa.ChunkedArray, columns: pa.ChunkedArray
        ) -> pa.Array:
            return values()._read_batch(texts, rows, columns)

        # the engine crashes if the connection that made a function is gone and another calls it
        self._prepared = connection
        connection.create_function(
            self._function,
            read_batch,
            ["VARCHAR", "BIGINT", "INTEGER"],
            "VARCHAR",
            type="arrow",
            null_handling="special",
            # no planner may call it twice for one row: it counts what it finds
            side_effects=True,
        )

    def expression(
        self, column_name: str, data_type: str, column_sql: str, row_number_sql: str
    ) -> str:
        """SQL that gives the normalised text of a text column.

        Args:
            column_name: The column's name in the layout.
            data_type: Its type in the layout.
            column_sql: The text; named several times, so a plain reference.
            row_number_sql: The row's number, for the findings.
        """
        plan = plan_of(column_name, data_type, lambda kind: self._forms_of(column_name, kind))
        if plan is None:
            return column_sql
        odd = self._call(column_name, plan.read, column_sql, row_number_sql)
        return _case(plan, column_sql, odd)

    def folded(self, kind: str, source_column_sql: str) -> str:
        """SQL of a key to compare by, derived from a text column. `kind`: company.

        Raises KeyError for another kind.
        """
        fold = _FOLDS[kind]
        call = self._call(
            kind, lambda text: Reading(fold(text)), source_column_sql, "cast(null as bigint)"
        )
        return f"case when {source_column_sql} is not null then {call} end"

    def findings(self) -> list[ValueFinding]:
        """What was found so far, per column and rule, by column."""
        return sorted(finding for column in self._columns for finding in column.findings())

    def _call(
        self, name: str, read: Callable[[str], Reading], column_sql: str, row_number_sql: str
    ) -> str:
        self._columns.append(_OddValues(name, read))
        return (
            f"{self._function}({column_sql}, cast({row_number_sql} as bigint), "
            f"{len(self._columns) - 1})"
        )

    def _read_batch(
        self, texts: pa.ChunkedArray, rows: pa.ChunkedArray, columns: pa.ChunkedArray
    ) -> pa.Array:
        if len(texts) == 0:
            return pa.array([], pa.string())
        return self._columns[columns[0].as_py()].read_batch(texts, rows)


class _OddValues:
    """Reads the odd values of one column, each distinct one once, and counts what it finds."""

    def __init__(self, column_name: str, read: Callable[[str], Reading]) -> None:
        self._column_name = column_name
        self._read = read
        self._kept: dict[str, Reading] = {}
        # rule -> first row, number of rows
        self._found: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def read_batch(self, texts: pa.ChunkedArray, rows: pa.ChunkedArray) -> pa.Array:
        """The texts to land, in order."""
        encoded = texts.combine_chunks().dictionary_encode()
        readings = [self._reading(text) for text in encoded.dictionary.to_pylist()]
        if any(reading.rule for reading in readings):
            self._count(readings, encoded.indices, rows)
        landed = pa.array([reading.text for reading in readings], pa.string())
        return landed.take(encoded.indices)

    def findings(self) -> list[ValueFinding]:
        """One finding per rule."""
        with self._lock:
            found = dict(self._found)
        return [
            ValueFinding(self._column_name, rule, first, count)
            for rule, (first, count) in found.items()
        ]

    def _reading(self, text: str) -> Reading:
        reading = self._kept.get(text)
        if reading is None:
            reading = self._read(text)
            if len(text) <= _KEPT_LENGTH and len(self._kept) < _KEPT_READINGS:
                self._kept[text] = reading
        return reading

    def _count(self, readings: list[Reading], indices: pa.Array, rows: pa.ChunkedArray) -> None:
        # NULLs are read as nothing and stand behind the last reading here
        positions = indices.fill_null(len(readings)).to_numpy(zero_copy_only=False)
        numbers = rows.to_numpy()
        for rule in {reading.rule for reading in readings if reading.rule}:
            has_rule = np.array([reading.rule == rule for reading in readings] + [False])
            found = numbers[has_rule[positions]]
            with self._lock:
                first, count = self._found.get(rule, (int(found.min()), 0))
                self._found[rule] = (min(first, int(found.min())), count + len(found))


def _case(plan: Plan, column_sql: str, odd: str) -> str:
    if plan.reads_only_where:
        condition = plan.reads_only_where.format(x=column_sql)
        return f"case when {condition} then {odd} else {column_sql} end"
    branches = [f"when {column_sql} is null then null"]
    branches += [
        f"when {condition.format(x=column_sql)} then {value.format(x=column_sql)}"
        for condition, value in plan.short_cuts.items()
    ]
    return f"case {' '.join(branches)} else {odd} end"
