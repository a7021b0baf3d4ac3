"""How extracts name leads and people: merged doubles, lost ids, phone numbers in many spellings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.prospects import phone_numbers
from kpi_warehouse.world.randomness import chance, generator

MERGED_SHARE = 0.02
"""Leads that were entered twice and merged later."""
CHAIN_SHARE = 0.25
"""Of those: entered three times, merged into the second, merged into the first."""
DOUBLE_EVENT_SHARE = 0.5
"""Events of a merged lead that are still recorded under a double."""
LOST_ID_BASE = 8_000_000_000_000_000_000
"""Ids of leads that are in no extract count up from here."""
PHONE_SPELLINGS = ("e164", "national", "digits", "dashes", "trunk_zero", "zero_eaten")
"""`+81301234567`, `03-0123-4567`, `0301234567`, `+81-3-0123-4567`, `+81 (0)3 0123 4567`,
`301234567`."""


@dataclass(frozen=True)
class Doubles:
    """Merged doubles of leads.

    Attributes:
        rows: lead_id (the survivor), double_id, merged_into_id; one row per double.
        by_lead: lead_id, first_double, second_double (null); one row per merged lead.
    """

    rows: pl.DataFrame
    by_lead: pl.DataFrame


def make_doubles(log: WorldLog) -> Doubles:
    """Chooses the leads that have doubles; deleted leads have none."""
    rng = generator(log.seed, "writers/doubles")
    living = log.leads.filter(~pl.col("is_deleted")).select("lead_id")
    merged = living.filter(pl.Series(chance(rng, MERGED_SHARE, living.height), dtype=pl.Boolean))
    number = pl.int_range(1, merged.height + 1, eager=True).cast(pl.String).str.zfill(7)
    by_lead = merged.with_columns(
        first_double="00D" + number,
        second_double=pl.when(
            pl.Series(chance(rng, CHAIN_SHARE, merged.height), dtype=pl.Boolean)
        ).then("00E" + number),
    )
    first = by_lead.select("lead_id", double_id="first_double", merged_into_id="lead_id")
    second = by_lead.filter(pl.col("second_double").is_not_null()).select(
        "lead_id", double_id="second_double", merged_into_id="first_double"
    )
    return Doubles(rows=pl.concat([first, second]), by_lead=by_lead)


def recorded_lead_ids(
    log: WorldLog, doubles: Doubles, lead_id: pl.Series, topic: str
) -> tuple[pl.Series, int]:
    """The lead id each record carries: the true one or, of a merged lead, often a double's.

    Returns:
        The ids in the order of `lead_id`, and how many of them are a double's.
    """
    rng = generator(log.seed, f"writers/recorded_lead_ids/{topic}")
    under_double = pl.Series(chance(rng, DOUBLE_EVENT_SHARE, len(lead_id)), dtype=pl.Boolean)
    second = pl.Series(chance(rng, 0.5, len(lead_id)), dtype=pl.Boolean)
    named = pl.DataFrame({"lead_id": lead_id}).join(
        doubles.by_lead, on="lead_id", how="left", maintain_order="left"
    )
    double = pl.when(second).then(pl.coalesce("second_double", "first_double"))
    recorded = named.select(
        pl.when(under_double & pl.col("first_double").is_not_null())
        .then(double.otherwise("first_double"))
        .otherwise("lead_id")
    ).to_series()
    return recorded.alias("lead_id"), int((recorded != lead_id).sum())


def lost_lead_ids(may_be_lost: pl.Series, first: int) -> pl.Series:
    """An id of a lead that is in no extract for each true entry, none of them twice; else null.

    Args:
        first: Number of the first id, so that objects do not share ids.
    """
    number = may_be_lost.cast(pl.Int64).cum_sum() + first
    ids = (number + LOST_ID_BASE).cast(pl.String)
    return ids.zip_with(may_be_lost, pl.Series([None], dtype=pl.String))


def rep_number(rep_id: pl.Expr) -> pl.Expr:
    """The rep's own number, E.164; no such subscriber exists."""
    return pl.format("+8150000{}", rep_id)


def strangers_numbers(is_stranger: pl.Series) -> pl.Series:
    """A number of its own for each true entry (a call without a lead), E.164; else null."""
    position = is_stranger.cast(pl.Int64).cum_sum() - 1
    numbers = phone_numbers(1, int(is_stranger.sum()))
    return numbers.gather(position.set(~is_stranger, None))


def spelled(number: pl.Series, spelling: np.ndarray) -> pl.Series:
    """E.164 numbers of Japan with a one-digit area code, in the given `PHONE_SPELLINGS` (codes)."""
    code = pl.Series("spelling", spelling)
    frame = pl.DataFrame({"number": number, "spelling": code})
    area, exchange, subscriber = (
        pl.col("number").str.slice(start, length) for start, length in ((3, 1), (4, 4), (8, 4))
    )
    plain = pl.concat_str(area, exchange, subscriber)
    texts = {
        "national": pl.format("0{}-{}-{}", area, exchange, subscriber),
        "digits": pl.format("0{}", plain),
        "dashes": pl.format("+81-{}-{}-{}", area, exchange, subscriber),
        "trunk_zero": pl.format("+81 (0){} {} {}", area, exchange, subscriber),
        "zero_eaten": plain,
    }
    chosen = pl.col("number")
    for name, text in texts.items():
        is_chosen = pl.col("spelling") == PHONE_SPELLINGS.index(name)
        chosen = pl.when(is_chosen).then(text).otherwise(chosen)
    return frame.select(chosen.alias("number")).to_series()
