"""Reads `rates.toml`: the channels' rates as arrays by channel, everything else as it stands."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATES_FILE = Path(__file__).with_name("rates.toml")
MOTIONS = ("SDR", "BDR")
APPROACH_KINDS = (
    "call",
    "one_to_one",
    "dm",
    "form",
    "sns",
    "sms",
    "letter",
    "web_meeting",
    "visit",
)
"""How a lead is approached; the first two have frames of their own, the others are touches."""


@dataclass(frozen=True)
class Rates:
    """All rates of the world.

    Attributes:
        channels: Channel ids, in the order of the file; arrays by channel follow it.
        sources: Texts of the source field by channel.
        motion: Position in `MOTIONS` by channel.
        by_channel: Rate name → array by channel.
        tables: The other tables of the file.
    """

    channels: tuple[str, ...]
    sources: tuple[tuple[str, ...], ...]
    motion: NDArray[np.int64]
    by_channel: dict[str, NDArray[np.float64]]
    tables: dict[str, Any]

    def channel(self, rate: str, channel: NDArray[np.int64]) -> NDArray[np.float64]:
        """The rate of each of the given channels (positions in `channels`)."""
        return self.by_channel[rate][channel]

    def team(self, rate: str, channel: NDArray[np.int64]) -> NDArray[np.float64]:
        """The rate or factor of the team that works each of the given channels."""
        values = np.array([self.tables["teams"][motion][rate] for motion in MOTIONS])
        return values[self.motion[channel]]

    def position(self, channel: str) -> int:
        """Position of a channel id."""
        return self.channels.index(channel)


@cache
def load_rates(path: Path = RATES_FILE) -> Rates:
    """Reads and checks the rates.

    Raises:
        ValueError: a channel's rate that is a probability lies outside 0–1.
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    channels, classes = tables.pop("channels"), tables.pop("classes")
    merged = {name: classes[own["class"]] | own for name, own in channels.items()}
    names = [*classes["hot"], "share"]
    by_channel = {
        name: np.array([row[name] for row in merged.values()], dtype=np.float64) for name in names
    }
    for name in set(names) - {"response_hours", "attempts"}:
        if not ((by_channel[name] >= 0) & (by_channel[name] <= 1)).all():
            raise ValueError(f"{path.name}: {name} must lie between 0 and 1 in every channel")
    return Rates(
        channels=tuple(merged),
        sources=tuple(tuple(row["sources"]) for row in merged.values()),
        motion=np.array([MOTIONS.index(row["motion"]) for row in merged.values()]),
        by_channel=by_channel,
        tables=tables,
    )
