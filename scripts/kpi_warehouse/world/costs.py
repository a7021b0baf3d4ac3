"""What marketing paid for the leads: cost by channel and month."""

from __future__ import annotations

import numpy as np
import polars as pl

from kpi_warehouse.world.log import SCHEMAS
from kpi_warehouse.world.randomness import generator

UNIT_COST = {
    "web_inquiry": 9_000,
    "document_request": 8_000,
    "trial": 11_000,
    "whitepaper": 5_000,
    "webinar": 6_500,
    "seminar": 14_000,
    "exhibition": 18_000,
    "comparison_site": 15_000,
    "paid_ads": 12_000,
    "partner": 6_000,
    "outbound_list": 900,
}
"""Yen per lead of the channels that cost money."""


def campaign_costs(seed: int, leads: pl.DataFrame) -> pl.DataFrame:
    """Cost by channel and month of the leads' creation: leads times a unit cost that varies."""
    rng = generator(seed, "writers/campaign_costs")
    japan_day = (pl.col("created_at") + pl.duration(hours=9)).dt.date()
    counted = (
        leads.filter(pl.col("channel_id").is_in(list(UNIT_COST)))
        .group_by("channel_id", month=japan_day.dt.truncate("1mo"))
        .agg(leads=pl.len())
        .sort("channel_id", "month")
    )
    swing = np.exp(rng.normal(0, 0.15, counted.height))
    unit = pl.col("channel_id").replace_strict(UNIT_COST, return_dtype=pl.Float64)
    return counted.select(
        "channel_id",
        "month",
        cost=(pl.col("leads") * unit * pl.Series(swing) / 1000).round(0).cast(pl.Int64) * 1000,
    ).cast(dict(SCHEMAS["campaign_costs"]))
