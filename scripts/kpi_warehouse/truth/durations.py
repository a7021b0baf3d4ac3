"""How long things took, and the statistics of it, computed apart from the warehouse's SQL.

Business time is the overlap of each interval with every opening of the calendar, and the
Kaplan-Meier curve comes from handing the weight of each unfinished case to those that lasted
longer, which gives the same curve as the product of the warehouse by another way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import holidays
import numpy as np
import polars as pl

from kpi_warehouse.truth import deals as opportunities
from kpi_warehouse.truth import facts
from kpi_warehouse.truth.calendar import (
    APRIL,
    BUSINESS_UTC_OFFSET,
    business_date,
    end_of_business_day,
    periods_of,
)
from kpi_warehouse.truth.expressions import has_come
from kpi_warehouse.truth.facts import UNKNOWN, Policies

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

OPENS, CLOSES = time(9), time(18)
# leads whose overlap with every business day is held at once
_CHUNK = 2_000
# A share that is one half but for the rounding of floating point is one half.
HALF = 0.5 + 1e-9
DEFAULT_POLICIES = Policies()

SCHEMA = pl.Schema(
    {
        "distribution_id": pl.String,
        "case_id": pl.String,
        "channel_id": pl.String,
        "rep_id": pl.String,
        "team": pl.String,
        "observed_value": pl.Float64,
        "is_finished": pl.Boolean,
        "event_date": pl.Date,
        "cohort_date": pl.Date,
    }
)
STAGE = "stage"


def observations(log: "WorldLog", policies: Policies = DEFAULT_POLICIES) -> pl.DataFrame:
    """Grain: one row per distribution and case, of `SCHEMA`.

    Columns: observed_value in minutes (speed to lead), days (judgement, deal cycle) or yen (deal
    amount); event_date is null where the case has not finished, cohort_date where no surviving
    lead is known.
    """
    leads = facts.surviving_leads(log).collect().lazy()
    approaches = facts.approaches(log, policies).collect().lazy()
    appointments = facts.appointments(log).collect().lazy()
    cases = pl.concat(
        [
            _speed_to_lead(log, leads, approaches, appointments),
            _of_lead(_time_to_judgement(log), leads),
            _of_lead(_deals(log, approaches, appointments, policies), leads),
        ]
    )
    return _with_teams(cases, log.users.lazy()).select(SCHEMA.names()).collect()


def stays(log: "WorldLog", policies: Policies = DEFAULT_POLICIES) -> pl.DataFrame:
    """Grain: one row per opportunity and stay in a stage before the end; days until it left.

    Columns as `SCHEMA`, with `stage` (as the log names it). A stage entered twice in a row is one
    stay, and one that is entered again after another a second one.
    """
    entries = opportunities.stage_entries(log).sort("opportunity_id", "at", "rank")
    moves = entries.filter(
        (pl.col("stage") != pl.col("stage").shift().over("opportunity_id")).fill_null(value=True)
    ).with_columns(left_at=pl.col("at").shift(-1).over("opportunity_id"))
    leads = facts.surviving_leads(log).collect().lazy()
    credit = opportunities.all_deals(
        log,
        facts.approaches(log, policies),
        facts.appointments(log),
        policies.influence_window_days,
    ).select("opportunity_id", "rep_id")
    open_stages = moves.filter(
        ~pl.col("stage").is_in([opportunities.WON_STAGE, opportunities.LOST_STAGE])
    )
    ended = pl.col("left_at").fill_null(end_of_business_day(log.as_of_date))
    cases = (
        open_stages.join(credit, on="opportunity_id", how="left", validate="m:1")
        .select(
            "lead_id",
            "rep_id",
            STAGE,
            distribution_id=pl.lit("time_in_stage"),
            case_id=pl.col("opportunity_id"),
            observed_value=(ended - pl.col("at")).dt.total_seconds() / 86_400,
            is_finished=pl.col("left_at").is_not_null(),
            event_date=business_date("left_at"),
            started_date=business_date("at"),
        )
        .pipe(_of_lead, leads)
    )
    return _with_teams(cases, log.users.lazy()).select(*SCHEMA.names(), STAGE).collect()


def lead_waits(log: "WorldLog", leads: pl.LazyFrame, approaches: pl.LazyFrame) -> pl.LazyFrame:
    """Grain: one row per surviving lead: how long it waited for its first approach.

    Columns: lead_id, seconds, business_seconds, is_finished (approached), ended_at (the approach,
    the acquisition if that came later, or the end of the as-of date).
    """
    touches = approaches.group_by("lead_id").agg(touched_at=pl.col("at").min())
    waits = (
        leads.join(touches, on="lead_id", how="left", validate="1:1")
        .with_columns(
            is_finished=pl.col("touched_at").is_not_null(),
            ended_at=pl.max_horizontal(
                pl.col("touched_at").fill_null(end_of_business_day(log.as_of_date)), "created_at"
            ),
        )
        .collect()
    )
    return waits.lazy().select(
        "lead_id",
        "is_finished",
        "ended_at",
        seconds=(pl.col("ended_at") - pl.col("created_at")).dt.total_seconds(),
        business_seconds=business_seconds(log, waits["created_at"], waits["ended_at"]),
    )


def _speed_to_lead(
    log: "WorldLog", leads: pl.LazyFrame, approaches: pl.LazyFrame, appointments: pl.LazyFrame
) -> pl.LazyFrame:
    """From the acquisition to the first approach; a lead approached before did not wait."""
    credit = facts.lead_credits(leads, appointments, approaches)
    waits = (
        leads.join(lead_waits(log, leads, approaches), on="lead_id", how="left", validate="1:1")
        .join(credit, on="lead_id", how="left", validate="1:1")
        .collect()
        .lazy()
    )
    clocks = {"speed_to_lead": "seconds", "speed_to_lead_business": "business_seconds"}
    return pl.concat(
        [
            waits.select(
                pl.lit(name).alias("distribution_id"),
                pl.col("lead_id").alias("case_id"),
                "channel_id",
                "rep_id",
                (pl.col(column).cast(pl.Float64) / 60).alias("observed_value"),
                "is_finished",
                pl.when("is_finished").then(business_date("ended_at")).alias("event_date"),
                pl.col("created_date").alias("started_date"),
                pl.col("created_date").alias("cohort_date"),
            )
            for name, column in clocks.items()
        ]
    )


def _time_to_judgement(log: "WorldLog") -> pl.LazyFrame:
    """From the meeting to field sales' word on it."""
    as_of = log.as_of_date
    held = log.appointments.lazy().filter(
        (pl.col("outcome") == "held")
        & has_come("starts_at", as_of)
        & (pl.col("booked_at") < end_of_business_day(as_of))
    )
    is_judged = pl.col("judgement").is_not_null() & has_come("judged_at", as_of)
    ended = pl.max_horizontal(
        pl.when(is_judged).then("judged_at").otherwise(end_of_business_day(as_of)),
        "starts_at",
    )
    return held.select(
        "lead_id",
        pl.lit("time_to_judgement").alias("distribution_id"),
        pl.col("appointment_id").alias("case_id"),
        pl.col("booked_by_id").alias("rep_id"),
        ((ended - pl.col("starts_at")).dt.total_seconds() / 86_400).alias("observed_value"),
        is_judged.alias("is_finished"),
        pl.when(is_judged).then(business_date("judged_at")).alias("event_date"),
        business_date("starts_at").alias("started_date"),
    )


def _deals(
    log: "WorldLog", approaches: pl.LazyFrame, appointments: pl.LazyFrame, policies: Policies
) -> pl.LazyFrame:
    """Whole days from the creation to the close, and the yen of what was won."""
    deals = opportunities.all_deals(
        log, approaches, appointments, policies.influence_window_days
    ).with_columns(case_id="opportunity_id", event_date="closed_date", started_date="created_date")
    columns = ("lead_id", "distribution_id", "case_id", "rep_id", "observed_value", "is_finished")
    last = pl.col("closed_date").fill_null(log.as_of_date)
    cycles = deals.with_columns(
        distribution_id=pl.lit("deal_cycle"),
        observed_value=(last - pl.col("created_date")).dt.total_days().clip(0).cast(pl.Float64),
        is_finished=pl.col("closed_date").is_not_null(),
    )
    amounts = deals.filter(pl.col("is_won") & pl.col("amount_jpy").is_not_null()).with_columns(
        distribution_id=pl.lit("deal_amount"),
        observed_value=pl.col("amount_jpy").cast(pl.Float64),
        is_finished=pl.lit(value=True),
    )
    return pl.concat(
        [frame.select(*columns, "event_date", "started_date") for frame in (cycles, amounts)]
    )


def business_seconds(log: "WorldLog", starts: pl.Series, ends: pl.Series) -> pl.Series:
    """Seconds of each interval in business hours: its overlaps with all openings, added up."""
    if starts.is_empty():
        return pl.Series([], dtype=pl.Int64)
    first = (starts.min() + BUSINESS_UTC_OFFSET).date()
    last = (ends.max() + BUSINESS_UTC_OFFSET).date()
    opened, closed = (
        np.array(
            [
                _epoch(datetime.combine(day, clock) - BUSINESS_UTC_OFFSET)
                for day in business_days(first, last, set(log.company_holidays["date"]))
            ],
            dtype=np.int64,
        )
        for clock in (OPENS, CLOSES)
    )
    begun, ended = (series.dt.epoch("s").to_numpy() for series in (starts, ends))
    found = np.zeros(len(begun), dtype=np.int64)
    for row in range(0, len(begun), _CHUNK):
        part = slice(row, row + _CHUNK)
        overlap = np.minimum.outer(ended[part], closed) - np.maximum.outer(begun[part], opened)
        found[part] = np.clip(overlap, 0, None).sum(axis=1)
    return pl.Series(found)


def business_days(first: date, last: date, closed: set[date]) -> list[date]:
    """Monday to Friday but for Japan's national holidays and the company's own."""
    national = holidays.country_holidays("JP", years=range(first.year, last.year + 1))
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5 and day not in national and day not in closed]


def _epoch(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1)).total_seconds())


def _of_lead(frame: pl.LazyFrame, leads: pl.LazyFrame) -> pl.LazyFrame:
    known = leads.select("lead_id", "channel_id", cohort_date="created_date")
    return (
        frame.join(known, on="lead_id", how="left", validate="m:1")
        .with_columns(pl.col("channel_id").fill_null(UNKNOWN))
        .select(
            "distribution_id",
            "case_id",
            "channel_id",
            "rep_id",
            "observed_value",
            "is_finished",
            "event_date",
            "started_date",
            "cohort_date",
            *([STAGE] if STAGE in frame.collect_schema() else []),
        )
    )


def _with_teams(cases: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """The rep's team on the day it ended, or began while it has not (R11)."""
    dated = cases.with_columns(
        pl.col("rep_id").fill_null(UNKNOWN), date=pl.coalesce("event_date", "started_date")
    )
    teams = facts.memberships(dated.select("rep_id", "date").unique(), users)
    return dated.join(
        teams.select("rep_id", "date", "team"), on=["rep_id", "date"], how="left", validate="m:1"
    ).with_columns(pl.col("team").fill_null(UNKNOWN))


@dataclass(frozen=True)
class Survival:
    """Where the curve reaches one half, and how many were still at risk there."""

    median: float
    at_risk: int


def survival_median(values: Sequence[float], finished: Sequence[bool]) -> Survival | None:
    """The Kaplan-Meier median by redistribution to the right; None if one half is not reached.

    Each case has the same weight. One that was left unfinished hands its weight to the cases that
    lasted longer, in equal parts; what remains after a finished case is the share not finished.
    Cases that finish at a time come before those left unfinished at it.

    Source: B. Efron, "The Two Sample Problem with Censored Data", Proc. Fifth Berkeley Symposium
    4 (1967), 831-853; equal to the estimate of Kaplan and Meier.
    """
    order = sorted(zip(values, (not is_done for is_done in finished), strict=True))
    left = len(order)
    if not left:
        return None
    weight, share = 1 / left, 1.0
    at_risk_since: dict[float, int] = {}
    for value, is_censored in order:
        at_risk_since.setdefault(value, left)
        left -= 1
        if is_censored:
            # the last one keeps its weight: there is nobody to hand it to
            weight += weight / left if left else 0
        else:
            share -= weight
            if share <= HALF:
                return Survival(value, at_risk_since[value])
    return None


def statistics_of(
    cases: pl.DataFrame,
    dimension: Iterable[str] = (),
    fiscal_year_start_month: int = APRIL,
) -> pl.DataFrame:
    """Grain: distribution_id, basis, period_grain, period_start and the columns of the dimension.

    Columns: the grain, period_end, cases, finished, median and p90 (of finished cases, linear
    between neighbours), km_median and at_risk_at_median (cohort basis). A period without cases
    has no row.
    """
    dimension = list(dimension)
    keys = [
        "distribution_id", "basis", "period_grain", "period_start", "period_end", *dimension
    ]  # fmt: skip
    dated = pl.concat(
        [
            cases.filter("is_finished").with_columns(basis=pl.lit("event"), date="event_date"),
            cases.with_columns(basis=pl.lit("cohort"), date="cohort_date"),
        ]
    ).filter(pl.col("date").is_not_null())
    periods = periods_of(dated["date"], fiscal_year_start_month)
    done = pl.col("observed_value").filter("is_finished")
    groups = (
        dated.join(periods, on="date", how="inner")
        .group_by(keys)
        .agg(
            cases=pl.len().cast(pl.Int64),
            finished=pl.col("is_finished").sum().cast(pl.Int64),
            median=done.quantile(0.5, "linear"),
            p90=done.quantile(0.9, "linear"),
            values=pl.col("observed_value"),
            flags=pl.col("is_finished"),
        )
    )
    curves = [
        survival_median(values, flags) if basis == "cohort" else None
        for basis, values, flags in groups.select("basis", "values", "flags").iter_rows()
    ]
    return groups.drop("values", "flags").with_columns(
        km_median=pl.Series(
            [curve.median if curve else None for curve in curves], dtype=pl.Float64
        ),
        at_risk_at_median=pl.Series(
            [curve.at_risk if curve else None for curve in curves], dtype=pl.Int64
        ),
    )
