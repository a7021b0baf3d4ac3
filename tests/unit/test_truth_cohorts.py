"""The truth of cohorts and of the two bases, on a handful of leads and events."""

from datetime import date
from fractions import Fraction

import polars as pl
import pytest

from kpi_warehouse.truth.cohorts import (
    PREVIOUS,
    basis_differences,
    cohort_conversion,
    main_cause,
    stage_conversion,
)
from kpi_warehouse.truth.events import SCHEMA
from kpi_warehouse.truth.kpis import Kpi

JANUARY = date(2026, 1, 1)
RATE = Kpi("rate", "connected", "calls")


def leads(*reached: dict[str, date]) -> pl.DataFrame:
    """Leads of January and one channel, with the days on which they reached stages."""
    rows = [
        {"lead_id": f"L{number}", "channel_id": "webinar", "cohort_month": JANUARY, **row}
        for number, row in enumerate(reached)
    ]
    dates = dict.fromkeys(["cohort_month", *PREVIOUS], pl.Date)
    return pl.DataFrame(rows, schema={"lead_id": pl.String, "channel_id": pl.String, **dates})


def event(measure_id: str, event_date: date, cohort_date: date | None) -> dict:
    return {
        "measure_id": measure_id,
        "event_date": event_date,
        "cohort_date": cohort_date,
        "channel_id": "webinar",
        "quantity": 1,
    }


def test_cohort_conversion__is_cumulative_up_to_the_as_of_month() -> None:
    """Won on the last day of January, on the first of March, never, and before it was acquired."""
    stages = leads(
        {"won": date(2026, 1, 31)}, {"won": date(2026, 3, 1)}, {}, {"won": date(2025, 12, 31)}
    )
    cells = cohort_conversion(stages, as_of=date(2026, 3, 30)).filter(pl.col("stage_id") == "won")
    assert cells.sort("months_since").select("leads", "reached", "is_mature").rows() == [
        (4, 2, True),
        (4, 2, True),
        (4, 3, False),
    ]


def test_cohort_conversion__the_last_day_makes_the_month_mature() -> None:
    cells = cohort_conversion(leads({}), as_of=date(2026, 1, 31))
    assert cells["is_mature"].all()
    assert cells.height == len(PREVIOUS)


def test_stage_conversion__skipped_leads_are_beside_the_rate() -> None:
    day = date(2026, 2, 1)
    stages = leads({"handed_over": day, "won": day}, {"won": day}, {"handed_over": day}, {})
    won = stage_conversion(stages).filter(pl.col("to_stage_id") == "won")
    columns = ("from_stage_id", "leads", "reached_from", "converted", "skipped")
    assert won.select(columns).rows() == [("handed_over", 4, 2, 1, 1)]


def test_basis_differences__every_event_is_in_one_flow() -> None:
    """Of January's three calls one is of December's lead and one of nobody's."""
    february, december = date(2026, 2, 10), date(2025, 12, 31)
    events = pl.DataFrame(
        [
            event("calls", date(2026, 1, 31), JANUARY),
            event("calls", date(2026, 1, 31), december),
            event("calls", date(2026, 1, 31), None),
            event("calls", february, JANUARY),
            event("connected", february, JANUARY),
        ],
        schema=SCHEMA,
    )
    found = basis_differences([([RATE], events)])
    assert found.height == 3
    january = found.row(by_predicate=pl.col("month_start") == JANUARY, named=True)
    parts = {name: int(value) for name, value in january.items() if "ator" in name and value}
    assert parts == {
        "event_denominator": 3,
        "cohort_denominator": 2,
        "denominator_carried_in": 1,
        "denominator_carried_out": 1,
        "denominator_without_cohort": 1,
        "cohort_numerator": 1,
        "numerator_carried_out": 1,
    }


@pytest.mark.parametrize(
    ("event", "cohort", "flows", "is_mature", "cause"),
    [
        ((1, 4), (1, 4), (3, 3, 0), True, "equal"),
        ((1, 4), (1, 5), (3, 4, 0), False, "not_mature"),
        ((1, 4), (1, 5), (3, 4, 0), True, "later_events"),
        ((1, 5), (1, 4), (4, 3, 0), True, "earlier_cohorts"),
        ((0, 5), (0, 4), (1, 1, 1), True, "earlier_cohorts"),
        ((0, 5), (0, 2), (0, 0, 3), True, "no_cohort"),
    ],
)
def test_main_cause__is_the_flow_that_moves_most(event, cohort, flows, is_mature, cause) -> None:
    sides = ("numerator", "denominator")
    row = {f"event_{side}": Fraction(count) for side, count in zip(sides, event, strict=True)}
    row |= {f"cohort_{side}": Fraction(count) for side, count in zip(sides, cohort, strict=True)}
    names = ("carried_in", "carried_out", "without_cohort")
    row |= {f"numerator_{name}": Fraction(0) for name in names}
    row |= {f"denominator_{name}": Fraction(n) for name, n in zip(names, flows, strict=True)}
    assert main_cause(row, is_mature=is_mature) == cause


def test_main_cause__numerator_and_denominator_weigh_alike() -> None:
    """2 of 10 in the numerator are more than 15 of 200 and 10 of 200 in the denominator."""
    row = {
        "event_numerator": 4,
        "cohort_numerator": 6,
        "event_denominator": 100,
        "cohort_denominator": 100,
        "numerator_carried_in": 0,
        "numerator_carried_out": 2,
        "numerator_without_cohort": 0,
        "denominator_carried_in": 15,
        "denominator_carried_out": 10,
        "denominator_without_cohort": 5,
    }
    assert main_cause(row, is_mature=True) == "later_events"
