"""The review as Markdown, in which a text of the data stays a text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kpi_warehouse.console import MISSING
from kpi_warehouse.review.document import Cell, Document, Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$&])")
# what a spreadsheet would take for the start of a formula when a cell is pasted into it
_FORMULA_START = re.compile(r"^([=+\-@])")


def render_markdown(document: Document) -> str:
    """The file; the same document gives the same text."""
    lines = [f"# {_escaped(document.title)}", "", _escaped(document.subtitle), ""]
    lines += [f"- **{_escaped(label)}**: {_cell(cell)}" for label, cell in document.facts]
    lines += ["", f"## {_escaped(document.points_heading)}", ""]
    lines += [f"- {_cell(point)}" for point in document.points]
    for section in document.sections:
        lines += ["", f"## {_escaped(section.heading)}"]
        for line in section.lines:
            lines += ["", _escaped(line)]
        for table in section.tables:
            lines += ["", *_table(table)]
    lines += ["", f"## {_escaped(document.notes_heading)}", ""]
    lines += [f"- {_escaped(note)}" for note in document.notes]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> list[str]:
    lines = [f"**{_escaped(table.caption)}**", ""] if table.caption else []
    lines.append(_row(_escaped(column.label) for column in table.columns))
    lines.append(_row("---:" if column.is_number else "---" for column in table.columns))
    return lines + [_row(_cell(cell) for cell in row) for row in table.rows]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = _escaped(cell.text or MISSING)
    if cell.mark == "strong":
        text = f"**{text}**"
    return f"{text} ({_escaped(cell.note)})" if cell.note else text


def _escaped(text: str) -> str:
    one_line = " ".join(text.split())
    return _FORMULA_START.sub(r"\\\1", _SPECIAL.sub(r"\\\1", one_line))
