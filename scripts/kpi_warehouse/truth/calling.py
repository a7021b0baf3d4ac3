"""When calls are made and which attempt they are: the truth of connection_by_hour and _attempt.

Every dial of the log gets its hour, its class of days and its number, one by one; the tables are
counts of those dials. National holidays come from the `holidays` package and the company's own from
the log, not from the warehouse's calendar.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import holidays
import polars as pl

from kpi_warehouse.truth import facts
from kpi_warehouse.truth.calendar import APRIL, BUSINESS_UTC_OFFSET, period_bounds
from kpi_warehouse.truth.expressions import is_in

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

GRAINS = ("month", "quarter", "half", "fiscal_year")
WINDOW_MONTHS = 12
LAST_SINGLE_ATTEMPT = 9
COUNTS = (
    "calls_made",
    "calls_connected",
    "calls_to_targets",
    "target_connections",
    "first_connections",
)


@dataclass(frozen=True)
class Period:
    """A period by which calls are compared; both days are in."""

    grain: str
    start: date
    end: date


def dials(log: "WorldLog") -> pl.DataFrame:
    """Grain: one row per outbound call that counts (R4, R6), by the as-of date.

    Columns: channel_id, call_date, day_class (1 to 7, national_holiday, company_holiday),
    hour_of_day (0 to 23 in Tokyo), attempt_class (1 to 9, 10+, unknown without a lead that
    exists: R10), and 1 or 0 in each of COUNTS.
    """
    leads = facts.surviving_leads(log).select("lead_id", "channel_id", "is_target").collect()
    channels = dict(zip(leads["lead_id"], leads["channel_id"], strict=True))
    no_targets = set(leads.filter(pl.col("is_target").not_())["lead_id"])
    calls = (
        facts.with_cycle(
            facts.calls(log).filter(pl.col("direction") == "outbound"),
            log,
            "at",
        )
        .with_columns(reached=pl.col("is_connected") & is_in("person", ("target",)))
        .sort("at", "call_id")
        .collect()
    )
    day_class = _day_classes(calls["event_date"], log.company_holidays["date"])
    attempts: dict[tuple[str, int], int] = {}
    connected_before: set[tuple[str, int]] = set()
    rows = []
    for call in calls.iter_rows(named=True):
        lead, reached = call["lead_id"], call["reached"]
        attempt, is_first = None, False
        if lead in channels:
            cycle = (lead, call["cycle"])
            attempt = attempts[cycle] = attempts.get(cycle, 0) + 1
            is_first = call["is_connected"] and cycle not in connected_before
            if call["is_connected"]:
                connected_before.add(cycle)
        to_target = lead not in no_targets
        rows.append(
            (
                channels.get(lead, facts.UNKNOWN),
                call["event_date"],
                day_class[call["event_date"]],
                (call["at"] + BUSINESS_UTC_OFFSET).hour,
                attempt_class(attempt),
                1,
                int(call["is_connected"]),
                int(to_target),
                int(to_target and reached),
                int(is_first),
            )
        )
    names = ("channel_id", "call_date", "day_class", "hour_of_day", "attempt_class", *COUNTS)
    types = (pl.String, pl.Date, pl.String, pl.Int64, pl.String, *[pl.Int64] * len(COUNTS))
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


def attempt_class(attempt: int | None) -> str:
    """The class of the attempt of that number, from 1; None is a call without a known lead."""
    if attempt is None:
        return facts.UNKNOWN
    if attempt > LAST_SINGLE_ATTEMPT:
        return f"{LAST_SINGLE_ATTEMPT + 1}+"
    return str(attempt)


def day_class(day: date, company_holidays: Iterable[date]) -> str:
    """Weekday 1 (Monday) to 7, or the kind of holiday; a national one is no company's."""
    return _day_classes([day], company_holidays)[day]


def _day_classes(days: Iterable[date], company_holidays: Iterable[date]) -> dict[date, str]:
    distinct = set(days)
    national = holidays.country_holidays("JP", years={day.year for day in distinct})
    closed = set(company_holidays)
    classes = {}
    for day in distinct:
        if day in national:
            classes[day] = "national_holiday"
        elif day in closed:
            classes[day] = "company_holiday"
        else:
            classes[day] = str(day.isoweekday())
    return classes


def periods(days: Iterable[date], as_of: date, fiscal_year_start_month: int = APRIL) -> set[Period]:
    """The periods that hold one of the days, and the window of the last months up to as_of."""
    found = {
        Period(grain, *period_bounds(day, grain, fiscal_year_start_month))
        for day in set(days)
        for grain in GRAINS
    }
    return {*found, window(as_of)}


def window(as_of: date, months: int = WINDOW_MONTHS) -> Period:
    """The months up to and with as_of: from the day after the same day so many months before."""
    year, month0 = divmod(as_of.year * 12 + as_of.month - 1 - months, 12)
    first_of_next = date(year + (month0 == 11), (month0 + 1) % 12 + 1, 1)
    last_of_month = first_of_next - timedelta(days=1)
    before = last_of_month.replace(day=min(as_of.day, last_of_month.day))
    return Period(f"last_{months}_months", before + timedelta(days=1), as_of)


def counts_by(
    frame: pl.DataFrame, as_of: date, keys: Sequence[str], fiscal_year_start_month: int = APRIL
) -> pl.DataFrame:
    """Grain: one row per period and keys in which there is a dial.

    Args:
        frame: as of `dials`.
        as_of: the last day that is in.
        keys: columns of the frame, for instance channel_id, day_class and hour_of_day.
        fiscal_year_start_month: 1 to 12.

    Columns: period_grain, period_start, period_end, the keys, and the sums of COUNTS.
    """
    counted = []
    for period in periods(frame["call_date"], as_of, fiscal_year_start_month):
        inside = frame.filter(pl.col("call_date").is_between(period.start, period.end))
        counted.append(
            inside.group_by(keys)
            .agg(pl.col(COUNTS).sum())
            .with_columns(
                period_grain=pl.lit(period.grain),
                period_start=pl.lit(period.start),
                period_end=pl.lit(period.end),
            )
        )
    return pl.concat(counted)
