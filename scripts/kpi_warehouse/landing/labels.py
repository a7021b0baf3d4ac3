"""Which column of a layout a header means: by its name, or by a label of the seed."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpi_warehouse.landing.interface import ObjectLayout

EVERY_OBJECT = "*"
# what tools put around or into a header without meaning anything by it
_NOISE = re.compile(r"[\s_\u200b\ufeff]+")


def header_key(text: str) -> str:
    """A header without what does not matter: case, blanks, underscores, full or half width.

    `CreatedDate`, `created_date` and `Created Date` are one; so are half- and full-width kana.
    """
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True)
class ColumnLabels:
    """The rows of seeds/mappings/column_labels.csv: (system, object, label, column)."""

    rows: tuple[tuple[str, str, str, str], ...] = ()

    def of_object(self, layout: ObjectLayout) -> dict[str, str]:
        """Header key to column name; a label of the object wins over one of its whole system."""
        found: dict[str, str] = {}
        for wanted in (EVERY_OBJECT, layout.name):
            for system, name, label, column in self.rows:
                if (system, name) == (layout.system, wanted):
                    found[header_key(label)] = column
        return found

    def fingerprint(self, layout: ObjectLayout) -> str:
        """Changes when files of the object have to be read again for their labels' sake."""
        content = json.dumps(sorted(self.of_object(layout).items()))
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ColumnPlaces:
    """Where the layout's columns are in a file, and which of them stand there more than once."""

    positions: Mapping[str, int]
    twice: tuple[str, ...] = field(default=())


def read_labels(path: Path) -> ColumnLabels:
    """Read the seed."""
    with path.open(encoding="utf-8", newline="") as file:
        return ColumnLabels(
            tuple(
                (row["system"], row["object"], row["label"], row["column_name"])
                for row in csv.DictReader(file)
            )
        )


def column_spellings(
    names: Iterable[str], layout: ObjectLayout, labels: ColumnLabels
) -> dict[str, list[str]]:
    """For each column of the layout that the file has: the names that mean it, the best first.

    The best is the column's own name as it is spelled in the layout, else the leftmost.
    """
    meanings = labels.of_object(layout)
    meanings |= {header_key(column): column for column in layout.file_columns}
    known = set(layout.file_columns)
    spellings: dict[str, list[str]] = {}
    for name in names:
        column = meanings.get(header_key(name))
        if column in known:
            spellings.setdefault(column, []).append(name)
    for column, found in spellings.items():
        found.sort(key=lambda name: name != column)  # stable: else as in the file
    return spellings


def column_places(names: Sequence[str], layout: ObjectLayout, labels: ColumnLabels) -> ColumnPlaces:
    """Where the columns stand among the names of a header."""
    spellings = column_spellings(names, layout, labels)
    return ColumnPlaces(
        {column: names.index(found[0]) for column, found in spellings.items()},
        tuple(column for column, found in spellings.items() if len(found) > 1),
    )
