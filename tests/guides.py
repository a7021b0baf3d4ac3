"""What the guides show: snippets by language, and tables of words."""

from __future__ import annotations

import re
from pathlib import Path

from kpi_warehouse.settings import PROJECT_DIR

GUIDES = PROJECT_DIR / "docs" / "guides"
READ_THE_MARTS = GUIDES / "read-the-marts.md"
BI_TOOLS = GUIDES / "bi-tools.md"
WHICH_TABLE = GUIDES / "which-table.md"


def snippets(language: str, *guides: Path) -> list[str]:
    """The blocks of a language, in their order; a guide has them to be run."""
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [block for guide in guides for block in fence.findall(guide.read_text("utf-8"))]


def queries(*guides: Path) -> list[str]:
    """The SQL that any client of the marts can run."""
    return [sql for sql in snippets("sql", *guides) if "marts." in sql]


def table_rows(text: str) -> list[list[str]]:
    """The cells of all tables of a text, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [index for index, row in enumerate(rows) if set("".join(row)) <= set("-:")]
    heads = {index - 1 for index in rules}
    return [row for index, row in enumerate(rows) if index not in heads and index not in rules]
