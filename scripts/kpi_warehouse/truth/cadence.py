"""How leads were worked: approaches per lead, the first of them, recycles and what came before."""

from datetime import date

import polars as pl

from kpi_warehouse.truth.calendar import business_date
from kpi_warehouse.truth.expressions import first_of, has_passed


def first_approaches(approaches_of_leads: pl.LazyFrame) -> pl.LazyFrame:
    """Grain: one row per lead ever approached, at the first approach; its columns."""
    return first_of(approaches_of_leads, "lead_id", ["at", "activity_id"])


def first_connections(approaches_of_leads: pl.LazyFrame) -> pl.LazyFrame:
    """Grain: one row per lead of whom a person ever answered a dial, at the first one.

    Columns: those of the dial, and attempts: the approaches up to that moment, itself among them.
    """
    first = first_of(
        approaches_of_leads.filter("is_answered"), "lead_id", ["at", "activity_id"]
    ).with_columns(connected_at="at")
    attempts = (
        approaches_of_leads.select("lead_id", "at")
        .join(first.select("lead_id", "connected_at"), on="lead_id", how="inner", validate="m:1")
        .filter(pl.col("at") <= pl.col("connected_at"))
        .group_by("lead_id")
        .agg(attempts=pl.len().cast(pl.Int64))
    )
    return first.join(attempts, on="lead_id", how="left", validate="1:1")


def touch_counts(
    leads: pl.LazyFrame, approaches_of_leads: pl.LazyFrame, as_of: date
) -> pl.LazyFrame:
    """The leads with `touches`, 0 if none, and `days_known`: from the acquisition to as_of."""
    touches = approaches_of_leads.group_by("lead_id").agg(touches=pl.len().cast(pl.Int64))
    return leads.join(touches, on="lead_id", how="left", validate="1:1").with_columns(
        pl.col("touches").fill_null(0),
        days_known=(pl.lit(as_of) - pl.col("created_date")).dt.total_days(),
    )


def recycles(
    all_recycles: pl.LazyFrame,
    leads: pl.LazyFrame,
    approaches_of_leads: pl.LazyFrame,
    as_of: date,
) -> pl.LazyFrame:
    """Grain: one row per recycle of a surviving lead by as_of.

    Columns: the lead's, recycled_at, event_date, and attempts: the approaches since the recycle
    before, or since ever. One at the very moment of a recycle comes after it.
    """
    happened = all_recycles.filter(has_passed("recycled_at", as_of)).join(
        leads, on="lead_id", how="inner", validate="m:1"
    )
    earlier = (
        happened.select("lead_id", "recycled_at")
        .join(approaches_of_leads.select("lead_id", "at"), on="lead_id", how="inner")
        .filter(pl.col("at") < pl.col("recycled_at"))
        .group_by("lead_id", "recycled_at")
        .agg(so_far=pl.len().cast(pl.Int64))
    )
    so_far = pl.col("so_far")
    return (
        happened.join(earlier, on=["lead_id", "recycled_at"], how="left", validate="1:1")
        .with_columns(so_far.fill_null(0), event_date=business_date("recycled_at"))
        .sort("lead_id", "recycled_at")
        .with_columns(attempts=so_far - so_far.shift(1).over("lead_id").fill_null(0))
    )
