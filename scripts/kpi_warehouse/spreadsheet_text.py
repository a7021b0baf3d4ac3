"""Text that a spreadsheet shows and does not compute, whoever wrote it."""

from __future__ import annotations

# What a spreadsheet takes for the start of a formula, in both widths, or drops before one. The
# apostrophe is here so that taking one away again is exact.
_FORMULA_STARTS = tuple("=+-@\t\r\n'＝＋－＠")


def neutralise(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula; `restore` undoes it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def restore(cell: str) -> str:
    """The text that `neutralise` made this cell of."""
    return cell[1:] if cell.startswith("'") else cell
