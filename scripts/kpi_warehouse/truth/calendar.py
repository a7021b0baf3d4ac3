"""Business dates and reporting periods, from datetime arithmetic alone."""

from datetime import date, datetime, time, timedelta

import polars as pl

GRAINS = ("day", "week", "month", "quarter", "half", "fiscal_year")

# Asia/Tokyo has been UTC+9 without daylight saving since 1952, so an offset is the time zone (R16).
BUSINESS_UTC_OFFSET = timedelta(hours=9)

APRIL = 4

_MONTHS_PER_PERIOD = {"month": 1, "quarter": 3, "half": 6, "fiscal_year": 12}


def business_date(column: str | pl.Expr) -> pl.Expr:
    """The date in Tokyo of a naive UTC timestamp (R16): 15:00 UTC is already the next day."""
    moment = pl.col(column) if isinstance(column, str) else column
    return (moment + BUSINESS_UTC_OFFSET).dt.date()


def end_of_business_day(day: date) -> datetime:
    """The first UTC moment that is after `day` in the business time zone."""
    return datetime.combine(day + timedelta(days=1), time()) - BUSINESS_UTC_OFFSET


def period_bounds(day: date, grain: str, fiscal_year_start_month: int = APRIL) -> tuple[date, date]:
    """First and last day (inclusive) of the period of this grain that holds the day.

    Weeks start on Monday, as in ISO 8601. Quarters and halves are counted from the first month
    of the fiscal year.

    Raises:
        ValueError: the grain is not one of `GRAINS`, or the month is not 1 to 12.
    """
    if not 1 <= fiscal_year_start_month <= 12:
        raise ValueError(f"fiscal_year_start_month is {fiscal_year_start_month}; it is 1 to 12")
    if grain == "day":
        return day, day
    if grain == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    if grain not in _MONTHS_PER_PERIOD:
        raise ValueError(f"unknown period grain {grain!r}; known: {', '.join(GRAINS)}")
    length = _MONTHS_PER_PERIOD[grain]
    months_into_year = (day.month - fiscal_year_start_month) % 12
    start = _add_months(day.replace(day=1), -(months_into_year % length))
    return start, _add_months(start, length) - timedelta(days=1)


def periods_of(days: pl.Series, fiscal_year_start_month: int = APRIL) -> pl.DataFrame:
    """Grain: one row per distinct day and period grain.

    Columns: date, period_grain, period_start, period_end.
    """
    rows = [
        (day, grain, *period_bounds(day, grain, fiscal_year_start_month))
        for day in days.drop_nulls().unique().sort()
        for grain in GRAINS
    ]
    schema = {
        "date": pl.Date,
        "period_grain": pl.String,
        "period_start": pl.Date,
        "period_end": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _add_months(first_of_month: date, months: int) -> date:
    """The first of the month that many months later (or earlier, if negative)."""
    year, month0 = divmod(first_of_month.year * 12 + first_of_month.month - 1 + months, 12)
    return date(year, month0 + 1, 1)
