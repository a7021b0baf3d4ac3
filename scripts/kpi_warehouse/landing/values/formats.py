"""The file that says which forms the columns of each source may have."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.values.file_values import Values
from kpi_warehouse.landing.values.forms import CONFLICTS, FORMS, INSTANT_FORMS
from kpi_warehouse.landing.values.nulls import OWN_WORD

COLUMNS = ("system", "object", "column_name", "kind", "form", "time_zone", "note")
ANY = "*"
# Part of every fingerprint: raise it when a form is read otherwise, and all files are read again.
READING = 1


@dataclass(frozen=True, order=True)
class Format:
    """One form that the values of a kind may have: in which system, object and column."""

    system: str
    object: str
    column_name: str
    kind: str
    form: str
    time_zone: str

    def applies(self, system: str, object_name: str, column_name: str) -> bool:
        """Whether the row is about this column."""
        return all(
            declared in (ANY, name)
            for declared, name in (
                (self.system, system),
                (self.object, object_name),
                (self.column_name, column_name),
            )
        )

    @property
    def scope(self) -> tuple[bool, bool, bool]:
        """How narrow the row is; a column outweighs an object, an object a system."""
        return self.column_name != ANY, self.object != ANY, self.system != ANY


@dataclass(frozen=True)
class Formats:
    """Every declared form of every source."""

    rows: tuple[Format, ...]

    def fingerprint(self, system: str, object_name: str) -> str:
        """Changes when files of the object have to be read again."""
        about = sorted(
            astuple(row) for row in self.rows if row.applies(system, object_name, row.column_name)
        )
        content = [READING, phonenumbers.__version__, about]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def for_file(self, system: str, object_name: str, file_name: str) -> Values:
        """The values of one file, to be normalised while it is landed."""
        return Values(
            file_name, lambda column, kind: self.forms_of(system, object_name, column, kind)
        )

    def forms_of(
        self, system: str, object_name: str, column_name: str, kind: str
    ) -> dict[str, str]:
        """The forms of a column and the time zone of each; the narrowest rows replace the wider."""
        rows = [
            row
            for row in self.rows
            if row.kind == kind and row.applies(system, object_name, column_name)
        ]
        narrowest = max((row.scope for row in rows), default=None)
        return {row.form: row.time_zone for row in rows if row.scope == narrowest}


def read_formats(path: Path) -> Formats:
    """Read and check the file.

    Raises UserError, with file and row, for a file of other columns, an unknown kind, form or
    time zone, a row that is there twice, and forms of one column that would read one text in
    two ways.
    """
    rows: list[Format] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = csv.reader(file, strict=True)
            if tuple(next(records, ())) != COLUMNS:
                raise UserError(
                    "is not a list of forms", path, f"its header is {','.join(COLUMNS)}"
                )
            for cells in records:
                if cells:
                    where = f"{path} line {records.line_num}"
                    rows.append(_checked(cells, where))
                    _check_against(rows[:-1], rows[-1], where)
    except FileNotFoundError:
        raise UserError("is missing", path, "restore it from the project") from None
    except (UnicodeDecodeError, csv.Error):
        raise UserError("is not CSV in UTF-8", path, "save it as CSV in UTF-8") from None
    return Formats(tuple(rows))


def _checked(cells: list[str], where: str) -> Format:
    if len(cells) != len(COLUMNS):
        raise UserError(
            f"has {len(cells)} fields, the header {len(COLUMNS)}", where, "mend the line"
        )
    row = Format(*(cell.strip() for cell in cells[:-1]))
    if not (row.system and row.object and row.column_name):
        raise UserError(
            "system, object or column_name is empty", where, f"write {ANY} where all are meant"
        )
    if row.kind not in FORMS:
        raise UserError(f"unknown kind {row.kind!r}", where, f"write {_one_of(FORMS)}")
    if not _is_known(row):
        known = "region_jp, region_us, …" if row.kind == "phone" else _one_of(FORMS[row.kind])
        own = f" or {OWN_WORD}<word>" if row.kind == "null" else ""
        raise UserError(f"unknown form {row.form!r} of {row.kind}", where, f"write {known}{own}")
    _check_time_zone(row, where)
    return row


def _is_known(row: Format) -> bool:
    is_own_word = row.kind == "null" and row.form.removeprefix(OWN_WORD).strip() != ""
    return row.form in FORMS[row.kind] or (is_own_word and row.form.startswith(OWN_WORD))


def _check_time_zone(row: Format, where: str) -> None:
    if not row.time_zone:
        if row.kind == "timestamp" and row.form not in INSTANT_FORMS:
            raise UserError(
                f"{row.form} has no time_zone", where, "write the clock it shows, such as UTC"
            )
        return
    if row.kind not in ("timestamp", "date"):
        raise UserError(f"a {row.kind} has no time zone", where, "leave time_zone empty")
    try:
        ZoneInfo(row.time_zone)
    except (KeyError, ValueError, OSError):
        raise UserError(
            f"unknown time zone {row.time_zone!r}", where, "write one such as Asia/Tokyo"
        ) from None


def _check_against(before: Iterable[Format], row: Format, where: str) -> None:
    """Complain of forms that do not go together in one column."""
    beside = {
        other.form
        for other in before
        if (other.system, other.object, other.column_name, other.kind)
        == (row.system, row.object, row.column_name, row.kind)
    }
    if row.form in beside:
        raise UserError(f"{row.form} is declared twice", where, "remove one of the rows")
    if row.kind == "phone" and beside:
        raise UserError("two regions for one column", where, "keep one of the rows")
    for conflict in CONFLICTS.get(row.kind, ()):
        if row.form in conflict and conflict <= beside | {row.form}:
            raise UserError(
                f"{' and '.join(sorted(conflict))} would read one text in two ways",
                where,
                "declare one of them, per column if the columns differ",
            )


def _one_of(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
