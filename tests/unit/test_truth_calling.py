"""The truth of call times and attempts, on a handful of calls."""

from datetime import date, datetime

import polars as pl
import pytest

from kpi_warehouse.truth.calling import (
    COUNTS,
    Period,
    attempt_class,
    counts_by,
    day_class,
    dials,
    periods,
    window,
)
from kpi_warehouse.world.log import SCHEMAS, WorldLog

AS_OF = date(2026, 5, 31)


def log(calls: list[dict], recycles: tuple[tuple[str, datetime], ...] = ()) -> WorldLog:
    """A world of one lead that is a target, one that is none, one deleted, and these calls."""
    lead = {"created_at": datetime(2026, 4, 1), "channel_id": "webinar", "is_target": True}
    frames = {name: pl.DataFrame(schema=schema) for name, schema in SCHEMAS.items()}
    frames["leads"] = pl.DataFrame(
        [
            {"lead_id": "L1", **lead},
            {"lead_id": "no target", **lead, "is_target": False},
            {"lead_id": "deleted", **lead, "is_deleted": True},
        ],
        schema=SCHEMAS["leads"],
    )
    usual = {"lead_id": "L1", "rep_id": "r1", "direction": "outbound", "is_countable": True}
    frames["calls"] = pl.DataFrame(
        [{"call_id": f"c{number:02}", **usual, **call} for number, call in enumerate(calls)],
        schema=SCHEMAS["calls"],
    )
    frames["recycles"] = pl.DataFrame(recycles, schema=SCHEMAS["recycles"], orient="row")
    frames["company_holidays"] = pl.DataFrame(
        [(date(2026, 5, 1), "創立記念日")], schema=SCHEMAS["company_holidays"], orient="row"
    )
    return WorldLog(as_of_date=AS_OF, seed=1, **frames)


def answered(at: datetime, person: str) -> dict:
    return {"started_at": at, "answered_at": at, "person": person}


def test_dials__hour_and_day_are_those_of_tokyo() -> None:
    moments = [datetime(2026, 4, 30, 14, 59, 59), datetime(2026, 4, 30, 15), datetime(2026, 5, 2)]
    frame = dials(log([{"started_at": at} for at in moments]))
    assert frame.select("call_date", "day_class", "hour_of_day").rows() == [
        (date(2026, 4, 30), "4", 23),
        (date(2026, 5, 1), "company_holiday", 0),
        (date(2026, 5, 2), "6", 9),
    ]


def test_dials__count_what_the_kpis_count() -> None:
    """Target, reception, machine, unanswered, no target, deleted lead; not inbound or internal."""
    at = datetime(2026, 4, 6, 1)
    frame = dials(
        log(
            [
                answered(at, "target"),
                answered(at, "gatekeeper"),
                answered(at, "machine"),
                {"started_at": at},
                {**answered(at, "target"), "lead_id": "no target"},
                {**answered(at, "target"), "lead_id": "deleted"},
                {**answered(at, "target"), "lead_id": None},
                {**answered(at, "target"), "direction": "inbound"},
                {**answered(at, "target"), "is_countable": False},
                {"started_at": datetime(2026, 5, 31, 15)},
            ]
        )
    )
    assert frame.select("channel_id", "attempt_class", *COUNTS).rows() == [
        ("webinar", "1", 1, 1, 1, 1, 1),
        ("webinar", "2", 1, 1, 1, 0, 0),
        ("webinar", "3", 1, 0, 1, 0, 0),
        ("webinar", "4", 1, 0, 1, 0, 0),
        ("webinar", "1", 1, 1, 0, 0, 1),
        ("unknown", "unknown", 1, 1, 1, 1, 0),
        ("unknown", "unknown", 1, 1, 1, 1, 0),
    ]


def test_dials__a_recycled_lead_is_counted_anew() -> None:
    calls = [answered(datetime(2026, 4, day, 1), "target") for day in (6, 7, 9)]
    frame = dials(log(calls, recycles=(("L1", datetime(2026, 4, 8)),)))
    assert frame["attempt_class"].to_list() == ["1", "2", "1"]
    assert frame["first_connections"].to_list() == [1, 0, 1]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 5, 1), "company_holiday"),
        (date(2026, 5, 2), "6"),
        (date(2026, 5, 4), "national_holiday"),  # a Monday
        (date(2026, 5, 5), "national_holiday"),  # the company is closed as well
        (date(2026, 5, 6), "national_holiday"),  # for the Sunday before
        (date(2026, 5, 7), "4"),
    ],
)
def test_day_class__a_holiday_is_no_weekday(day: date, expected: str) -> None:
    assert day_class(day, [date(2026, 5, 1), date(2026, 5, 5)]) == expected


def test_attempt_class__ends_with_the_tenth() -> None:
    found = [attempt_class(number) for number in (None, 1, 9, 10, 11)]
    assert found == ["unknown", "1", "9", "10+", "10+"]


@pytest.mark.parametrize(
    ("as_of", "months", "start"),
    [
        (date(2026, 9, 30), 12, date(2025, 10, 1)),
        (date(2028, 2, 29), 12, date(2027, 3, 1)),
        (date(2027, 2, 28), 12, date(2026, 3, 1)),
        (date(2026, 12, 31), 1, date(2026, 12, 1)),
        (date(2026, 9, 15), 12, date(2025, 9, 16)),
        (date(2026, 1, 10), 1, date(2025, 12, 11)),
        (date(2026, 3, 31), 1, date(2026, 3, 1)),
    ],
)
def test_window__ends_on_the_as_of_date(as_of: date, months: int, start: date) -> None:
    assert window(as_of, months) == Period(f"last_{months}_months", start, as_of)


def test_counts_by__every_period_of_a_day() -> None:
    frame = dials(
        log([{"started_at": datetime(2026, 4, 30, 14)}, {"started_at": datetime(2026, 5, 31)}])
    )
    found = counts_by(frame, AS_OF, ["channel_id"])
    assert found.sort("period_grain", "period_start").select(
        "period_grain", "period_start", "calls_made"
    ).rows() == [
        ("fiscal_year", date(2026, 4, 1), 2),
        ("half", date(2026, 4, 1), 2),
        ("last_12_months", date(2025, 6, 1), 2),
        ("month", date(2026, 4, 1), 1),
        ("month", date(2026, 5, 1), 1),
        ("quarter", date(2026, 4, 1), 2),
    ]
    assert len(periods(frame["call_date"], AS_OF)) == found.height
