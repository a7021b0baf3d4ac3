"""Text for people at a terminal: lines as they happen, and tables that line up in Japanese."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence

MISSING = "–"


def say(line: str) -> None:
    """Print a line at once, also into a pipe, and in one piece, also from several threads."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def display_width(text: str) -> int:
    """Terminal cells the text takes: two for a full-width character, none for a combining one."""
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
        if not unicodedata.combining(char)
    )


def pad(text: str, width: int, to_the_right: bool = False) -> str:
    """Fill up with blanks to `width` cells; longer text stays as it is."""
    blanks = " " * max(0, width - display_width(text))
    return blanks + text if to_the_right else text + blanks


def table(
    header: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], text_columns: int = 1
) -> list[str]:
    """Lines of a table: header lines, a rule, rows. The first `text_columns` are left-aligned."""
    widths = [max(map(display_width, column)) for column in zip(*header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            pad(cell, width, to_the_right=index >= text_columns)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return [*map(line, header), rule, *map(line, rows)]
