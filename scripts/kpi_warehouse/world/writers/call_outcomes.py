"""How a rep's call record says what happened: a Japanese code, and fields that may be empty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.randomness import chance

UNMAPPED_CODE = "旧CTI区分Z9"
"""A disposition no mapping knows."""
TEST_CODE, MONITORING_CODE = "テスト", "モニタリング"
BOOKED_CODE = "アポ獲得"
EMPTY_FIELD_SHARE = 0.6
"""A field is left empty this often where the code's mapping says the same."""
EMPTY_CODE_SHARE = 0.02
"""No code at all: the fields beside it say everything."""
UNMAPPED_SHARE = 0.0008
MESSY_CODE_SHARE = 0.01
"""Codes with blanks around them or in other case."""


@dataclass(frozen=True)
class Code:
    """A disposition and what its mapping row says of a call that has nothing else."""

    text: str
    reached: str | None
    information: bool
    need: bool


CODES = (
    Code("応答なし", None, False, False),
    Code("話中", None, False, False),
    Code("番号不通", None, False, False),
    Code("留守番電話", "machine", False, False),
    Code("自動音声", "machine", False, False),
    Code("FAX", "machine", False, False),
    Code("受付ブロック", "gatekeeper", False, False),
    Code("担当者不在", "gatekeeper", False, False),
    Code("担当者接続", "target", False, False),
    Code("お断り", "target", False, False),
    Code("再架電依頼", "target", False, False),
    Code("情報提供", "target", True, False),
    Code("ニーズあり", "target", True, True),
    Code(BOOKED_CODE, "target", True, True),
)
NO_ANSWER, MACHINE, GATEKEEPER, TARGET, INFORMATION, NEED, BOOKED = (
    *((0, 3), (3, 6), (6, 8), (8, 11), (11, 12), (12, 13), (13, 14)),
)
"""Ranges of `CODES` that a rep chooses from."""


@dataclass(frozen=True)
class Record:
    """What a rep recorded of each call.

    Attributes:
        frame: disposition, reached, information_exchanged, need_recorded.
        traps: Name → count of what was planted.
    """

    frame: pl.DataFrame
    traps: dict[str, int]


def choice(rng: np.random.Generator, codes: tuple[int, int], size: int) -> NDArray[np.int64]:
    """A code of a range for each call."""
    return rng.integers(*codes, size)


def record_outcomes(rng: np.random.Generator, calls: pl.DataFrame, is_booked: pl.Series) -> Record:
    """Codes and fields that say what the log says of each call.

    Args:
        calls: person, information_exchanged, need_recorded, answered_at of the log.
        is_booked: An appointment was booked in the call.
    """
    size = calls.height
    person = calls["person"].fill_null("").to_numpy()
    information = calls["information_exchanged"].to_numpy()
    need = calls["need_recorded"].to_numpy()
    is_target = person == "target"
    code = np.select(
        [
            is_target & is_booked.to_numpy() & need & information,
            is_target & need & information,
            is_target & information & chance(rng, 0.8, size),
            is_target,
            np.isin(person, ("gatekeeper", "other")),
            person == "machine",
        ],
        [
            choice(rng, codes, size)
            for codes in (BOOKED, NEED, INFORMATION, TARGET, GATEKEEPER, MACHINE)
        ],
        choice(rng, NO_ANSWER, size),
    )
    has_no_code = chance(rng, EMPTY_CODE_SHARE, size)
    is_unmapped = ~has_no_code & (is_target | (person == "")) & chance(rng, UNMAPPED_SHARE, size)
    has_mapping = ~(has_no_code | is_unmapped)

    texts = pl.Series([row.text for row in CODES]).gather(code)
    texts = texts.set(pl.Series(is_unmapped), UNMAPPED_CODE).set(pl.Series(has_no_code), None)
    is_messy = chance(rng, MESSY_CODE_SHARE, size) & has_mapping
    texts = texts.zip_with(pl.Series(~is_messy), " " + texts.str.to_lowercase() + "\u3000")

    mapped_reached = np.array([row.reached or "" for row in CODES])[code]
    silent = (person == "") | (
        # Without a code and without "reached" an answered call still reached somebody.
        has_no_code
        & (person == "other")
        & calls["answered_at"].is_not_null().to_numpy()
        & chance(rng, 0.5, size)
    )
    may_omit_reached = silent | (has_mapping & (mapped_reached == person))
    omit = chance(rng, EMPTY_FIELD_SHARE, size)
    reached = pl.Series(person).set(pl.Series(silent | (may_omit_reached & omit)), None)
    fields = {}
    for name, truth, mapped in (
        ("information_exchanged", information, np.array([row.information for row in CODES])[code]),
        ("need_recorded", need, np.array([row.need for row in CODES])[code]),
    ):
        says_the_same = np.where(has_mapping, mapped == truth, ~truth)
        is_empty = says_the_same & chance(rng, EMPTY_FIELD_SHARE, size)
        fields[name] = pl.Series(truth).set(pl.Series(is_empty), None)
    frame = pl.DataFrame({"disposition": texts, "reached": reached, **fields})
    differs = has_mapping & (mapped_reached != person)
    return Record(
        frame=frame,
        traps={
            "call_without_code": int(has_no_code.sum()),
            "call_with_unmapped_code": int(is_unmapped.sum()),
            "call_code_overruled_by_reached": int(differs.sum()),
            "call_code_with_blanks_or_case": int(is_messy.sum()),
            "call_answered_without_any_outcome": int(
                frame.select(
                    (pl.col("disposition").is_null() & pl.col("reached").is_null())
                    & (pl.Series(person) == "other")
                )
                .to_series()
                .sum()
            ),
        },
    )
