"""The mapping seeds: what a code means, and from when to when."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from .registry import CellError, Problem, optional_day, read_csv
from .sql import digest

# columns that say how a code is shown and why, not what it counts as
WORDS = {"name_ja", "name_en", "note", "sort_order"}
DATES = ("valid_from", "valid_to")


@dataclass(frozen=True, order=True)
class Meaning:
    """What a code means from one day to another, both included, as a digest of its columns."""

    first_day: date
    last_day: date
    digest: str


Timeline = tuple[Meaning, ...]
# code -> its meanings in the order of their days
Mapped = Mapping[str, Timeline]


def read_mappings(folder: Path) -> tuple[dict[str, Mapped], list[Problem]]:
    """Read every seed of codes. A code is the first column, its meaning the others.

    Seeds that begin with `system` say how files are read, not what a code means.
    """
    found: dict[str, Mapped] = {}
    problems = []
    for path in sorted(folder.glob("*.csv")):
        if path.read_bytes().startswith(b"system,"):
            continue
        codes: dict[str, list[Meaning]] = {}
        try:
            for line, cells in read_csv(path):
                try:
                    code, meaning = _meaning(cells)
                except CellError as error:
                    problems.append(
                        Problem(
                            "mapping_rows_do_not_overlap", f"{path.name} line {line}", str(error)
                        )
                    )
                else:
                    codes.setdefault(code, []).append(meaning)
        except CellError as error:
            problems.append(Problem("mapping_rows_do_not_overlap", path.name, str(error)))
        found[path.stem] = {code: tuple(sorted(rows)) for code, rows in codes.items()}
    return found, problems


def overlaps(mappings: Mapping[str, Mapped]) -> list[Problem]:
    """A code of a mapping means one thing on each day."""
    problems = []
    for seed, codes in mappings.items():
        for code, timeline in codes.items():
            for before, after in itertools.pairwise(timeline):
                if after.first_day <= before.last_day:
                    problems.append(
                        Problem(
                            "mapping_rows_do_not_overlap",
                            f"{seed}.csv",
                            f"{code!r} has two meanings on {_shown(after.first_day)}: end the "
                            "earlier row (valid_to) the day before the later one begins "
                            "(valid_from)",
                        )
                    )
            problems += [
                Problem(
                    "mapping_rows_do_not_overlap",
                    f"{seed}.csv",
                    f"{code!r} ends on {row.last_day} before it begins on {row.first_day}: "
                    "mend valid_to",
                )
                for row in timeline
                if row.last_day < row.first_day
            ]
    return problems


def within(timeline: Iterable[Meaning], first_day: date, last_day: date) -> Timeline:
    """What a code means from one day to another; rows of one meaning that touch are one."""
    found: list[Meaning] = []
    for row in timeline:
        start, end = max(row.first_day, first_day), min(row.last_day, last_day)
        if start > end:
            continue
        if found and found[-1].digest == row.digest and _touch(found[-1].last_day, start):
            found[-1] = Meaning(found[-1].first_day, end, row.digest)
        else:
            found.append(Meaning(start, end, row.digest))
    return tuple(found)


def change_days(timeline: Iterable[Meaning]) -> list[date]:
    """The days on which a code begins to mean something else than before."""
    rows = within(timeline, date.min, date.max)
    return [row.first_day for row in rows[1:]]


def _touch(last_day: date, first_day: date) -> bool:
    return first_day - last_day == timedelta(days=1)


def _meaning(cells: dict[str, str]) -> tuple[str, Meaning]:
    code = next(iter(cells.values()))
    columns = [
        f"{name}={value}"
        for name, value in list(cells.items())[1:]
        if name not in WORDS and name not in DATES
    ]
    first_day, last_day = (optional_day(cells, name) if name in cells else None for name in DATES)
    meaning = Meaning(
        first_day or date.min, last_day or date.max, digest("\n".join(columns), length=10)
    )
    return code, meaning


def _shown(day: date) -> str:
    return "every day" if day == date.min else day.isoformat()
