"""Attainment of every target against the truth, as of the end of a month."""

from __future__ import annotations

from integration.conftest import BuiltWorld
from integration.goals_against_truth import attainments, unlike_truth


def test_every_target_is_attained_as_in_truth(sample: BuiltWorld) -> None:
    assert unlike_truth(sample) == []
    statuses = {row["status"] for row in attainments(sample)}
    assert statuses >= {"on_track", "behind", "review"}


def test_every_target_in_force_has_a_row(sample: BuiltWorld) -> None:
    """Of the months that have begun, and no other."""
    in_force = sample.query(
        "select distinct department_id, kpi_id, channel_id, month from intermediate.int_targets "
        "where is_in_force and month <= $day".replace("$day", f"date '{sample.log.as_of_date}'")
    )
    keys = [
        (*(row[name] for name in ("department", "kpi_id", "channel_id", "month")),)
        for row in attainments(sample)
    ]
    assert sorted(keys) == sorted(in_force)
    assert len(keys) > 300


def test_what_is_not_judged_says_why(sample: BuiltWorld) -> None:
    for row in attainments(sample):
        assert (row["status"] is None) == (row["status_reason"] is not None)
        assert (row["attainment"] is None) == (row["value_reason"] is not None)
