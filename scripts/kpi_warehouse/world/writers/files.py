"""Frames to files, in each of the formats that the landing reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import polars as pl

FileFormat = Literal["csv", "parquet", "jsonl"]
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"
"""How timestamps are written as text: UTC, whole seconds."""


def write_frame(frame: pl.DataFrame, folder: Path, name: str, file_format: FileFormat) -> None:
    """Writes a frame to `folder/name.<format>`; naive timestamps are UTC.

    CSV and JSON lines hold timestamps as text, decimals with all their places; Parquet holds types.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{file_format}"
    times, decimals = pl.selectors.datetime(), pl.selectors.decimal()
    match file_format:
        case "csv":
            frame.write_csv(path, datetime_format=TIMESTAMP)
        case "parquet":
            frame.with_columns(times.dt.replace_time_zone("UTC")).write_parquet(path)
        case "jsonl":
            frame.with_columns(times.dt.strftime(TIMESTAMP), decimals.cast(pl.String)).write_ndjson(
                path
            )


def overlapping_parts(frame: pl.DataFrame, overlap: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The frame as two exports of which the second repeats the last rows of the first.

    Args:
        overlap: Share of all rows that are in both; at least one row is, if there are any.
    """
    middle = frame.height * 3 // 5
    again = min(middle, max(1, round(frame.height * overlap)))
    return frame.head(middle), frame.slice(middle - again)
