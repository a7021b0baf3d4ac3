"""Frames to CSV files as real systems export them: their header, time forms and encoding."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import polars as pl

Encoding = Literal["mixed", "utf-8", "cp932"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
"""`mixed`: each file as its system usually writes it; else all CSV files alike."""
CHUNK = 1 << 20
"""Characters re-encoded at a time."""


@dataclass(frozen=True)
class CsvStyle:
    """How a system writes CSV.

    Attributes:
        encoding: Python's name of it; `utf-8-sig` has a byte order mark.
        datetime_format: Of timestamps, which are written as they stand.
        quote_style: As in polars.
        null_value: What stands for "nothing".
    """

    encoding: str = "utf-8"
    datetime_format: str = "%Y-%m-%dT%H:%M:%S.000+0000"
    quote_style: Literal["necessary", "always"] = "necessary"
    null_value: str = ""


API = CsvStyle(quote_style="always")
"""Salesforce's own exports: every value in quotes, ISO times with an offset."""
REPLICA = CsvStyle(datetime_format="%Y-%m-%d %H:%M:%S")
"""What a replication tool makes of them; column names are snake_case then."""


def write_csv(frame: pl.DataFrame, path: Path, style: CsvStyle) -> None:
    """Writes a frame to a CSV file.

    Raises:
        UnicodeEncodeError: a character is not in the encoding.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_utf8 = style.encoding in ("utf-8", "utf-8-sig")
    target = path if is_utf8 else path.with_name(f".{path.name}.utf-8")
    with target.open("wb") as file:
        if style.encoding == "utf-8-sig":
            file.write(BOM_UTF8)
        frame.write_csv(
            file,
            datetime_format=style.datetime_format,
            quote_style=style.quote_style,
            null_value=style.null_value,
        )
    if is_utf8:
        return
    with (
        target.open(encoding="utf-8", newline="") as text,
        path.open("w", encoding=style.encoding, newline="") as out,
    ):
        while part := text.read(CHUNK):
            out.write(part)
    target.unlink()


def snake_case(name: str) -> str:
    """An API name as a replication tool writes it: `CreatedDate` → `created_date`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def snake_cased(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame under a replication tool's column names."""
    return frame.rename(snake_case)
