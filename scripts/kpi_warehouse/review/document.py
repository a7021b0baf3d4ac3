"""The review as a document in one language: what both the page and the Markdown file show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A cell: its text, a smaller note beside it, and what it is marked as.

    Attributes:
        mark: "", on_track, behind, review, or strong.
    """

    text: str
    note: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table: its label, whether it holds numbers, its width in percent (0: rest)."""

    label: str
    is_number: bool = False
    width: int = 0


@dataclass(frozen=True)
class Table:
    """A table with a caption; the first cell of a row is its heading."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Section:
    """A heading, lines of text, and tables."""

    section_id: str
    heading: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Document:
    """The whole review.

    Attributes:
        facts: label and content of what stands at the top.
        points: what has to be known first.
    """

    language: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, Cell], ...]
    points_heading: str
    points: tuple[Cell, ...]
    sections: tuple[Section, ...]
    notes_heading: str
    notes: tuple[str, ...]
