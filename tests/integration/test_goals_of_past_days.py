"""Attainment, the KGI tree and its levers as of days in the past, where the calendar is uneven.

The sample is as of the end of a month; these days lie within one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from integration.conftest import BuiltWorld, land_world
from integration.goals_against_truth import (
    LEVER_KEY,
    TREE_KEY,
    assert_equal,
    attainments,
    plan_of,
    published,
    unlike_truth,
)
from kpi_warehouse.truth.goals import lever_rows, tree_rows
from kpi_warehouse.world import WorldOptions

GOALS = ("kpi_attainment", "kgi_levers")
# the day as of which, its month's business days, and how many of them are over
DAYS = {
    "the company has closed for the year": (dt.date(2025, 12, 30), 20, 20),
    "golden week and its substitute holiday": (dt.date(2026, 5, 7), 18, 2),
    "the first business day": (dt.date(2026, 6, 1), 22, 1),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> BuiltWorld:
    return land_world(tmp_path_factory.mktemp("goals"), WorldOptions(activities=6_000))


@pytest.mark.parametrize("name", DAYS)
def test_goals_as_of_a_day_are_those_of_the_truth(world: BuiltWorld, name: str) -> None:
    day, business_days, elapsed = DAYS[name]
    past = BuiltWorld(dataclasses.replace(world.log, as_of_date=day), world.folder)
    past.build_quickly(*GOALS)

    assert unlike_truth(past) == []
    month = [row for row in attainments(past) if row["month"] == day.replace(day=1)]
    assert len(month) > 10
    for row in month:
        assert (row["business_days"], row["business_days_elapsed"]) == (business_days, elapsed)
        assert row["is_complete"] is False
        if elapsed == business_days:
            assert row["projected"] == row["actual"], "nothing more is to come"
    assert max(row["month"] for row in attainments(past)) == day.replace(day=1)

    plan = plan_of(past)
    expected = tree_rows(plan)
    assert_equal(published(past, "kgi_kpi_tree", TREE_KEY), expected)
    assert_equal(published(past, "kgi_levers", LEVER_KEY), lever_rows(plan, expected))
    assert len(expected) > 200
