"""A code from the extracts, which may be anything, made safe to compare, to show and to export."""

from __future__ import annotations

import re
import unicodedata

_SHOWN_LENGTH = 60


def fold(code: str) -> str:
    """What is left of a code when width, case, blanks and punctuation do not matter.

    A code of punctuation alone (○, ×) is kept as it is.
    """
    text = unicodedata.normalize("NFKC", code).casefold()
    return "".join(filter(str.isalnum, text)) or text.strip()


def words(code: str) -> list[str]:
    """The folded words of a code: runs of ASCII letters, of digits, and of anything else."""
    text = unicodedata.normalize("NFKC", code).casefold()
    return re.findall(r"[a-z]+|[0-9]+|[^\W\da-z_]+", text)


def shown(text: str) -> str:
    """The text on one line of a terminal: no control, format or direction character acts."""
    plain = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return plain if len(plain) <= _SHOWN_LENGTH else f"{plain[: _SHOWN_LENGTH - 1]}…"


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}"
