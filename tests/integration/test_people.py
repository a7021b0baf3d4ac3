"""Reps, teams and newcomers against what truly happened (decision 0031)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.truth.people import RAMP_MONTHS, People, Performance, TeamKey

TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def people(sample: BuiltWorld) -> People:
    """What each rep of the sample has added to each KPI."""
    return People(sample.log)


@pytest.fixture(scope="module")
def teams(people: People) -> dict[TeamKey, dict[str, Performance]]:
    """The true performances, by KPI, period and team."""
    return dict(people.performances())


def rows_of(world: BuiltWorld, mart: str) -> list[dict[str, Any]]:
    """All rows of a published table."""
    with world.connect() as connection:
        return connection.sql(f"select * from marts.{mart}").to_arrow_table().to_pylist()


def team_key(row: dict[str, Any]) -> TeamKey:
    """The key of a row of a team."""
    return (row["kpi_id"], row["basis"], row["period_grain"], row["period_start"], row["team"])


def same(actual: float | None, expected: float | None) -> bool:
    """Whether two numbers are equal but for rounding, or both missing."""
    if actual is None or expected is None:
        return actual is expected
    return math.isclose(actual, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def test_every_rep_is_as_in_truth(
    sample: BuiltWorld, people: People, teams: dict[TeamKey, dict[str, Performance]]
) -> None:
    """As they are and at the team's mix: every KPI x team x rep x month to fiscal year."""
    rows = rows_of(sample, "rep_performance")
    assert len(rows) == sum(len(reps) for reps in teams.values())
    wrong = []
    for row in rows:
        expected = teams[team_key(row)][row["rep_id"]]
        value, interval, standard = expected.at_equal_mix or (None, None, None)
        low, high = interval or (None, None)
        is_same = (
            same(float(row["numerator"]), expected.numerator)
            and same(
                None if row["denominator"] is None else float(row["denominator"]),
                expected.denominator,
            )
            and same(row["value"], expected.value)
            and same(row["standardised_value"], value)
            and same(row["standardised_ci_low"], low)
            and same(row["standardised_ci_high"], high)
            and same(row["standard_value"], standard)
            and same(row["covered_share"], expected.covered_share)
            and row["is_whole_period"] == expected.is_whole_period
            and row["is_compared"] == expected.is_compared
        )
        if not is_same:
            wrong.append((row, expected))
    assert not wrong, (len(wrong), wrong[:2])

    moved = [
        row
        for row in rows
        if row["standardised_value"] is not None
        and not same(row["standardised_value"], row["value"])
    ]
    assert len(moved) > 1_000, "reps hardly differ in their channels, which proves nothing"
    assert {row["standardised_value_reason"] for row in rows} == {
        None,
        "no_cases",
        "not_applicable",
        "mix_not_covered",
    }
    assert {row["is_compared"] for row in rows if row["denominator"] is None} == {True, False}


def test_reps_are_as_many_months_in_as_they_are(sample: BuiltWorld, people: People) -> None:
    rows = rows_of(sample, "rep_performance")
    wrong, reasons = [], set()
    for row in rows:
        start = people.starts.get(row["rep_id"])
        last = people.last_day(row["period_grain"], row["period_start"])
        if start is None or not start.is_known:
            expected = (None, "start_not_known")
        elif start.day > last:
            expected = (None, "not_yet_started")
        else:
            months = (last.year - start.day.year) * 12 + last.month - start.day.month
            expected = (months, None)
        reasons.add(expected[1])
        if (row["months_since_start"], row["months_since_start_reason"]) != expected:
            wrong.append((row, expected))
    assert not wrong, (len(wrong), wrong[:2])
    assert {None, "start_not_known"} <= reasons


def test_every_team_is_as_far_apart_as_in_truth(
    sample: BuiltWorld, people: People, teams: dict[TeamKey, dict[str, Performance]]
) -> None:
    rows = rows_of(sample, "team_variance")
    expected = {key: reps for key, reps in teams.items() if key[-1] != "unknown"}
    assert len(rows) == len(expected)
    wrong = []
    for row in rows:
        spread = people.spread(team_key(row), expected[team_key(row)])
        if not all(same(row[name], value) for name, value in vars(spread).items()):
            wrong.append((row, spread))
    assert not wrong, (len(wrong), wrong[:2])
    assert sum(row["dispersion"] is not None for row in rows) > 1_000
    for row in rows:
        assert (row["spread_reason"] is None) == (row["median"] is not None)
        assert (row["dispersion_reason"] is None) == (row["dispersion"] is not None)
    assert {"too_few_reps", "not_applicable", "no_variation"} <= {
        row["dispersion_reason"] for row in rows
    }


def test_the_ramp_is_as_in_truth(sample: BuiltWorld, people: People) -> None:
    """Every KPI x months since the start."""
    expected = people.ramp()
    rows = rows_of(sample, "ramp_curve")
    assert {(row["kpi_id"], row["months_since_start"]) for row in rows} == set(expected)
    assert len(rows) == len(expected)
    wrong = []
    for row in rows:
        ramp = expected[row["kpi_id"], row["months_since_start"]]
        if not all(
            same(None if row[name] is None else float(row[name]), value)
            for name, value in vars(ramp).items()
        ):
            wrong.append((row, ramp))
        assert (row["value"] is None) == (row["value_reason"] == "no_cases")
        assert row["is_and_later"] == (row["months_since_start"] > RAMP_MONTHS)
    assert not wrong, (len(wrong), wrong[:2])
    assert {row["months_since_start"] for row in rows} == set(range(RAMP_MONTHS + 2))
