"""The mapping seeds as files: their columns, what their codes mean, and rows put at their end."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.manifest import replacing

MAPPINGS = Path("seeds", "mappings")
RULES = Path("seeds", "registry", "data_quality_rules.csv")
UNMAPPED = "unmapped"
# A target and what follows from it, in the order of a seed's columns.
Meaning = tuple[str, ...]
# A seed may say for which system and object a row holds; the code follows.
SCOPE_COLUMNS = ("system", "object")
_DATES = ("valid_from", "valid_to")
_FREE = (*_DATES, "note")
_SEED_IN_TEXT = re.compile(r"seeds/mappings/([a-z][a-z0-9_]*)\.csv")


@dataclass(frozen=True)
class Seed:
    """One mapping seed: a code column, the column of its target, and columns that follow from it.

    After the scope, if there is one, the code comes first and its target second, in every seed.
    `more_targets` are those that have a table of their own, with their names in Japanese and
    English: the channels.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    more_targets: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The seed's name, which is the file's."""
        return self.path.stem

    @property
    def scope(self) -> tuple[str, ...]:
        """The columns that say where a row holds."""
        return tuple(column for column in SCOPE_COLUMNS if column in self.columns)

    @property
    def code_column(self) -> str:
        """The column of the code."""
        return self._others[0]

    @property
    def target_column(self) -> str:
        """The column of what the code means."""
        return self._others[1]

    @property
    def meaning_columns(self) -> tuple[str, ...]:
        """The columns that say what a code means: the target, and what follows from it."""
        return tuple(column for column in self._others[1:] if column not in _FREE)

    @property
    def meanings(self) -> dict[str, Meaning]:
        """Every known code and its meaning of today."""
        return {
            row[self.code_column]: self.meaning_of(row)
            for row in self.rows
            if not row.get("valid_to")
        }

    @property
    def known_targets(self) -> frozenset[str]:
        """What a code may mean."""
        return frozenset(row[self.target_column] for row in self.rows) | set(self.more_targets)

    def meaning_of(self, row: Mapping[str, str]) -> Meaning:
        """What a row says that its code means."""
        return tuple(row[column] for column in self.meaning_columns)

    def known_meanings(self, target: str) -> list[Meaning]:
        """The meanings that the rows of a target have, mostly one."""
        return list(
            dict.fromkeys(
                self.meaning_of(row) for row in self.rows if row[self.target_column] == target
            )
        )

    def key(self, row: Mapping[str, str]) -> tuple[str, ...]:
        """What tells the row's code from others: its scope and itself."""
        return tuple(row[column] for column in (*self.scope, self.code_column))

    @property
    def _others(self) -> list[str]:
        return [column for column in self.columns if column not in SCOPE_COLUMNS]


def read_seed(path: Path) -> Seed:
    """Read one seed. Raises UserError if it is none."""
    columns, rows = read_rows(path.read_text("utf-8"), path)
    if len([column for column in columns if column not in SCOPE_COLUMNS]) < 2:
        raise UserError("has no column for a code and its target", path, "undo the change")
    more = {}
    if "channel_id" in columns:
        channels_path = path.parent / "channels.csv"
        _, channels = read_rows(channels_path.read_text("utf-8"), channels_path)
        more = {
            row["channel_id"]: (row["name_ja"], row["name_en"])
            for row in channels
            if row["channel_id"] != UNMAPPED
        }
    return Seed(path, columns, tuple(rows), more)


def read_rows(text: str, where: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The columns and rows of a CSV text. Raises UserError if a line does not fit the header."""
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise UserError("is not CSV", where, "save it as CSV with commas") from error
    if not lines:
        raise UserError("is empty", where, "write it again")
    header = tuple(name.strip() for name in lines[0])
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise UserError(
                f"row {number} has {len(line)} cells, the header {len(header)}",
                where,
                "save it as CSV with commas",
            )
    return header, [dict(zip(header, line, strict=True)) for line in lines[1:]]


def seeds_of_rules(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """For each rule about unmapped codes the seed to edit, or what else to do about it.

    The registry of rules says it in words, in its column `mend`; so a new mapping needs no line
    here.
    """
    _, rules = read_rows((root / RULES).read_text("utf-8"), root / RULES)
    unmapped = {row["rule"]: row["mend"] for row in rules if row["rule"].startswith(f"{UNMAPPED}_")}
    found = {rule: _SEED_IN_TEXT.search(mend) for rule, mend in unmapped.items()}
    seeds = {rule: match[1] for rule, match in found.items() if match}
    return seeds, {rule: mend for rule, mend in unmapped.items() if rule not in seeds}


def append_rows(seed: Seed, rows: Sequence[Mapping[str, str]]) -> None:
    """Put rows at the end of a seed's file; what is there stays, byte by byte."""
    before = seed.path.read_bytes()
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, seed.columns, lineterminator="\n")
    writer.writerows(rows)
    separator = b"" if before.endswith(b"\n") else b"\n"
    with replacing(seed.path) as partial:
        partial.write_bytes(before + separator + text.getvalue().encode("utf-8"))


def timeline_problem(rows: Sequence[Mapping[str, str]]) -> str | None:
    """Why the rows of one code do not give it one meaning on each day; None if they do."""
    spans = []
    for row in rows:
        try:
            spans.append(tuple(_day(row.get(name, "")) for name in _DATES))
        except ValueError:
            return "valid_from and valid_to are dates, YYYY-MM-DD, or empty"
    spans.sort(key=lambda span: span[0] or date.min)
    if spans[0][0] or spans[-1][1]:
        return "the first meaning of a code has no valid_from, and the last no valid_to"
    for (_, last), (first, _) in itertools.pairwise(spans):
        if not first or not last or first != last + timedelta(days=1):
            return "has two meanings on one day, or none: valid_from follows on valid_to"
    if any(first and last and last < first for first, last in spans):
        return "ends before it begins"
    return None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
