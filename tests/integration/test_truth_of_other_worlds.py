"""Other worlds, days and policies than the sample's against what truly happened (decision 0011)."""

from __future__ import annotations

import dataclasses
import datetime as dt

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from integration.conftest import MARTS, BuiltWorld, differences, differences_as_of, land_world
from kpi_warehouse.truth.agreements import truth_as_agreed
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.world import WorldOptions


def test_any_past_state_can_be_rebuilt(past: BuiltWorld) -> None:
    """R17: the same extracts as of a day in the past, a month end in the middle of the world."""
    assert past.log.as_of_date < WorldOptions().as_of_date
    assert past.log.leads["created_at"].max().date() > past.log.as_of_date
    assert differences(past, truth_as_agreed(past.log)) == []


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> BuiltWorld:
    """A world whose extracts go on, as of the end of a fiscal year."""
    world = land_world(tmp_path_factory.mktemp("past"), WorldOptions(activities=15_000))
    log = dataclasses.replace(world.log, as_of_date=dt.date(2026, 3, 31))
    past = BuiltWorld(log, world.folder)
    past.build_quickly(*MARTS.values())
    return past


def test_other_policies_equal_their_own_truth(past: BuiltWorld) -> None:
    """Every policy that decides what is counted, all other than by default."""
    policies = Policies(
        meeting_counts_at="proposal_stage",
        follow_up_starts="after_first_contact",
        open_window_days=7,
        influence_window_days=30,
        recycle_minimum_approaches=3,
    )
    with duckdb.connect(str(past.warehouse)) as connection:
        for policy_id, value in vars(policies).items():
            connection.execute(
                "update seeds.kpi_policies set policy_value = ? where policy_id = ?",
                [str(value), policy_id],
            )
    past.build_quickly(*MARTS.values(), below={"kpi_policies"})
    assert differences_as_of(past, past.log.as_of_date, policies) == []
    assert differences(past, truth_as_agreed(past.log)) != [], "the policies change nothing"


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    # a world that fails is not made smaller: each attempt is a build
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**31),
    activities=st.integers(150, 3_000),
    as_of_date=st.dates(dt.date(2025, 1, 1), dt.date(2027, 3, 31)),
)
def test_random_worlds_equal_their_truth(
    small_world, seed: int, activities: int, as_of_date: dt.date
) -> None:
    """Random small worlds that end on any day."""
    options = WorldOptions(seed=seed, activities=activities, as_of_date=as_of_date)
    world = small_world(options)
    assert differences(world, truth_as_agreed(world.log)) == []
