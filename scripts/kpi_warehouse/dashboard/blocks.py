"""What a page consists of; how it looks is the renderers' business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]
Value = Any

# how a cell or fact is marked: by a word or sign beside it, the colour only adds to that
SMALL, OPEN, GOOD, LATE, ALARM, STRONG = "small", "open", "good", "late", "alarm", "strong"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what is read.
        note: what stands under it, smaller.
        hint: what a pointer shows: numerator, denominator, interval.
        mark: SMALL, OPEN, GOOD, LATE, ALARM, STRONG or nothing.
    """

    text: str
    note: str = ""
    hint: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Column:
    """A column's label, and whether its cells are lined up as numbers."""

    label: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """A table, and the same for a spreadsheet.

    Attributes:
        name: what the downloaded file is called.
        records: rows of the download by column label; numbers as they are.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    records: tuple[dict[str, Value], ...] = ()


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        name: distinguishes the charts of a page.
        alt: what it shows, for those who cannot see it.
        spec: Vega-Lite with its data.
    """

    name: str
    title: str
    alt: str
    spec: Spec


@dataclass(frozen=True)
class Fact:
    """A figure that is read at once."""

    label: str
    text: str
    notes: tuple[str, ...] = ()
    hint: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Facts:
    """Figures side by side; as steps, each follows from the one before."""

    label: str
    facts: tuple[Fact, ...]
    are_steps: bool = False


@dataclass(frozen=True)
class Heading:
    """What begins here."""

    text: str


@dataclass(frozen=True)
class Note:
    """A sentence; a warning if it must not be overlooked."""

    text: str
    is_warning: bool = False


Block = Heading | Note | Facts | Chart | Table
