"""The marts of money that are no KPI tables: velocity, coverage, reasons of loss and rejection.

Everything is computed from the log and what the extracts were written from: targets, goals and
the reasons that people stated, which the log does not hold.
"""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.truth import deals as opportunities
from kpi_warehouse.truth import facts
from kpi_warehouse.truth.calendar import APRIL, period_bounds, periods_of
from kpi_warehouse.truth.events import DEFAULT_POLICIES
from kpi_warehouse.truth.facts import UNKNOWN, Policies

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

ALL = "all"
COARSE_GRAINS = ("month", "quarter", "half", "fiscal_year")
# what the world's people state, and which reason it is
REASONS = {
    "予算なし": "no_budget",
    "競合他社に決定": "competitor",
    "時期尚早": "timing",
    "要件不一致": "not_a_fit",
    "音信不通": "no_response",
}
_VELOCITY_MEASURES = (
    "opportunities_created",
    "deals_closed",
    "deals_won",
    "amount_won",
    "cycle_days_won",
)


def velocity(events: pl.DataFrame, fiscal_year_start_month: int = APRIL) -> pl.DataFrame:
    """Grain: one row per period grain from month up, period and channel (`all`: the total).

    With c created, w won of d closed deals, the yen a and the days t of the won ones, the velocity
    c × w/d × a/w ÷ t/w is c × a × w ÷ (d × t), without a mean in between.

    Args:
        events: counted events, as `events.all_events` gives them.
        fiscal_year_start_month: 1 to 12.

    Returns: period_grain, period_start, channel_id, opportunities_created, deals_closed,
        deals_won, velocity (Float64; null without a won deal or days) and why it is null. A period
        in which none of the measures occurs has no row.
    """
    counted = events.filter(pl.col("measure_id").is_in(_VELOCITY_MEASURES))
    periods = periods_of(counted["event_date"], fiscal_year_start_month).filter(
        pl.col("period_grain").is_in(COARSE_GRAINS)
    )
    total = counted.with_columns(channel_id=pl.lit(ALL))
    wide = (
        pl.concat([counted, total])
        .join(periods, left_on="event_date", right_on="date")
        .group_by("period_grain", "period_start", "channel_id")
        .agg(
            pl.col("quantity").filter(pl.col("measure_id") == name).sum().alias(name)
            for name in _VELOCITY_MEASURES
        )
        .with_columns(pl.col(_VELOCITY_MEASURES).cast(pl.Float64).fill_null(0))
    )
    created, closed, won, amount, days = map(pl.col, _VELOCITY_MEASURES)
    why = (
        pl.when(closed == 0)
        .then(pl.lit("no_deals_closed"))
        .when(won == 0)
        .then(pl.lit("no_deals_won"))
        .when(days <= 0)
        .then(pl.lit("no_cycle_days"))
    )
    return wide.with_columns(velocity_reason=why).select(
        "period_grain",
        "period_start",
        "channel_id",
        pl.col("opportunities_created", "deals_closed", "deals_won").cast(pl.Int64),
        "velocity_reason",
        velocity=pl.when(pl.col("velocity_reason").is_null()).then(
            created * amount * won / (closed * days)
        ),
    )


def coverage(
    log: "WorldLog",
    events: pl.DataFrame,
    targets: dict[date, Decimal],
    policies: Policies = DEFAULT_POLICIES,
    fiscal_year_start_month: int = APRIL,
) -> dict[tuple[str, str], dict[str, object]]:
    """What is open over what remains of the target, for the periods that hold the as-of date.

    Args:
        log: what truly happened.
        events: its counted events.
        targets: target of won amount by month (its first day), for all channels together.
        policies: the choices the definitions leave open.
        fiscal_year_start_month: 1 to 12.

    Returns: by period grain and channel (`all`: the total) the columns of the mart; a channel has
        no target.
    """
    created = opportunities.created_deals(
        log,
        facts.approaches(log, policies),
        facts.appointments(log),
        policies.influence_window_days,
    )
    leads = facts.surviving_leads(log).select("lead_id", "channel_id")
    is_open = (
        created.filter("is_open")
        .join(leads, on="lead_id", how="left")
        .with_columns(pl.col("channel_id").fill_null(UNKNOWN))
        .collect()
    )
    won = events.filter(pl.col("measure_id") == "amount_won_involved")
    found = {}
    for grain in COARSE_GRAINS:
        first, last = period_bounds(log.as_of_date, grain, fiscal_year_start_month)
        target = _target(targets, first, last)
        in_period = won.filter(pl.col("event_date").is_between(first, last))
        bounds = {"period_start": first, "period_end": last}
        found[grain, ALL] = bounds | _covered(is_open, in_period, target)
        for channel in {*won["channel_id"], *is_open["channel_id"]}:
            found[grain, channel] = bounds | _covered(
                is_open.filter(channel_id=channel), in_period.filter(channel_id=channel), None
            )
    return found


def _target(targets: dict[date, Decimal], first: date, last: date) -> Decimal | None:
    """The sum of the targets of the months from first to last; None if one of them has none."""
    months = pl.date_range(first, last, "1mo", eager=True).to_list()
    return sum(targets[month] for month in months) if set(months) <= set(targets) else None


def _covered(is_open: pl.DataFrame, won: pl.DataFrame, target: Decimal | None) -> dict[str, object]:
    """What these open deals are over what these won ones leave of the target."""
    involved = is_open.filter(pl.col("is_sourced") | pl.col("is_influenced"))
    sums = {
        "": _total(is_open["amount_jpy"]),
        "_involved": _total(involved["amount_jpy"]),
        "_sourced": _total(is_open.filter("is_sourced")["amount_jpy"]),
    }
    won_amount = _total(won["quantity"])
    remaining = None if target is None else target - won_amount
    is_left = remaining is not None and remaining > 0
    no_target = "no_target" if remaining is None else "target_reached"
    return {
        "target_amount": target,
        "won_amount": won_amount,
        "remaining_amount": remaining,
        "open_deals": is_open.height,
        **{f"open_amount{scope}": amount for scope, amount in sums.items()},
        **{
            f"coverage{scope}": float(amount) / float(remaining) if is_left else None
            for scope, amount in sums.items()
        },
        "coverage_reason": None if is_left else no_target,
    }


def loss_reasons(
    log: "WorldLog",
    stated: pl.DataFrame,
    policies: Policies = DEFAULT_POLICIES,
    fiscal_year_start_month: int = APRIL,
) -> pl.DataFrame:
    """Grain: one row per period grain, period, channel and reason of lost deals.

    Args:
        log: what truly happened.
        stated: opportunity_id and reason, as the record states it.
        policies: the choices the definitions leave open.
        fiscal_year_start_month: 1 to 12.

    Returns: period_grain, period_start, channel_id, reason_id, cases, all_cases, share, amount.
    """
    closed = opportunities.closed_deals(
        log,
        facts.approaches(log, policies),
        facts.appointments(log),
        policies.influence_window_days,
    )
    lost = (
        closed.filter(~pl.col("is_won"))
        .select("lead_id", "event_date", case_id="opportunity_id", amount="amount_jpy")
        .collect()
    )
    return _by_reason(
        log, lost, stated.rename({"opportunity_id": "case_id"}), fiscal_year_start_month
    )


def rejection_reasons(
    log: "WorldLog", stated: pl.DataFrame, fiscal_year_start_month: int = APRIL
) -> pl.DataFrame:
    """Grain: one row per period grain, period, channel and reason of meetings without a prospect.

    Args:
        log: what truly happened.
        stated: appointment_id and reason, as the record of the appointment states it.
        fiscal_year_start_month: 1 to 12.

    Returns: as `loss_reasons`, amounts 0.
    """
    rejected = (
        facts.appointments(log)
        .filter(pl.col("is_judged") & ~pl.col("is_qualified"))
        .select(
            "lead_id",
            event_date="judged_date",
            case_id="appointment_id",
            amount=pl.lit(None, dtype=opportunities.AMOUNT_JPY),
        )
        .collect()
    )
    return _by_reason(
        log, rejected, stated.rename({"appointment_id": "case_id"}), fiscal_year_start_month
    )


def _by_reason(
    log: "WorldLog", cases: pl.DataFrame, stated: pl.DataFrame, fiscal_year_start_month: int
) -> pl.DataFrame:
    channels = facts.surviving_leads(log).select("lead_id", "channel_id").collect()
    known = (
        cases.join(channels, on="lead_id", how="left", validate="m:1")
        .join(stated, on="case_id", how="left", validate="1:1")
        .with_columns(
            pl.col("channel_id").fill_null(UNKNOWN),
            reason_id=pl.when(pl.col("reason").is_null())
            .then(pl.lit(UNKNOWN))
            .otherwise(pl.col("reason").replace_strict(REASONS, default="unmapped")),
        )
        .join(
            periods_of(cases["event_date"], fiscal_year_start_month),
            left_on="event_date",
            right_on="date",
        )
    )
    cell = ["period_grain", "period_start", "channel_id"]
    counted = known.group_by(*cell, "reason_id").agg(
        cases=pl.len().cast(pl.Int64), amount=pl.col("amount").sum().cast(pl.Float64)
    )
    return counted.with_columns(all_cases=pl.col("cases").sum().over(cell)).with_columns(
        share=pl.col("cases") / pl.col("all_cases")
    )


def _total(amounts: pl.Series) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
