"""Seeded draws: one named generator per topic, so that a change in one topic leaves the others."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def generator(seed: int, topic: str) -> np.random.Generator:
    """The generator of one topic of a world with this seed."""
    return np.random.default_rng([seed, zlib.crc32(topic.encode())])


def chance(
    rng: np.random.Generator, probability: NDArray[np.float64] | float, size: int
) -> NDArray[np.bool_]:
    """`size` independent yes/no draws; `probability` is one number or one per draw."""
    return rng.random(size) < probability


def pick(
    rng: np.random.Generator, weights: Sequence[float] | NDArray[np.float64], size: int
) -> NDArray[np.int64]:
    """`size` positions in `weights`, each as likely as its weight (which need not add up to 1)."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    position = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    return np.minimum(position, cumulative.size - 1)


def pick_by_row(
    rng: np.random.Generator, weights: NDArray[np.float64], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """One position per entry of `rows`, by the weights in that row of the matrix `weights`."""
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    draws = rng.random(rows.size)
    position = np.zeros(rows.size, dtype=np.int64)
    for column in range(weights.shape[1] - 1):
        position += draws >= cumulative[rows, column]
    return position


def whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers (seconds, days), cut off."""
    return values.astype(np.int64)
