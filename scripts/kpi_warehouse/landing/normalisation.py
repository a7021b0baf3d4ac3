"""How landing asks for values to be brought into their one form, and the form "as they are"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import duckdb


class ValueFinding(Protocol):
    """What was found in one column of a file: from which row on, and in how many rows."""

    column_name: str
    rule: str
    row_number: int | None
    row_count: int


class FileValues(Protocol):
    """The forms that the columns of one file may have."""

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Register what the expressions call."""

    def expression(
        self, column_name: str, data_type: str, column_sql: str, row_number_sql: str
    ) -> str:
        """SQL that gives the text of a column in its one form."""

    def folded(self, kind: str, source_column_sql: str) -> str:
        """SQL that gives a key to compare by, of the kind `company`."""

    def findings(self) -> Sequence[ValueFinding]:
        """What was repaired or could not be read, after the expressions ran."""


class SourceFormats(Protocol):
    """The declared forms of all sources."""

    def fingerprint(self, system: str, object_name: str) -> str:
        """Changes when files of the object have to be read again."""

    def for_file(self, system: str, object_name: str, file_name: str) -> FileValues:
        """The forms of one file; ask again for every reading."""


class AsTheyAre:
    """Formats that change nothing; they are their own file values."""

    def fingerprint(self, system: str, object_name: str) -> str:
        """Never changes."""
        del system, object_name
        return ""

    def for_file(self, system: str, object_name: str, file_name: str) -> AsTheyAre:
        """The same for every file."""
        del system, object_name, file_name
        return self

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Nothing to register."""
        del connection

    def expression(
        self, column_name: str, data_type: str, column_sql: str, row_number_sql: str
    ) -> str:
        """The column itself."""
        del column_name, data_type, row_number_sql
        return column_sql

    def folded(self, kind: str, source_column_sql: str) -> str:
        """The text in lower case, without outer blanks."""
        del kind
        return f"lower(trim({source_column_sql}))"

    def findings(self) -> Sequence[ValueFinding]:
        """There are none."""
        return ()
