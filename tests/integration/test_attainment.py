"""Attainment of every target against the truth, as of the end of a month."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.pipeline import REGISTRY
from kpi_warehouse.semantic_layer.definitions import published_definitions
from kpi_warehouse.truth.agreements import truth_as_agreed
from kpi_warehouse.truth.attainment import Attainment, Attainments, Target

TOLERANCE = 1e-9
VALUES = (
    *("actual", "attainment", "expected_to_date", "pace", "projected", "status"),
    *("supported_target", "supported_months", "business_days", "business_days_elapsed"),
)


@pytest.fixture(scope="module")
def expected(sample: BuiltWorld) -> Attainments:
    return Attainments(
        truth_as_agreed(sample.log),
        published_definitions(REGISTRY),
        sample.log.company_holidays["date"],
        sample.log.as_of_date,
    )


def rows(world: BuiltWorld) -> list[dict]:
    with world.connect() as connection:
        found = connection.sql("from marts.kpi_attainment").to_arrow_table()
    return pl.from_arrow(found).to_dicts()


def target_of(row: dict) -> Target:
    return Target(
        row["department"], row["kpi_id"], row["channel_id"], row["month"], Decimal(row["target"])
    )


def differs(actual: object, wanted: object) -> bool:
    if isinstance(actual, float) and isinstance(wanted, float):
        return actual != pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE)
    return actual != wanted


def test_every_target_is_attained_as_in_truth(sample: BuiltWorld, expected: Attainments) -> None:
    wrong = []
    statuses = set()
    for row in rows(sample):
        truth: Attainment = expected.of(target_of(row))
        interval = (row["projected_low"], row["projected_high"])
        pairs = [(name, row[name], getattr(truth, name)) for name in VALUES]
        pairs += zip(("low", "high"), interval, truth.interval or (None, None), strict=True)
        wrong += [(row["kpi_id"], row["month"], *pair) for pair in pairs if differs(*pair[1:])]
        statuses.add(row["status"])
    assert wrong == []
    assert statuses >= {"on_track", "behind", "review"}


def test_every_target_in_force_has_a_row(sample: BuiltWorld) -> None:
    """Of the months that have begun, and no other."""
    in_force = sample.query(
        "select distinct department_id, kpi_id, channel_id, month from intermediate.int_targets "
        "where is_in_force and month <= $day".replace("$day", f"date '{sample.log.as_of_date}'")
    )
    keys = [
        (*(row[name] for name in ("department", "kpi_id", "channel_id", "month")),)
        for row in rows(sample)
    ]
    assert sorted(keys) == sorted(in_force)
    assert len(keys) > 300


def test_what_is_not_judged_says_why(sample: BuiltWorld) -> None:
    for row in rows(sample):
        assert (row["status"] is None) == (row["status_reason"] is not None)
        assert (row["attainment"] is None) == (row["value_reason"] is not None)
