"""Opportunities: the stages they entered, how they ended, whose they are and what they are worth.

As in `facts`, everything is cut at the end of the as_of business day (R17).
"""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.truth.calendar import business_date
from kpi_warehouse.truth.expressions import first_of, has_passed, is_in, is_true, last_of
from kpi_warehouse.truth.facts import inside_sales_only, numbered, with_cycle

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

WON_STAGE = "受注"
LOST_STAGE = "失注"
STAGE_RANKS = {
    "初回商談": 10,
    "ヒアリング": 20,
    "提案": 30,
    "見積": 40,
    "交渉": 50,
    WON_STAGE: 90,
    LOST_STAGE: 90,
}
AMOUNT_JPY = pl.Decimal(38, 2)

PROPOSAL_OR_BEYOND = ("提案", "見積", "交渉", WON_STAGE)


def stage_entries(log: "WorldLog") -> pl.LazyFrame:
    """Grain: one row per stage an opportunity that is not deleted has entered by as_of.

    Columns: opportunity_id, lead_id, stage, rank, at, owner_id (at the transition: R11).

    Raises:
        ValueError: the log names a stage outside its own vocabulary.
    """
    strange = set(log.stage_events["stage"].unique()) - set(STAGE_RANKS)
    if strange:
        raise ValueError(f"the log has stages that no rule ranks: {sorted(map(str, strange))}")
    return (
        log.stage_events.lazy()
        .filter(has_passed("entered_at", log.as_of_date))
        .join(_standing_opportunities(log), on="opportunity_id", how="inner")
        .select(
            "opportunity_id",
            "lead_id",
            "stage",
            "owner_id",
            at="entered_at",
            rank=pl.col("stage").replace_strict(STAGE_RANKS, return_dtype=pl.Int32),
        )
    )


def proposal_meetings(log: "WorldLog") -> pl.LazyFrame:
    """Grain: one row per lead and cycle in which an opportunity of it first reached proposal.

    Columns: opportunity_id, lead_id, rep_id (owner at the entry), at, event_date, cycle.
    An opportunity enters proposal once, however often it is reopened (R13).
    """
    proposals = stage_entries(log).filter(
        is_in("stage", PROPOSAL_OR_BEYOND) & pl.col("lead_id").is_not_null()
    )
    entries = first_of(proposals, "opportunity_id", ["at", "rank"]).select(
        "opportunity_id",
        "lead_id",
        "at",
        rep_id="owner_id",
        event_date=business_date("at"),
    )
    return (
        numbered(with_cycle(entries, log, "at"), "number", ["at", "opportunity_id"])
        .filter(pl.col("number") == 1)
        .drop("number")
    )


def closed_deals(
    log: "WorldLog",
    approach_facts: pl.LazyFrame,
    appointment_facts: pl.LazyFrame,
    influence_window_days: int,
) -> pl.LazyFrame:
    """Grain: one row per opportunity whose latest stage is won or lost (R13).

    Columns: opportunity_id, lead_id, rep_id (inside sales credit, may be null), event_date
    (the closing date), created_date, is_won, is_sourced, is_influenced, amount_jpy
    (Decimal(38, 2); null when no rate is known on or before the close: R14).
    """
    last_stages = last_of(stage_entries(log), "opportunity_id", ["at", "rank"])
    credit = _credits(log, approach_facts, appointment_facts, influence_window_days)
    return (
        last_stages.filter(is_in("stage", (WON_STAGE, LOST_STAGE)))
        .select(
            "opportunity_id",
            is_won=pl.col("stage") == WON_STAGE,
            event_date=business_date("at"),
        )
        .join(_standing_opportunities(log), on="opportunity_id", how="left", validate="1:1")
        .join(credit, on="opportunity_id", how="left", validate="1:1")
        .pipe(_with_amount_jpy, log.fx_rates.lazy())
        .select(
            "opportunity_id",
            "lead_id",
            "rep_id",
            "event_date",
            "is_won",
            "is_sourced",
            "is_influenced",
            "amount_jpy",
            created_date=business_date("created_at"),
        )
    )


def created_deals(
    log: "WorldLog",
    approach_facts: pl.LazyFrame,
    appointment_facts: pl.LazyFrame,
    influence_window_days: int,
) -> pl.LazyFrame:
    """Grain: one row per opportunity created by as_of, whatever became of it.

    Columns: opportunity_id, lead_id, rep_id (who created it: R11), event_date (its creation),
    is_open, is_sourced, is_influenced, amount_jpy (Decimal(38, 2), at the rate of the close; of an
    open one at that of as_of; null without a rate: R14).
    """
    window = influence_window_days
    closes = closed_deals(log, approach_facts, appointment_facts, window).select(
        "opportunity_id", close="event_date"
    )
    credit = _credits(log, approach_facts, appointment_facts, window).drop("rep_id")
    return (
        _standing_opportunities(log)
        .join(closes, on="opportunity_id", how="left", validate="1:1")
        .join(credit, on="opportunity_id", how="left", validate="1:1")
        .with_columns(event_date=pl.col("close").fill_null(log.as_of_date))
        .pipe(_with_amount_jpy, log.fx_rates.lazy())
        .select(
            "opportunity_id",
            "lead_id",
            "is_sourced",
            "is_influenced",
            "amount_jpy",
            rep_id="created_by_id",
            event_date=business_date("created_at"),
            is_open=pl.col("close").is_null(),
        )
    )


def all_deals(
    log: "WorldLog",
    approach_facts: pl.LazyFrame,
    appointment_facts: pl.LazyFrame,
    influence_window_days: int,
) -> pl.LazyFrame:
    """Grain: one row per opportunity that is not deleted, open ones as well.

    Columns: opportunity_id, lead_id, rep_id (inside sales credit, may be null), created_date,
    closed_date (null while it is open), is_won, amount_jpy (of closed ones, as in closed_deals).
    """
    closed = closed_deals(log, approach_facts, appointment_facts, influence_window_days).select(
        "opportunity_id", "is_won", "amount_jpy", closed_date="event_date"
    )
    credit = _credits(log, approach_facts, appointment_facts, influence_window_days)
    return (
        _standing_opportunities(log)
        .select("opportunity_id", "lead_id", created_date=business_date("created_at"))
        .join(credit, on="opportunity_id", how="left", validate="1:1")
        .join(closed, on="opportunity_id", how="left", validate="1:1")
        .select(
            "opportunity_id",
            "lead_id",
            "rep_id",
            "created_date",
            "closed_date",
            pl.col("is_won").fill_null(value=False),
            "amount_jpy",
        )
    )


def to_jpy(amount: Decimal, rate: Decimal) -> Decimal:
    """Amount times rate, exactly, rounded half away from zero to 2 decimals (R14)."""
    with localcontext(prec=80):
        return (amount * rate).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _standing_opportunities(log: "WorldLog") -> pl.LazyFrame:
    """Opportunities created by as_of that are not deleted."""
    return log.opportunities.lazy().filter(
        ~is_true("is_deleted") & has_passed("created_at", log.as_of_date)
    )


def _credits(
    log: "WorldLog",
    approach_facts: pl.LazyFrame,
    appointment_facts: pl.LazyFrame,
    influence_window_days: int,
) -> pl.LazyFrame:
    """Grain: one row per opportunity. Columns: opportunity_id, rep_id, is_sourced, is_influenced.

    The credit is the creator's if inside sales; else that of the booker of the latest
    appointment of the lead up to the creation; else of the rep of the latest influencing approach.
    """
    deals = _standing_opportunities(log).select(
        "opportunity_id", "lead_id", "created_at", "created_by_id"
    )
    creators = inside_sales_only(
        deals.select(
            "opportunity_id", rep_id="created_by_id", event_date=business_date("created_at")
        ),
        log.users.lazy(),
    ).select("opportunity_id", creator="rep_id")
    influences = _influences(approach_facts, deals, log.users.lazy(), influence_window_days)
    influencers = last_of(influences, "opportunity_id", ["at", "activity_id"]).select(
        "opportunity_id", influencer="rep_id"
    )
    booked = deals.join(appointment_facts, on="lead_id", how="inner").filter(
        pl.col("at") <= pl.col("created_at")
    )
    bookers = last_of(booked, "opportunity_id", ["at", "appointment_id"]).select(
        "opportunity_id", booker="rep_id"
    )
    return (
        deals.select("opportunity_id")
        .join(creators, on="opportunity_id", how="left", validate="1:1")
        .join(bookers, on="opportunity_id", how="left", validate="1:1")
        .join(influencers, on="opportunity_id", how="left", validate="1:1")
        .select(
            "opportunity_id",
            rep_id=pl.coalesce("creator", "booker", "influencer"),
            is_sourced=pl.col("creator").is_not_null(),
            is_influenced=pl.col("influencer").is_not_null(),
        )
    )


def _influences(
    approach_facts: pl.LazyFrame, deals: pl.LazyFrame, users: pl.LazyFrame, window_days: int
) -> pl.LazyFrame:
    """Grain: one row per deal and inside-sales approach to its lead within the window before it."""
    window_start = pl.col("created_at") - timedelta(days=window_days)
    near = (
        approach_facts.select("activity_id", "lead_id", "rep_id", "at", "event_date")
        .join(deals.select("opportunity_id", "lead_id", "created_at"), on="lead_id", how="inner")
        .filter(pl.col("at").is_between(window_start, pl.col("created_at"), closed="both"))
    )
    return inside_sales_only(near, users)


def _with_amount_jpy(deals: pl.LazyFrame, fx_rates: pl.LazyFrame) -> pl.LazyFrame:
    """Add `amount_jpy` at the rate of the closing date, or the latest one before it (R14)."""
    is_yen = pl.col("currency").fill_null("JPY") == "JPY"
    return (
        deals.sort("event_date")
        .join_asof(
            fx_rates.sort("date"),
            left_on="event_date",
            right_on="date",
            by="currency",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(rate=pl.when(is_yen).then(pl.lit(Decimal(1))).otherwise("jpy_rate"))
        .with_columns(
            amount_jpy=pl.struct("amount", "rate").map_batches(
                _amounts_jpy, return_dtype=AMOUNT_JPY
            )
        )
    )


def _amounts_jpy(pairs: pl.Series) -> pl.Series:
    """`to_jpy` of each struct of amount and rate; null where either is."""
    return pl.Series(
        [
            None if pair["amount"] is None or pair["rate"] is None else to_jpy(**pair)
            for pair in pairs
        ],
        dtype=AMOUNT_JPY,
    )
