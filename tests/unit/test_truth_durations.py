"""The truth of durations: curves and business time worked out by hand, or by the definition."""

import random
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby

import polars as pl
import pytest

from kpi_warehouse.truth.durations import (
    SCHEMA,
    business_days,
    business_seconds,
    statistics_of,
    survival_median,
)
from kpi_warehouse.world.log import SCHEMAS, WorldLog

F, C = True, False
DAY = date(2026, 4, 10)


def product_limit(values: list[int], finished: list[bool]) -> int | None:
    """The median by the definition of Kaplan and Meier, in exact fractions."""
    share, left = Fraction(1), len(values)
    cases = sorted(zip(values, finished, strict=True))
    for value, group in groupby(cases, key=lambda case: case[0]):
        members = list(group)
        share *= 1 - Fraction(sum(is_done for _, is_done in members), left)
        if share <= Fraction(1, 2):
            return value
        left -= len(members)
    return None


@pytest.mark.parametrize(
    ("values", "finished", "expected"),
    [
        # 3/5 are left after 1, for who leaves at 1 was still at risk; then 3/5 × 1/2
        ([1, 1, 1, 2, 3], [F, F, C, F, F], (2, 2)),
        # exactly one half: 5/6 × 4/5 × 3/4
        ([1, 2, 3, 4, 5, 6], [F] * 6, (3, 4)),
        # exactly one half by another way: 6/9 × 3/4
        ([1, 1, 1, 1.5, 1.5, 2, 3, 4, 5], [F, F, F, C, C, F, F, F, F], (2, 4)),
        ([10, 20], [C, C], None),
        ([1, 5, 5], [F, C, C], None),
        ([7], [F], (7, 1)),
        ([1, 2], [C, F], (2, 1)),
        ([], [], None),
    ],
)
def test_the_curve_is_kaplan_and_meiers(values, finished, expected) -> None:
    found = survival_median(values, finished)
    assert (found and (found.median, found.at_risk)) == expected


def test_handing_weights_on_is_the_product_limit() -> None:
    """Random cases with many ties, against exact fractions."""
    dice = random.Random(5)
    reached = 0
    for _ in range(500):
        size = dice.randint(1, 40)
        values = [dice.randint(1, 8) for _ in range(size)]
        finished = [dice.random() < 0.6 for _ in range(size)]
        expected = product_limit(values, finished)
        found = survival_median(values, finished)
        assert (found.median if found else None) == expected
        reached += expected is not None
    assert 100 < reached < 500


def test_business_days_leave_out_weekends_holidays_and_the_companys_own() -> None:
    # the 21st to 23rd of September 2026 are holidays
    found = business_days(date(2026, 9, 17), date(2026, 9, 28), {date(2026, 9, 25)})
    assert [day.day for day in found] == [17, 18, 24, 28]


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("09-17 01:00:00", "09-17 01:04:30", 270),
        ("09-17 00:00:00", "09-17 09:00:00", 32_400),
        ("09-17 08:30:00", "09-18 00:10:00", 2_400),
        ("09-17 12:00:00", "09-17 23:30:00", 0),
        ("09-17 14:59:59", "09-17 15:00:01", 0),
        ("09-18 08:00:00", "09-24 01:00:00", 7_200),
        ("09-21 03:00:00", "09-22 03:00:00", 0),
        ("09-27 03:00:00", "09-28 00:30:00", 1_800),
    ],
)
def test_business_time_stands_still_when_closed(start: str, end: str, seconds: int) -> None:
    """Times are UTC: the office is open from 00:00 to 09:00."""
    frames = {name: pl.DataFrame(schema=schema) for name, schema in SCHEMAS.items()}
    log = WorldLog(as_of_date=date(2026, 9, 30), seed=0, **frames)
    starts, ends = (
        pl.Series([datetime.fromisoformat(f"2026-{text}")], dtype=pl.Datetime("us"))
        for text in (start, end)
    )
    assert business_seconds(log, starts, ends).to_list() == [seconds]


def test_bases_have_their_own_dates_and_only_cohorts_have_a_curve() -> None:
    cases = pl.DataFrame(
        [
            ("wait", "1", "web", "r", "t", 4.0, True, date(2026, 6, 10), DAY),
            ("wait", "2", "web", "r", "t", 8.0, False, None, DAY),
            ("wait", "3", "web", "r", "t", 6.0, True, date(2026, 6, 10), None),
            ("wait", "4", "web", "r", "t", 8.0, True, date(2026, 6, 10), DAY),
        ],
        schema=SCHEMA,
        orient="row",
    )
    months = statistics_of(cases, ["channel_id"]).filter(pl.col("period_grain") == "month")
    columns = ["basis", "cases", "finished", "median", "p90", "km_median", "at_risk_at_median"]
    assert sorted(months.select(columns).rows()) == [
        ("cohort", 3, 2, 6.0, 7.6, 8.0, 2),
        ("event", 3, 3, 6.0, 7.6, None, None),
    ]
