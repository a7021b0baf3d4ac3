"""Business dates and reporting periods of the independent truth."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_warehouse.truth.calendar import (
    GRAINS,
    business_date,
    end_of_business_day,
    period_bounds,
    periods_of,
)


def test_r16__the_business_day_ends_at_15_00_utc() -> None:
    moments = pl.DataFrame({"at": [datetime(2025, 4, 30, 14, 59, 59), datetime(2025, 4, 30, 15)]})
    found = moments.select(business_date("at")).to_series().to_list()
    assert found == [date(2025, 4, 30), date(2025, 5, 1)]
    assert end_of_business_day(date(2025, 4, 30)) == datetime(2025, 4, 30, 15)


def test_period__every_distinct_day_has_one_period_per_grain() -> None:
    days = pl.Series([date(2025, 4, 1), None, date(2025, 4, 1), date(2025, 4, 2)])
    found = periods_of(days)
    assert found.height == 2 * len(GRAINS)
    assert found.null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize(
    ("day", "grain", "start", "end"),
    [
        (date(2025, 12, 29), "week", date(2025, 12, 29), date(2026, 1, 4)),
        (date(2026, 1, 4), "week", date(2025, 12, 29), date(2026, 1, 4)),
        (date(2026, 1, 5), "week", date(2026, 1, 5), date(2026, 1, 11)),
        (date(2024, 2, 29), "month", date(2024, 2, 1), date(2024, 2, 29)),
        (date(2025, 12, 31), "month", date(2025, 12, 1), date(2025, 12, 31)),
        (date(2026, 3, 31), "quarter", date(2026, 1, 1), date(2026, 3, 31)),
        (date(2025, 6, 30), "quarter", date(2025, 4, 1), date(2025, 6, 30)),
        (date(2025, 9, 30), "half", date(2025, 4, 1), date(2025, 9, 30)),
        (date(2026, 2, 1), "half", date(2025, 10, 1), date(2026, 3, 31)),
        (date(2026, 3, 31), "fiscal_year", date(2025, 4, 1), date(2026, 3, 31)),
        (date(2025, 4, 1), "fiscal_year", date(2025, 4, 1), date(2026, 3, 31)),
        (date(2025, 7, 7), "day", date(2025, 7, 7), date(2025, 7, 7)),
    ],
)
def test_period__bounds(day: date, grain: str, start: date, end: date) -> None:
    assert period_bounds(day, grain) == (start, end)


def test_period__2025_12_29_is_in_iso_week_2026_w01() -> None:
    assert period_bounds(date(2025, 12, 29), "week")[0] == date.fromisocalendar(2026, 1, 1)


def test_period__quarters_and_halves_follow_another_start_month() -> None:
    assert period_bounds(date(2025, 1, 31), "fiscal_year", 2)[0] == date(2024, 2, 1)
    assert period_bounds(date(2025, 1, 31), "quarter", 2) == (date(2024, 11, 1), date(2025, 1, 31))
    assert period_bounds(date(2025, 8, 1), "half", 2) == (date(2025, 8, 1), date(2026, 1, 31))


def test_period__refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="unknown period grain 'year'"):
        period_bounds(date(2025, 1, 1), "year")
    with pytest.raises(ValueError, match="1 to 12"):
        period_bounds(date(2025, 1, 1), "half", 0)


@given(
    day=st.dates(date(1990, 1, 1), date(2100, 12, 31)),
    grain=st.sampled_from(GRAINS),
    start_month=st.integers(1, 12),
)
def test_period__periods_tile_the_calendar(day: date, grain: str, start_month: int) -> None:
    start, end = period_bounds(day, grain, start_month)
    assert start <= day <= end
    assert period_bounds(start, grain, start_month) == (start, end)
    assert period_bounds(end, grain, start_month) == (start, end)
    assert period_bounds(end + timedelta(days=1), grain, start_month)[0] == end + timedelta(days=1)
