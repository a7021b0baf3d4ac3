"""Time in the world: whole seconds since 1970 in UTC, day numbers of Japan, business days.

A day number is the count of days since 1970-01-01 of a date in Japan; `NEVER` stands for "no time".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import holidays
import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.log import UTC
from kpi_warehouse.world.randomness import pick, whole
from kpi_warehouse.world.rates import Rates

Seconds = NDArray[np.int64]
Days = NDArray[np.int64]

DAY = 86_400
HOUR = 3_600
JAPAN = 9 * HOUR
"""Offset of Japan (no daylight saving time) from UTC, seconds."""
OPENING, CLOSING = 9 * HOUR, 18 * HOUR + HOUR // 2
"""Working hours, seconds of the day in Japan."""
NEVER = np.iinfo(np.int64).min
EPOCH = date(1970, 1, 1)

CLOSED = {(12, 29): "年末休業", (12, 30): "年末休業", (12, 31): "年末休業"} | {
    (1, 1): "年始休業",
    (1, 2): "年始休業",
    (1, 3): "年始休業",
    (8, 13): "お盆休業",
    (8, 14): "お盆休業",
    (8, 15): "お盆休業",
}
"""(month, day) → name of the days on which the company itself is closed."""


def day_number(day: date) -> int:
    """Day number of a date."""
    return (day - EPOCH).days


def utc_seconds(day: Days, second_of_day: Seconds | int) -> Seconds:
    """The moment of a second of a day in Japan."""
    return day * DAY + second_of_day - JAPAN


def japan_day(moment: Seconds) -> Days:
    """Day number in Japan of a moment."""
    return (moment + JAPAN) // DAY


def japan_second(moment: Seconds) -> Seconds:
    """Second of the day in Japan of a moment."""
    return (moment + JAPAN) % DAY


def as_of_end(as_of_date: date) -> datetime:
    """The first moment (naive UTC) after a day in Japan."""
    midnight = datetime(as_of_date.year, as_of_date.month, as_of_date.day)
    return midnight + timedelta(seconds=DAY - JAPAN)


def timestamps(moment: Seconds) -> pl.Series:
    """Moments as UTC timestamps; `NEVER` becomes null."""
    series = pl.Series(moment).cast(pl.Int64)
    known = series.zip_with(series != NEVER, pl.Series([None], dtype=pl.Int64))
    return (known * 1_000_000).cast(UTC)


@dataclass(frozen=True)
class Calendar:
    """The days of a world.

    Attributes:
        first_day, last_day: First and last day number of the world.
        as_of_day: The last day that is in.
        business_days: Day numbers of the business days, ascending.
        company_holidays: Frame (date, name) of the company's own days off.
        month_starts: Day numbers of the first day of each month after `first_day`.
    """

    first_day: int
    last_day: int
    as_of_day: int
    business_days: Days
    company_holidays: pl.DataFrame
    month_starts: Days

    @property
    def end(self) -> int:
        """The first moment after the world: nothing later is in any extract."""
        return int(utc_seconds(np.int64(self.last_day + 1), 0))

    @property
    def as_of_end(self) -> int:
        """The first moment after the as_of_date."""
        return int(utc_seconds(np.int64(self.as_of_day + 1), 0))

    def position(self, day: Days) -> NDArray[np.int64]:
        """Position in `business_days` of the first business day at or after a day."""
        return np.searchsorted(self.business_days, day)

    def is_business_day(self, day: Days) -> NDArray[np.bool_]:
        """Whether a day is a business day."""
        return self.business_day(self.position(day)) == day

    def business_day(self, position: NDArray[np.int64]) -> Days:
        """Day number of a position; positions after the end stay after the world's last day."""
        beyond = position - (self.business_days.size - 1)
        known = self.business_days[np.minimum(position, self.business_days.size - 1)]
        return np.where(beyond > 0, self.last_day + beyond, known)

    def next_month_start(self, day: Days) -> Days:
        """The first day of the month after a day; after the last month: past the world's end."""
        padded = np.append(self.month_starts, self.last_day + 40)
        return padded[np.searchsorted(self.month_starts, day, side="right")]


def make_calendar(start: date, as_of_date: date, days_after: int) -> Calendar:
    """The calendar from `start` to `days_after` days after `as_of_date`."""
    last = as_of_date + timedelta(days=days_after)
    days = [start + timedelta(days=offset) for offset in range((last - start).days + 1)]
    national = holidays.country_holidays("JP", years=range(start.year, last.year + 1))
    closed = [(day, CLOSED[(day.month, day.day)]) for day in days if (day.month, day.day) in CLOSED]
    off = {day for day, _ in closed}
    business = [d for d in days if d.weekday() < 5 and d not in national and d not in off]
    return Calendar(
        first_day=day_number(start),
        last_day=day_number(last),
        as_of_day=day_number(as_of_date),
        business_days=np.array([day_number(day) for day in business], dtype=np.int64),
        company_holidays=pl.DataFrame(
            closed, schema={"date": pl.Date, "name": pl.String}, orient="row"
        ),
        month_starts=np.array(
            [day_number(day) for day in days[1:] if day.day == 1], dtype=np.int64
        ),
    )


def demand(calendar: Calendar, rates: Rates) -> NDArray[np.float64]:
    """Relative demand of each day of the calendar (season, quarter ends, quiet weeks)."""
    season = rates.tables["season"]
    days = [EPOCH + timedelta(days=n) for n in range(calendar.first_day, calendar.last_day + 1)]
    weights = np.array([season["month"][day.month - 1] for day in days])
    quarter_end = np.array([day.month % 3 == 0 and day.day > 16 for day in days])
    quiet = np.array(
        [
            (day.month, day.day) >= (12, 25)
            or (day.month, day.day) <= (1, 7)
            or (8, 8) <= (day.month, day.day) <= (8, 18)
            for day in days
        ]
    )
    return (
        weights
        * np.where(quarter_end, season["quarter_end"], 1.0)
        * np.where(quiet, season["quiet"], 1.0)
    )


def working_seconds(rng: np.random.Generator, rates: Rates, size: int) -> Seconds:
    """Seconds of the day within working hours, by the weight of each hour."""
    hour = pick(rng, rates.tables["hours"]["weight"], size)
    return OPENING + hour * HOUR + whole(rng.random(size) * HOUR)
