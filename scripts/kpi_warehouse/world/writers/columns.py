"""From numpy to polars columns."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def flags(values: NDArray[np.bool_]) -> pl.Series:
    """A mask as a column, also if it is empty."""
    return pl.Series(values, dtype=pl.Boolean)


def durations(seconds: NDArray[np.int64]) -> pl.Series:
    """Whole seconds as durations."""
    return (pl.Series(seconds).cast(pl.Int64) * 1_000_000).cast(pl.Duration("us"))
