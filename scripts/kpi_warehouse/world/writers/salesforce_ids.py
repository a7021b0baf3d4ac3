"""Salesforce record ids: 15 characters that differ by case, and the 18 that carry a checksum."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

DIGITS = np.frombuffer(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8
)
CHECK_DIGITS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
"""The character that says which of five characters are capitals, as bits from the first one."""
POD = b"5i0"
"""Where the records live: the same in all ids of one organisation."""
NUMBER_DIGITS = 9
FIRST = 2_345_678_901_234_567
"""The number that record 0 of every object has; they count up from there, so that some ids differ
by the case of one letter alone."""
SHORT = 15

LEAD, CONTACT, ACCOUNT, OPPORTUNITY = "00Q", "003", "001", "006"
TASK, EVENT, USER, USER_ROLE = "00T", "00U", "005", "00E"
CAMPAIGN, CAMPAIGN_MEMBER, CONTACT_ROLE = "701", "00v", "00K"
OPPORTUNITY_HISTORY, FIELD_HISTORY = "008", "017"


def base62(number: NDArray[np.int64], digits: int) -> NDArray[np.uint8]:
    """Numbers as characters, one row each: `digits` columns, the most significant one first."""
    characters = np.empty((number.size, digits), dtype=np.uint8)
    # Halves of five digits fit 32 bits, which are divided several times as fast as 64.
    for start in range(0, digits, 5):
        half = (number // len(DIGITS) ** start % len(DIGITS) ** 5).astype(np.uint32)
        for place in range(start, min(start + 5, digits)):
            characters[:, digits - 1 - place] = DIGITS[half % np.uint32(len(DIGITS))]
            half //= np.uint32(len(DIGITS))
    return characters


def texts(characters: NDArray[np.uint8]) -> pl.Series:
    """One text per row of ASCII codes."""
    size, width = characters.shape
    offsets = np.arange(size + 1, dtype=np.int64) * width
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))]
    return pl.Series(pl.from_arrow(pa.Array.from_buffers(pa.large_string(), size, buffers)))


def salesforce_ids(prefix: str, number: pl.Series) -> pl.Series:
    """The 18-character ids of an object's records.

    Args:
        prefix: The object's three characters.
        number: Numbers of the records from 0 to 9 billion; null gives null.
    """
    known = number.fill_null(0).cast(pl.Int64).to_numpy()
    head = np.frombuffer(prefix.encode() + POD, dtype=np.uint8)
    short = np.hstack(
        [np.broadcast_to(head, (known.size, head.size)), base62(known + FIRST, NUMBER_DIGITS)]
    )
    is_capital = (short >= ord("A")) & (short <= ord("Z"))
    bits = is_capital.reshape(known.size, 3, 5) @ (1 << np.arange(5))
    ids = texts(np.hstack([short, CHECK_DIGITS[bits]]))
    return ids.set(number.is_null(), None)


def short_ids(ids: pl.Expr) -> pl.Expr:
    """The 15-character form of 18-character ids."""
    return ids.str.slice(0, SHORT)
